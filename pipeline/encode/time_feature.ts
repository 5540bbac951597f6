import { parseTime } from "../files/columns/field_value.ts";
import { implausibleTime, timeRemedy } from "../files/columns/plausible_time.ts";
import type { NumericEncoder } from "./encoder.ts";

/** Returns whether a field is named like a time column and was a time in training, judging by its imputed value. */
export function isTimeFeature({ name, impute }: Pick<NumericEncoder, "name" | "impute">): boolean {
  return name.endsWith("_at") && implausibleTime(impute) === undefined;
}

/** Returns whether a value may be read as a time. */
export function isTime(value: unknown): value is number | bigint | string {
  return typeof value === "string" || typeof value === "bigint" ||
    (typeof value === "number" && Number.isFinite(value));
}

/**
 * Reads a time as a request sends it: microseconds since 1970, or a text as in files.
 *
 * @returns Microseconds since 1970-01-01T00:00:00Z; a text that says what is wrong with the value.
 */
export function readTime(value: number | bigint | string): number | string {
  if (typeof value === "string") {
    const time = parseTime(value);
    return time === undefined || Number.isNaN(time)
      ? `is ${JSON.stringify(value.slice(0, 60))}, not a time`
      : Number(time);
  }
  const number = Number(value);
  return misreadTime(number) ?? number;
}

const microsPerDay = 86_400_000_000;

/**
 * Describes what is wrong with a number that a request sends as a time: seconds, milliseconds, nanoseconds or a date of eight
 * digits would be read as another time than intended. A date near 1970, such as that of a birth, is a whole number of days.
 *
 * @returns undefined for a time, and for a value by which a view may mark an unknown time: 0, -1 or the largest integer.
 */
export function misreadTime(value: number): string | undefined {
  const size = Math.abs(value);
  if (size < 1e7 || size >= 9e18 || implausibleTime(value) === undefined) return undefined;
  if (size < 1e14 && size % microsPerDay === 0) return undefined;
  return `is ${value}, not a plausible time: send microseconds since 1970, as 1706696100000000${
    timeRemedy(size)
  }`;
}
