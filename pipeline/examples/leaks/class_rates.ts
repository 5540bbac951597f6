import type { SampledRows } from "./sampled_rows.ts";

/** Rows and clicks, each row counted by its weight. */
export interface Counts {
  readonly rows: number;
  readonly clicks: number;
}

/** Clicks, or rows without one, that chance would give a state before it is judged. */
const expectedMin = 20;
/** Share of the expected number up to which a state counts as without any. */
const defaultShareMax = 0.05;
/** Share of the rows from which a state counts that lacks the rarer label. */
const commonShareMin = 0.03;

/** Which label hardly any row of a state has: 1, or 0. */
export type Verdict = "never" | "always";

/**
 * Judges a state of the rows by its labels.
 *
 * @param shareMax Share of the expected number up to which the state counts as without any.
 * @returns `never` if hardly any of its rows has label 1, `always` if hardly any has label 0, far fewer than chance allows.
 */
export function verdictOf(state: Counts, all: Counts, shareMax?: number): Verdict | undefined {
  if (state.rows <= 0 || all.rows <= 0) return undefined;
  const rate = all.clicks / all.rows;
  const isCommon = state.rows >= commonShareMin * all.rows;
  if ((isCommon || rate > 0.5) && lacks(state, "never", state.rows * rate, shareMax)) return "never";
  if ((isCommon || rate < 0.5) && lacks(state, "always", state.rows * (1 - rate), shareMax)) return "always";
  return undefined;
}

/** Whether far fewer rows of a state have the verdict's label than expected. */
export function lacks(
  { rows, clicks }: Counts,
  verdict: Verdict,
  expected: number,
  shareMax = defaultShareMax,
): boolean {
  const count = verdict === "never" ? clicks : rows - clicks;
  return expected >= expectedMin && count + 1 <= shareMax * expected;
}

/** Counts the rows for which `isIn` is true. */
export function countWhere(
  { rowCount, labels, weights }: SampledRows,
  isIn: (row: number) => boolean,
): Counts {
  let [rows, clicks] = [0, 0];
  for (let i = 0; i < rowCount; i++) {
    if (!isIn(i)) continue;
    rows += weights[i];
    if (labels[i] === 1) clicks += weights[i];
  }
  return { rows, clicks };
}

export function minus(a: Counts, b: Counts): Counts {
  return { rows: a.rows - b.rows, clicks: a.clicks - b.clicks };
}
