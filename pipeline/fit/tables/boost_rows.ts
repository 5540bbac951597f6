import type { Pair, RowFolds, SearchRows, TreeKind } from "./found_model.ts";

/** A field's bins as trees see them: at most 65,536. */
export interface BoostField {
  /** Shape (rows). */
  readonly codes: Uint16Array<SharedArrayBuffer>;
  readonly binCount: number;
  readonly isNumeric: boolean;
}

/** Rows that trees are fitted to or scored on, in memory that threads share. */
export interface BoostRows {
  readonly fields: readonly BoostField[];
  readonly labels: Uint8Array<SharedArrayBuffer>;
  readonly weights?: Float64Array<SharedArrayBuffer>;
  readonly blocks: RowFolds["blocks"];
  /** Hash of each row's group, shape (rows); present if groups are resampled. */
  readonly groups?: SearchRows["groups"];
}

/** Which resample of the groups rows are weighted by: see `drawCounts`. */
export interface Resample {
  readonly number: number;
  readonly seed: number;
}

/** Rows and their folds. */
export type FoldedRows = BoostRows & RowFolds;

/** One run of boosting. */
export interface BoostTask extends TreeKind {
  /** Rows of these blocks are fitted to. */
  readonly fittedTo: readonly number[];
  /** Rows of this block are scored after each tree, to find the best number of trees. */
  readonly scoredOn?: number;
  /** Pairs of fields that a path may combine. */
  readonly pairs: readonly Pair[] | "all";
  readonly treesMax: number;
  /** Trees after the best one at which a scored run ends. */
  readonly patience: number;
  readonly seed: number;
  /** Rows count as often as their group is in this resample. */
  readonly resample?: Resample;
}

/** What a run of boosting found. */
export interface BoostRun {
  readonly forest: Forest;
  /** Number of trees with the least loss on the scored rows; all trees if none are scored. */
  readonly trees: number;
  /** Logits of the scored rows by these trees, in row order. */
  readonly logits: Float64Array;
  /** Gain of the splits of paths with both fields, shape (fields, fields), upper triangle. */
  readonly pairGain: Float64Array;
}

/** Runs of boosting that an interrupted search on the same rows has done. */
export interface KeptRuns {
  /** Returns the runs of these tasks; undefined if they were not done. @param rowCount Of the rows that they are on. */
  find(rowCount: number, tasks: readonly BoostTask[]): readonly BoostRun[] | undefined;
  keep(rowCount: number, tasks: readonly BoostTask[], runs: readonly BoostRun[]): void;
}

/**
 * The leaves of boosted trees. A leaf adds its value to the logit of the rows in its box, which restricts at most two fields.
 *
 * A record in `boxes` is: tree, first field or −1, second field or −1, then the set of bins of each field: of a numeric one, first bin, bin
 * after the last, and whether bin 0 is in it; of a categorical one, a bit per bin in words of 32.
 */
export interface Forest {
  /** The logit without trees. */
  readonly start: number;
  readonly boxes: Int32Array;
  /** Shape (leaves). */
  readonly values: Float64Array;
}

/** Rows of a block from here on are scored with block − `onlyScored`, and no fold is fitted to them. */
export const onlyScored = 64;

/** Numbers by which trees are grown. */
export const growth = {
  rate: 0.05,
  l2: 3,
  /** Added to `l2` if a split names several levels. */
  subsetL2: 10,
  /** Levels that such a split names at most. */
  subsetMax: 32,
  /** Least weight of the rows on each side of a split. */
  leafRows: 10,
  gainMin: 1e-9,
  rowShare: 0.8,
  fieldShare: 0.7,
  /** A leaf of n rows has its value to the share n / (n + shrink), and else its parent's. */
  shrink: 10,
};

/** Numbers by which a run of boosting ends. */
export const stopping = { patience: 60, treesMax: 3000 };
