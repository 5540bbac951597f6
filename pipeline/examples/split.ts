import { mixed } from "../math/hash.ts";

/** Assigns rows to parts: all rows of a group to the same side, and to the same one on every machine. */
export interface Partition {
  readonly partCount: number;
  /**
   * @param group Hash of the group, 32 bits.
   * @param label 1 where the row was clicked.
   * @param row The row's place in its chunk, which depends on the data alone.
   */
  partOf(group: number, label: number, row: number): number;
}

/** The rows to learn from, the rows held out, the rows that sampling leaves out, and those that say when to stop. */
export const trainPart = 0;
export const testPart = 1;
export const leftOutPart = 2;
export const validationPart = 3;

export interface SplitOptions {
  readonly seed: number;
  /** Expected share of groups that are held out, in [0, 1). */
  readonly testShare: number;
  /** Share of the training rows without a click that are kept, in (0, 1]. */
  readonly negatives: number;
  /** Expected share of the other groups that early stopping looks at, in [0, 1); without, there is no such part. */
  readonly validationShare?: number;
}

export function trainTestSplit({ seed, testShare, negatives, validationShare = 0 }: SplitOptions): Partition {
  const salt = mixed(seed + 0x9e3779b9);
  const sampleSalt = mixed(seed + 0x7f4a7c15);
  const testBelow = testShare * 2 ** 32;
  const validationSalt = mixed(seed + 0x3c6ef372);
  const validationBelow = validationShare * 2 ** 32;
  const keepBelow = negatives * 2 ** 32;
  return {
    partCount: validationShare > 0 ? 4 : 3,
    partOf(group, label, row) {
      if (mixed(group ^ salt) < testBelow) return testPart;
      if (validationBelow > 0 && mixed(group ^ validationSalt) < validationBelow) return validationPart;
      // Held-out rows are never sampled: they stand for what the model will meet.
      if (label === 1 || negatives === 1) return trainPart;
      return mixed(mixed(group ^ sampleSalt) + row) < keepBelow ? trainPart : leftOutPart;
    },
  };
}
