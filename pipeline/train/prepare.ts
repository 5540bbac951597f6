import { type ChunkStore, createChunkStore, loadEach } from "../chunks/chunk_store.ts";
import { type EncodedExamples, encodeInSteps } from "../encode/encode.ts";
import { plainFields } from "../chunks/chunk_file.ts";
import { fingerprintOf } from "../examples/fingerprint.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import type { RowAccount } from "../examples/row_account.ts";
import { type Partition, testPart, trainTestSplit } from "../examples/split.ts";
import { Failure } from "../failure.ts";
import { type GoldenRow, pickGolden } from "../model/golden.ts";
import { runToEnd } from "../runtime/event_loop.ts";
import { areOneGroup, dataNotes } from "./notes.ts";
import type { HyperParameters } from "./hyper_parameters.ts";

/** Examples that are ready to be learnt from: plain data over shared memory, which threads can hand on to each other. */
export interface Prepared extends EncodedExamples {
  readonly fingerprint: string;
  readonly goldenRows: readonly GoldenRow[];
  readonly lastId: bigint | undefined;
  readonly account: RowAccount;
  /** What a reader should know about the data, in words. */
  readonly notes: readonly string[];
}

/**
 * Splits and encodes examples for a training.
 *
 * @param raw Is used up.
 * @param keeper Keeps the chunks that are in files there.
 * @throws {Failure} `examples-invalid` where there are no rows, or numbers are too large to be scaled.
 */
export function prepare(
  raw: RawExamples,
  spec: FeatureSpec,
  hyperParameters: HyperParameters,
  keeper?: ChunkStore,
): Prepared {
  return runToEnd(prepareInSteps(raw, spec, hyperParameters, keeper));
}

/** As `prepare`, with a stop after each walk over the rows. */
export function* prepareInSteps(
  raw: RawExamples,
  spec: FeatureSpec,
  hyperParameters: HyperParameters,
  keeper: ChunkStore = createChunkStore(),
): Generator<void, Prepared> {
  requireExamples(raw, spec);
  const { lastId, account } = raw;
  const split = splitOf(hyperParameters);
  const notes = dataNotes(raw, spec, { isOneGroup: requireSplit(raw, spec, split), ...hyperParameters });
  const fingerprint = fingerprintOf(raw);
  yield;
  const goldenRows = pickGolden(raw, spec);
  const encoded = yield* encodeInSteps(raw, spec, split, {
    poolPure: hyperParameters.penalty === "none",
    chunkStore: keeper,
  });
  return { ...encoded, fingerprint, goldenRows, lastId, account, notes };
}

/**
 * @returns Whether all rows are of one group.
 * @throws {Failure} `examples-invalid` if all are held out because of that.
 */
export function requireSplit(raw: RawExamples, { group }: FeatureSpec, { partOf }: Partition): boolean {
  const isOneGroup = areOneGroup(raw);
  const [first] = isOneGroup ? loadEach(raw.chunks.filter((chunk) => plainFields(chunk).rowCount > 0)) : [];
  if (first && partOf(first.groups[0], first.labels[0], 0) === testPart) {
    throw new Failure(
      "examples-invalid",
      `All ${raw.rowCount} rows are in one group (${group}), which is held out: nothing is left to learn from. ` +
        "Name another group in the feature spec, such as the id, or hold nothing out with --test-share 0.",
    );
  }
  return isOneGroup;
}

/** @throws {Failure} `examples-invalid` where there are no rows. */
export function requireExamples({ rowCount, account }: RawExamples, spec: FeatureSpec): void {
  if (rowCount > 0) return;
  const { view, label, weight = "" } = spec;
  if (account.read > 0) {
    const { read, noLabel, zeroWeight } = account;
    throw new Failure(
      "examples-invalid",
      `Nothing can be learnt from the ${read} rows of the view ${view}: ${noLabel} have no ${label}` +
        `${zeroWeight === 0 ? "" : `, ${zeroWeight} have the ${weight} 0`}. Load rows with a label.`,
    );
  }
  const { rows = 0, table = "", parents = [] } = account.orphans ?? {};
  if (rows > 0) {
    throw new Failure(
      "examples-invalid",
      `The view ${view} has no rows: ${table} has ${rows}, but what they refer to is not in ${
        parents.join(" or ")
      }. ` +
        "Load that with clickwell ingest.",
    );
  }
  throw new Failure(
    "examples-invalid",
    `The view ${view} has no rows: load the tables that it reads with clickwell ingest.`,
  );
}

/** Rows to stop by are set aside only where training may stop early. */
function splitOf(hyperParameters: HyperParameters): Partition {
  const { seed, testShare, negatives, optimizer, patience = 0, validationShare = 0 } = hyperParameters;
  const stops = optimizer !== undefined && patience > 0;
  return trainTestSplit({ seed, testShare, negatives, validationShare: stops ? validationShare : 0 });
}
