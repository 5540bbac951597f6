import { exp, log } from "../math/elementary.ts";
import type { RateEncoder } from "./encoder.ts";

/** Rows and clicks of a set of rows, each row counted by its weight. */
export interface RowSums {
  readonly rows: number;
  readonly clicks: number;
}

/** Returns the click rate of rows, with half a click and half a row without one added, so that its log-odds are finite. */
export function baseRateOf({ rows, clicks }: RowSums): number {
  return (clicks + 0.5) / (rows + 1);
}

/**
 * Returns the value of a rate's column: the log-odds of the rate (clicks + prior · base) / (rows + prior), less those of the base
 * rate. It is 0 without rows, and moves to the log-odds of the rows' own rate with their number.
 *
 * @see Micci-Barreca, A Preprocessing Scheme for High-Cardinality Categorical Attributes (2001), on the blend with the base rate.
 */
export function rateValue(
  { rows, clicks }: RowSums,
  { base, prior }: Pick<RateEncoder, "base" | "prior">,
): number {
  if (rows === 0) return 0;
  const [ones, zeros] = [clicks + prior * base, Math.max(0, rows - clicks) + prior * (1 - base)];
  return log(ones / zeros) - log(base / (1 - base));
}

/** Returns the share of its weight that a row keeps after a time, 2^(−elapsed / halfLife). Both are in one unit. */
export function decayOf(elapsed: number, halfLife: number): number {
  return exp(-ln2 * (elapsed / halfLife));
}

const ln2 = 0.6931471805599453;

/**
 * As `rateValue`, at a time.
 *
 * @param sums As of the rate's last training row, if it decays.
 * @param time NaN, or an earlier time, stands for that of the last training row.
 */
export function rateValueAtTime(
  sums: RowSums,
  rate: Pick<RateEncoder, "base" | "prior" | "decay">,
  time: number,
): number {
  const { decay } = rate;
  const factor = decay && time > decay.asOf ? decayOf(time - decay.asOf, decay.halfLife) : 1;
  return rateValue({ rows: sums.rows * factor, clicks: sums.clicks * factor }, rate);
}
