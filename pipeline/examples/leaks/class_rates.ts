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

/**
 * Judges a state of the rows by its labels.
 *
 * @param shareMax Share of the expected number up to which the state counts as without any.
 * @returns `never` if hardly any of its rows has label 1, `always` if hardly any has label 0, far fewer than chance allows.
 */
export function verdictOf(
  state: Counts,
  all: Counts,
  shareMax = defaultShareMax,
): "never" | "always" | undefined {
  if (state.rows <= 0 || all.rows <= 0) return undefined;
  const rate = all.clicks / all.rows;
  const isCommon = state.rows >= commonShareMin * all.rows;
  const lacks = (count: number, expected: number) =>
    expected >= expectedMin && count + 1 <= shareMax * expected;
  if ((isCommon || rate > 0.5) && lacks(state.clicks, state.rows * rate)) return "never";
  if ((isCommon || rate < 0.5) && lacks(state.rows - state.clicks, state.rows * (1 - rate))) return "always";
  return undefined;
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
