import { type ChunkStore, createChunkStore, loadEach } from "../chunks/chunk_store.ts";
import { type EncodedExamples, encodeInSteps } from "../encode/encode.ts";
import { plainFields } from "../chunks/chunk_file.ts";
import { fingerprintOf } from "../examples/fingerprint.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import type { RowAccount } from "../examples/row_account.ts";
import { type Partition, testPart } from "../examples/split.ts";
import { splitInSteps, type SplitTimes } from "../examples/time_split.ts";
import { Failure } from "../failure.ts";
import { type GoldenRow, pickGolden } from "../model/golden.ts";
import { runToEnd, type Steps } from "../runtime/steps.ts";
import type { LeakWarning } from "../examples/leaks/leak_warning.ts";
import { leaksOfExamples } from "./example_leaks.ts";
import { servedValueNotes } from "../model/served_values.ts";
import { areOneGroup, groupNotes } from "./notes.ts";
import { timeNotes } from "./time_notes.ts";
import { type SampledRow, sampleRows } from "../report/sampled_rows.ts";
import { type HyperParameters, preparationOf } from "./hyper_parameters.ts";

/** Examples ready for training: plain data over shared memory, which can be posted to other threads. */
export interface Prepared extends EncodedExamples {
  readonly fingerprint: string;
  readonly goldenRows: readonly GoldenRow[];
  /** Some of the rows that are evaluated, for the report. */
  readonly sampled: readonly SampledRow[];
  readonly lastId: bigint | undefined;
  readonly account: RowAccount;
  /** Present for a split by time. */
  readonly times?: SplitTimes;
  /** Notes about the data, for the model's metadata. */
  readonly notes: readonly string[];
  /** Warnings of leaks, for the model's metadata. */
  readonly warnings: readonly LeakWarning[];
}

/**
 * Splits and encodes examples for a training.
 *
 * @param raw Consumed: its columns are reused.
 * @param chunkStore Spills the chunks that exceed its budget.
 * @throws {Failure} `examples-invalid` if there are no rows, or numbers are too large to be scaled.
 */
export function prepare(
  raw: RawExamples,
  spec: FeatureSpec,
  hyperParameters: HyperParameters,
  chunkStore?: ChunkStore,
): Prepared {
  return runToEnd(prepareInSteps(raw, spec, hyperParameters, chunkStore));
}

/** Like `prepare`, in steps of all threads. */
export function* prepareInSteps(
  raw: RawExamples,
  spec: FeatureSpec,
  hyperParameters: HyperParameters,
  chunkStore: ChunkStore = createChunkStore(),
): Steps<Prepared> {
  requireExamples(raw, spec);
  const { lastId } = raw;
  const preparation = preparationOf(spec, hyperParameters);
  const { split, testShare, poolPure, withTables } = preparation;
  const { partition, excluded, times } = yield* splitInSteps(raw, spec, preparation);
  const account = { ...raw.account, ...excluded };
  const isOneGroup = split === undefined && requireSplit(raw, spec, partition);
  const notes = [
    ...groupNotes(raw, spec, { isOneGroup, testShare }),
    ...timeNotes(times, spec, preparation),
  ];
  const findLeaks = leaksOfExamples(raw, spec, partition, split === "time");
  yield;
  const fingerprint = fingerprintOf(raw);
  yield;
  const goldenRows = pickGolden(raw, spec);
  const sampled = sampleRows(raw, spec, partition, testShare);
  yield;
  let warnings: readonly LeakWarning[] = [];
  const encoded = yield* encodeInSteps(raw, spec, partition, {
    poolPure,
    withBins: withTables,
    // For the noise of the calibration, and folds.
    withGroups: true,
    chunkStore,
    beside: (walk) => warnings = findLeaks(walk),
  });
  return {
    ...encoded,
    fingerprint,
    goldenRows,
    sampled,
    lastId,
    account,
    ...(times ? { times } : {}),
    notes: [...notes, ...servedValueNotes(encoded.encoder)],
    warnings,
  };
}

/**
 * Checks that the split leaves rows to train on.
 *
 * @returns Whether all rows are in one group.
 * @throws {Failure} `examples-invalid` if that group is held out.
 */
export function requireSplit(raw: RawExamples, { group }: FeatureSpec, { partOf }: Partition): boolean {
  const isOneGroup = areOneGroup(raw);
  const [first] = isOneGroup ? loadEach(raw.chunks.filter((chunk) => plainFields(chunk).rowCount > 0)) : [];
  if (first && partOf(first.groups[0], first.labels[0], 0, first.times?.[0]) === testPart) {
    throw new Failure(
      "examples-invalid",
      `All ${raw.rowCount} rows are in one group (${group}), which is held out: no row is left to train on. ` +
        "Name another group in the feature spec, such as the id, or hold nothing out with --test-share 0.",
    );
  }
  return isOneGroup;
}

/** @throws {Failure} `examples-invalid` if there are no rows. */
export function requireExamples({ rowCount, account }: RawExamples, spec: FeatureSpec): void {
  if (rowCount > 0) return;
  const { view, label, weight = "" } = spec;
  if (account.read > 0) {
    const { read, noLabel, zeroWeight } = account;
    throw new Failure(
      "examples-invalid",
      `Cannot train on the ${read} rows of the view ${view}: ${noLabel} have no ${label}` +
        `${zeroWeight === 0 ? "" : `, ${zeroWeight} have ${weight} 0`}. Load rows with a label.`,
    );
  }
  const { rows = 0, table = "", parents = [] } = account.orphans ?? {};
  if (rows > 0) {
    throw new Failure(
      "examples-invalid",
      `The view ${view} has no rows: ${table} has ${rows}, but the rows they refer to are not in ${
        parents.join(" or ")
      }. ` +
        "Load them with clickwell ingest.",
    );
  }
  throw new Failure(
    "examples-invalid",
    `The view ${view} has no rows: load the tables that it reads with clickwell ingest.`,
  );
}
