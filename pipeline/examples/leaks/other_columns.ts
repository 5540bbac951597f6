import { log } from "../../math/elementary.ts";
import { type Counts, lacks, type Verdict, verdictOf } from "./class_rates.ts";
import { binColumn, binNumbers } from "./column_bins.ts";
import { type Strength, strengthOf } from "./column_strength.ts";
import type { LeakSample } from "./leak_sample.ts";

/** What columns say about the labels, each alone and together. */
export interface Evidence {
  /** Per column; undefined for those that are not looked at. */
  readonly strengths: readonly (Strength | undefined)[];
  /** Returns how well all columns but these tell the labels together, or the best of them alone. */
  without(columns: readonly number[]): Strength;
}

/** Assesses columns. @param open Indices of the columns to look at. */
export function assessColumns({ columns, rows }: LeakSample, open: Iterable<number>): Evidence {
  const looked = new Set(open);
  const strengths = columns.map((column, c) =>
    looked.has(c) ? strengthOf(binColumn(column, rows.columns[c], rows.labels), rows) : undefined
  );
  const sum = new Float64Array(rows.rowCount);
  const add = (c: number, sign: number, to: Float64Array) => {
    const strength = strengths[c];
    // The scores of a column that says nothing are noise.
    if (!strength || strength.auc - strength.error <= 0.5) return;
    strength.rates.forEach((rate, i) => to[i] += sign * log(rate / (1 - rate)));
  };
  for (const c of looked) add(c, 1, sum);
  const known = new Map<string, Strength>();
  return {
    strengths,
    without: (left) =>
      known.getOrInsertComputed(left.join(), () => {
        const scores = sum.slice();
        for (const c of left) add(c, -1, scores);
        const together = strengthOf(binNumbers(scores.map(Math.fround), rows.labels), rows);
        const alone = strengths.flatMap((strength, c) => left.includes(c) ? [] : strength?.missed ?? []);
        return { ...together, missed: Math.min(together.missed, ...alone) };
      }),
  };
}

/**
 * Judges a state of the rows by its labels, as `verdictOf` does. What the other columns lead one to expect of its rows is no sign of
 * a leak.
 *
 * @param isIn Whether a row is in the state.
 * @param left Columns that the state is of.
 */
export function judge(
  { rows: { weights, rowCount } }: LeakSample,
  evidence: Evidence,
  { state, all, isIn, left, shareMax }: {
    readonly state: Counts;
    readonly all: Counts;
    readonly isIn: (row: number) => boolean;
    readonly left: readonly number[];
    readonly shareMax?: number;
  },
): Verdict | undefined {
  const verdict = verdictOf(state, all, shareMax);
  if (!verdict) return undefined;
  const { rates } = evidence.without(left);
  let expected = 0;
  for (let i = 0; i < rowCount; i++) {
    if (isIn(i)) expected += weights[i] * (verdict === "never" ? rates[i] : 1 - rates[i]);
  }
  return lacks(state, verdict, expected, shareMax) ? verdict : undefined;
}
