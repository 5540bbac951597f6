import { type ChunkKeeper, createKeeper } from "../chunks/chunk_keeper.ts";
import { type EncodedExamples, encodeInSteps } from "../encode/encode.ts";
import { fingerprintOf } from "../examples/fingerprint.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { type Partition, trainTestSplit } from "../examples/split.ts";
import { Failure } from "../failure.ts";
import { type GoldenRow, pickGolden } from "../model/golden.ts";
import { runThrough } from "../stepwise.ts";
import type { HyperParameters } from "./train.ts";

/** Examples that are ready to be learnt from: plain data over shared memory, which threads can hand on to each other. */
export interface Prepared extends EncodedExamples {
  readonly fingerprint: string;
  readonly goldenRows: readonly GoldenRow[];
  readonly lastId: bigint | undefined;
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
  keeper?: ChunkKeeper,
): Prepared {
  return runThrough(prepareInSteps(raw, spec, hyperParameters, keeper));
}

/** As `prepare`, with a stop after each walk over the rows. */
export function* prepareInSteps(
  raw: RawExamples,
  spec: FeatureSpec,
  hyperParameters: HyperParameters,
  keeper: ChunkKeeper = createKeeper(),
): Generator<void, Prepared> {
  requireExamples(raw, spec);
  const { lastId } = raw;
  const fingerprint = fingerprintOf(raw);
  yield;
  const goldenRows = pickGolden(raw, spec);
  const encoded = yield* encodeInSteps(raw, spec, splitOf(hyperParameters), {
    joinPure: hyperParameters.penalty === "none",
    keeper,
  });
  return { ...encoded, fingerprint, goldenRows, lastId };
}

/** @throws {Failure} `examples-invalid` where there are no rows. */
export function requireExamples({ rowCount }: RawExamples, { view }: FeatureSpec): void {
  if (rowCount > 0) return;
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
