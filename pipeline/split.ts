import { mixed } from "./raw_examples.ts";

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

/** The rows to learn from, the rows held out, and the rows that sampling leaves out. */
export const trainPart = 0;
export const testPart = 1;
export const leftOutPart = 2;

export interface SplitOptions {
  readonly seed: number;
  /** Expected share of groups that are held out, in [0, 1). */
  readonly testShare: number;
  /** Share of the training rows without a click that are kept, in (0, 1]. */
  readonly negatives: number;
}

export function trainTestSplit({ seed, testShare, negatives }: SplitOptions): Partition {
  const salt = mixed(seed + 0x9e3779b9);
  const sampleSalt = mixed(seed + 0x7f4a7c15);
  const testBelow = testShare * 2 ** 32;
  const keepBelow = negatives * 2 ** 32;
  return {
    partCount: 3,
    partOf(group, label, row) {
      if (mixed(group ^ salt) < testBelow) return testPart;
      // Held-out rows are never sampled: they stand for what the model will meet.
      if (label === 1 || negatives === 1) return trainPart;
      return mixed(mixed(group ^ sampleSalt) + row) < keepBelow ? trainPart : leftOutPart;
    },
  };
}
