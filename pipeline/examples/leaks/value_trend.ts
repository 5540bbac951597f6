import { exp, log } from "../../math/elementary.ts";
import type { Counts, Verdict } from "./class_rates.ts";
import type { LeakColumn } from "./leak_rows.ts";

/** Rows of the neighbours of a value, at least, and their share of all rows. */
const [neighbourRowsMin, neighbourShare] = [30, 0.05];

/**
 * Returns how many rows of a value would have the label that it lacks, if it continued the trend of its neighbours: of numbers by
 * value, of levels by rate. The neighbours that expect the fewest decide.
 */
export function expectedByTrend(
  { kind }: LeakColumn,
  { value, state, verdict }: { readonly value: number; readonly state: Counts; readonly verdict: Verdict },
  others: readonly (readonly [value: number, counts: Counts])[],
  all: Counts,
): number {
  const isCategory = kind === "category";
  const order = (at: number, { rows, clicks }: Counts) => isCategory ? clicks / rows : at;
  const own = order(value, state);
  const sorted = others.filter(([, { rows }]) => rows > 0 && (!isCategory || rows >= neighbourRowsMin))
    .map(([other, counts]) => ({ distance: order(other, counts) - own, counts }))
    .sort((a, b) => Math.abs(a.distance) - Math.abs(b.distance));
  const wanted = Math.max(neighbourRowsMin, neighbourShare * all.rows);
  const sides = [
    sorted.filter(({ distance }) => distance < 0),
    sorted.filter(({ distance }) => distance >= 0),
  ];
  const rates = sides.flatMap((side) => trendOf(side.map(({ counts }) => counts), wanted));
  const lacking = verdict === "never" ? rates : rates.map((rate) => 1 - rate);
  const usual = verdict === "never" ? all.clicks / all.rows : 1 - all.clicks / all.rows;
  return state.rows * Math.min(usual, ...lacking);
}

/** Returns the rate of the nearest values, and the one that those and the next ones lead to. */
function trendOf(side: readonly Counts[], wanted: number): number[] {
  const logits: number[] = [];
  let [rows, clicks] = [0, 0];
  for (const counts of side) {
    rows += counts.rows;
    clicks += counts.clicks;
    if (rows < wanted) continue;
    logits.push(log((clicks + 0.5) / (rows - clicks + 0.5)));
    if (logits.length === 2) break;
    [rows, clicks] = [0, 0];
  }
  const [near, far = near] = logits;
  return near === undefined ? [] : [near, 2 * near - far].map((logit) => 1 / (1 + exp(-logit)));
}
