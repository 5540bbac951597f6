import { createChunkStore } from "../chunks/chunk_store.ts";
import { encodeInSteps } from "../encode/encode.ts";
import { readCachedExamples } from "../examples/cache/cached_examples.ts";
import { fingerprintOf } from "../examples/fingerprint.ts";
import { requireAccounted, type RowAccount } from "../examples/row_account.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { splitInSteps } from "../examples/time_split.ts";
import { Failure } from "../failure.ts";
import { balance } from "../fit/class_balance.ts";
import { divideIntoFolds, type FoldedDesign } from "../fit/folds.ts";
import { runCooperatively } from "../runtime/steps.ts";
import type { Store } from "../store/store.ts";
import { type ClassCounts, requireBothClasses, usedRows } from "../train/class_counts.ts";
import { readObserver, type TrainObserver } from "../train/fit_model.ts";
import { type HyperParameters, readSpecOf } from "../train/hyper_parameters.ts";
import { requireExamples, requireSplit } from "../train/prepare.ts";
import type { StageClock } from "../train/stage_clock.ts";
import { cacheOptionsOf, type ResourceOptions, type TrainingResources } from "../train/training_resources.ts";

export interface PrepareFoldsOptions extends Pick<ResourceOptions, "cacheBytes"> {
  readonly spec: FeatureSpec;
  readonly hyperParameters: HyperParameters;
  readonly foldCount: number;
  readonly signal?: AbortSignal;
  readonly observe?: TrainObserver;
}

/** The store's examples, encoded and divided into folds. */
export interface PreparedFolds {
  readonly folded: FoldedDesign;
  readonly counts: ClassCounts;
  readonly account: RowAccount;
  /** SHA-256 of the examples as they were read, hexadecimal. */
  readonly fingerprint: string;
}

/**
 * Reads and encodes the examples as `train` does, and divides the training rows into folds.
 *
 * @throws {Failure} `examples-invalid`, `interrupted`.
 */
export async function prepareFolds(
  store: Store,
  options: PrepareFoldsOptions,
  { threads, budget }: TrainingResources,
  clock: StageClock,
): Promise<PreparedFolds> {
  const { spec, hyperParameters, foldCount, signal } = options;
  const raw = await readCachedExamples(store, readSpecOf(spec, hyperParameters), threads, {
    ...cacheOptionsOf(options),
    budget,
    ...readObserver(options),
  });
  requireExamples(raw, spec);
  clock.lap("read");
  const { split } = hyperParameters;
  // Cross-validation needs no rows for early stopping.
  const splitting = splitInSteps(raw, spec, { ...hyperParameters, validationShare: 0 });
  const { partition, excluded } = await runCooperatively(splitting, signal);
  if (split === undefined) requireSplit(raw, spec, partition);
  const account = { ...raw.account, ...excluded };
  const fingerprint = fingerprintOf(raw);
  const chunkStore = createChunkStore(budget);
  const encoding = encodeInSteps(raw, spec, partition, { poolPure: false, withGroups: true, chunkStore });
  const { design: encoded } = await runCooperatively(encoding, signal, threads);
  const counts = requireBothClasses(encoded);
  const design = hyperParameters.classWeight === "balanced"
    ? balance(encoded, counts.sums, chunkStore)
    : encoded;
  const folded = divideIntoFolds(design, { foldCount, seed: hyperParameters.seed, split, chunkStore });
  requireRows(folded, split);
  requireAccounted(account, usedRows(encoded));
  clock.lap("encode");
  return { folded, counts, account, fingerprint };
}

function requireRows({ design, folds, trainParts }: FoldedDesign, split: HyperParameters["split"]): void {
  const least = Math.min(...trainParts.map((part) => design.partRows[part]));
  if (least > 0) return;
  throw new Failure(
    "examples-invalid",
    `Cannot make ${folds.length} folds: one of them has no row, since all rows of ${
      split === undefined ? "a group" : split === "time" ? "the same time" : "the same time, and of a group,"
    } are in one fold. ` +
      "Use fewer with --folds, load more rows, or hold out less with --test-share.",
  );
}
