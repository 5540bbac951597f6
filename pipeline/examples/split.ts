import { mixed } from "../math/hash.ts";

/** Assigns rows to parts: all rows of a group to the same side of the split, identically on every machine. */
export type Partition = ReturnType<typeof trainTestSplit>;

/** Parts: training rows, held-out rows, rows left out by sampling, and rows that decide when early stopping stops. */
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
  /** Expected share of the other groups for early stopping, in [0, 1). Default: 0, without a validation part. */
  readonly validationShare?: number;
}

export function trainTestSplit({ seed, testShare, negatives, validationShare = 0 }: SplitOptions) {
  const salt = mixed(seed + 0x9e3779b9);
  const sampleSalt = mixed(seed + 0x7f4a7c15);
  const testBelow = testShare * 2 ** 32;
  const validationSalt = mixed(seed + 0x3c6ef372);
  const validationBelow = validationShare * 2 ** 32;
  const keepBelow = negatives * 2 ** 32;
  return {
    partCount: validationShare > 0 ? 4 : 3,
    /**
     * @param group Hash of the group, 32 bits.
     * @param label 1 if the row was clicked.
     * @param row Index of the row in its chunk, which depends on the data alone.
     */
    partOf(group: number, label: number, row: number): number {
      if (mixed(group ^ salt) < testBelow) return testPart;
      if (validationBelow > 0 && mixed(group ^ validationSalt) < validationBelow) return validationPart;
      // Held-out rows are never sampled: they represent the rows that the model will score.
      if (label === 1 || negatives === 1) return trainPart;
      return mixed(mixed(group ^ sampleSalt) + row) < keepBelow ? trainPart : leftOutPart;
    },
  };
}
