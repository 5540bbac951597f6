import type { Unit } from "./result.ts";

/** Formats a value with its unit, to three digits; losses differ in the fourth. */
export function quantity(value: number, unit: Unit): string {
  if (unit === "loss") return value.toFixed(4);
  if (unit === "bytes") return `${threeDigits(value / 2 ** 20)} MiB`;
  if (unit === "requests/s") return `${threeDigits(value)} /s`;
  return value < 1 ? `${threeDigits(value * 1000)} ms` : `${threeDigits(value)} s`;
}

/** A ratio: 0.123×, 12.3×; of losses: 0.9954×. */
export function times(ratio: number, unit?: Unit): string {
  return `${unit === "loss" ? ratio.toFixed(4) : threeDigits(ratio)}×`;
}

/** A count: 1,000,000. */
export function grouped(count: number): string {
  return count.toLocaleString("en");
}

/** A small difference: 1.2e-10. */
export function small(difference: number): string {
  return difference.toExponential(1);
}

/** 0.123, 1.23, 12.3, 123, 1,230. */
function threeDigits(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}
