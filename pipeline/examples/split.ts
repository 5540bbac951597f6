import { mixed } from "../math/hash.ts";

/** Assigns rows to parts, identically on every machine. */
export interface Partition {
  readonly partCount: number;
  /**
   * @param group Hash of the group, 32 bits.
   * @param label 1 if the row was clicked.
   * @param row Index of the row in its chunk, which depends on the data alone.
   * @param time Time of the row; NaN, the default, if it has none.
   */
  partOf(group: number, label: number, row: number, time?: number): number;
}

/**
 * Parts: training rows, held-out rows, rows left out by sampling, rows that decide when early stopping stops, and rows that a
 * split by time excludes.
 */
export const trainPart = 0;
export const testPart = 1;
export const leftOutPart = 2;
export const validationPart = 3;
export const excludedPart = 4;

export const defaultTestShare = 0.2;

export interface SplitOptions {
  readonly seed: number;
  /** Expected share of groups that are held out, in [0, 1). */
  readonly testShare: number;
  /** Share of the training rows without a click that are kept, in (0, 1]. */
  readonly negatives: number;
  /** Expected share of the other groups for early stopping, in [0, 1). Default: 0, without a validation part. */
  readonly validationShare?: number;
}

/** Returns the word that the hash of a group is combined with, so that another seed holds out other groups. */
export function splitSalt(seed: number): number {
  return mixed(seed + 0x9e3779b9);
}

/** Splits by group: all rows of a group are on the same side. */
export function trainTestSplit(options: SplitOptions): Partition {
  const { seed, testShare, validationShare = 0 } = options;
  const salt = splitSalt(seed);
  const testBelow = testShare * 2 ** 32;
  const validationSalt = mixed(seed + 0x3c6ef372);
  const validationBelow = validationShare * 2 ** 32;
  const sampledPart = createSampling(options);
  return {
    partCount: validationShare > 0 ? 4 : 3,
    partOf(group, label, row) {
      if (mixed(group ^ salt) < testBelow) return testPart;
      if (validationBelow > 0 && mixed(group ^ validationSalt) < validationBelow) return validationPart;
      return sampledPart(group, label, row);
    },
  };
}

/**
 * Returns a function that assigns training rows to the training part or the one left out by sampling. Held-out rows are never
 * sampled: they represent the rows that the model will score.
 */
export function createSampling(
  { seed, negatives }: Pick<SplitOptions, "seed" | "negatives">,
): (group: number, label: number, row: number) => number {
  const salt = mixed(seed + 0x7f4a7c15);
  const keepBelow = negatives * 2 ** 32;
  return (group, label, row) => {
    if (label === 1 || negatives === 1) return trainPart;
    return mixed(mixed(group ^ salt) + row) < keepBelow ? trainPart : leftOutPart;
  };
}
