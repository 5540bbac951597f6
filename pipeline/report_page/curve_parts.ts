import * as Plot from "@observablehq/plot";
import { wilson } from "../math/wilson.ts";
import { shortened } from "./markup.ts";
import { count, percent } from "./numbers.ts";
import { odds } from "./odds.ts";

/** A bin or a level of a field. */
export interface DrawnPart {
  readonly name: string;
  /** Whether it is a value and not `missing` or `unseen`. */
  readonly isLevel: boolean;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly effect: number | null;
  readonly low: number | undefined;
  readonly high: number | undefined;
  /** Of the rows that have rates, and of the training. */
  readonly rows: number;
  readonly trainRows: number;
  readonly observed: number | undefined;
  readonly predicted: number | undefined;
}

export interface Placed extends DrawnPart {
  /** Index among the parts. */
  readonly i: number;
  readonly rateLow: number;
  readonly rateHigh: number;
}

const level = 0.9;

export function placed(parts: readonly DrawnPart[]): Placed[] {
  return parts.map((part, i) => {
    const { low, high } = part.observed === undefined
      ? { low: 0, high: 0 }
      : wilson(part.observed, part.rows, level);
    return { ...part, i, rateLow: low, rateHigh: high };
  });
}

export const hasRate = ({ observed }: DrawnPart) => observed !== undefined;
export const hasPrediction = ({ predicted }: DrawnPart) => predicted !== undefined;
export const hasEffect = ({ effect }: DrawnPart) => effect !== null;
export const hasInterval = ({ low, high }: DrawnPart) => low !== undefined && high !== undefined;
export const colourOf = ({ effect }: DrawnPart) => Number(effect) < 0 ? "var(--down)" : "var(--up)";

export function rateWords({ name, observed, predicted, rows }: DrawnPart): string {
  return `${shortened(name, 60)}: click rate ${percent(observed ?? null)}${
    predicted === undefined ? "" : `, predicted ${percent(predicted)}`
  }, ${count(rows)} rows`;
}

export function effectTitle({ name, effect, low, high }: DrawnPart): string {
  return `${shortened(name, 60)}: odds ${odds(Number(effect))}${
    low === undefined || high === undefined ? "" : ` (${odds(low)} to ${odds(high)})`
  }`;
}

export function rateTop(parts: readonly Placed[]): number {
  const top = Math.max(0, ...parts.flatMap(({ rateHigh, predicted = 0 }) => [rateHigh, predicted]));
  return top > 0 ? Math.min(1, 1.05 * top) : 1;
}

export function effectDomain(parts: readonly DrawnPart[]): [number, number] {
  const ends = parts.filter(hasEffect).flatMap((
    { effect, low, high },
  ) => [Number(effect), low ?? 0, high ?? 0]);
  const [from, to] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  return from < to ? [1.05 * from, 1.05 * to] : [-0.1, 0.1];
}

export function effectBars(parts: readonly Placed[], direction: "vertical" | "horizontal"): Plot.Markish[] {
  const shown = parts.filter(hasEffect);
  const intervals = shown.filter(hasInterval);
  const line = { stroke: "var(--text)", strokeWidth: 1.2, strokeOpacity: 0.7 } as const;
  return direction === "vertical"
    ? [
      Plot.barY(shown, { x: "i", y: "effect", fill: colourOf, title: effectTitle }),
      Plot.link(intervals, { x1: "i", x2: "i", y1: "low", y2: "high", ...line }),
      Plot.ruleY([0], { stroke: "var(--muted)" }),
    ]
    : [
      Plot.barX(shown, { x: "effect", y: "i", fill: colourOf, title: effectTitle }),
      Plot.link(intervals, { x1: "low", x2: "high", y1: "i", y2: "i", ...line }),
      Plot.ruleX([0], { stroke: "var(--muted)" }),
    ];
}

export function summary(parts: readonly Placed[]): string {
  const rated = parts.filter(hasRate);
  const rates = rated.map(({ observed = 0 }) => observed);
  return rated.length > 0
    ? `${rated.length} values, from ${percent(Math.min(...rates))} to ${percent(Math.max(...rates))}`
    : "no rows";
}

export function effectSummary(parts: readonly Placed[]): string {
  const effects = parts.filter(hasEffect).map(({ effect }) => Number(effect));
  return effects.length > 0
    ? `odds from ${odds(Math.min(...effects))} to ${odds(Math.max(...effects))}`
    : "nothing";
}
