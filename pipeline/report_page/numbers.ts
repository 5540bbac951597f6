/** A space at which a line does not end. */
const space = "\u00a0";

/** A share as text: 0.123 → `12.3 %`. Small shares have more decimals. */
export function percent(share: number | null): string {
  if (share === null) return "unknown";
  const percents = 100 * share;
  const size = Math.abs(percents);
  const digits = size === 0 || size === 100 ? 0 : size >= 0.995 ? 1 : size >= 0.0995 ? 2 : 3;
  return `${percents.toFixed(digits)}${space}%`;
}

/** A share as an axis has it, which is a rounded one: 0.2 → `20 %`. */
export function percentTick(share: number): string {
  return `${Number((100 * share).toPrecision(4))}${space}%`;
}

/** A count as text: 12345.6 → `12,346`. Weighted counts are rounded. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** A number as text with `digits` significant digits, without an exponent where it can be read without. */
export function figure(value: number | null, digits = 3): string {
  if (value === null) return "unknown";
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size < 1e-5 || size >= 1e15) return value.toExponential(digits - 1);
  return size >= 1000 || size >= 10 ** digits
    ? Math.round(value).toLocaleString("en")
    : String(Number(value.toPrecision(digits)));
}

/** Removes what rounding leaves of a zero, among numbers of the size of others. */
export function withoutRounding(value: number, others: readonly (number | undefined)[]): number {
  const size = Math.max(...others.map((other) => Math.abs(other ?? 0)));
  return Math.abs(value) < 1e-12 * size ? 0 : value;
}

/** A number with four decimals, as metrics are compared. */
export function decimals(value: number | null): string {
  return value === null ? "unknown" : value.toFixed(4);
}

/** The interval of a metric, to be written after it; empty if it is not known. */
export function intervalText(
  { low, high }: { readonly low: number | null; readonly high: number | null },
): string {
  return low === null || high === null ? "" : ` (${decimals(low)} to ${decimals(high)})`;
}

/** A factor as text: 2.345 → `2.3 times`. */
export function times(factor: number): string {
  return `${factor >= 9.95 ? Math.round(factor).toLocaleString("en") : factor.toFixed(1)} times`;
}

/** Value and noun: `1 row`, `2 rows`. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${Math.round(value) === 1 ? noun : plural}`;
}
