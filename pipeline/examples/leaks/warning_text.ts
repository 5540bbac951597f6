import type { Counts } from "./class_rates.ts";

/** What to do about a column that is probably known only after the outcome. */
export const askWhetherKnown = "Is it known when the model is asked? If not, take it out of the features.";

export function percent({ rows, clicks }: Counts): string {
  const share = rows > 0 ? (100 * clicks) / rows : 0;
  return `${
    share > 0 && share < 1 ? share.toPrecision(1) : share.toFixed(share >= 99.5 && share < 100 ? 1 : 0)
  } %`;
}

/** Lists a few of the values. */
export function shownList(values: readonly (string | number)[]): string {
  const shown = values.slice(0, 3).map(String);
  return values.length > 3 ? `${shown.join(", ")} or one of ${values.length - 3} more` : shown.join(" or ");
}
