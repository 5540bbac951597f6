import { implausibleTime, timeRemedy } from "../files/columns/plausible_time.ts";
import type { NumericEncoder } from "./encoder.ts";

/** Whether a field is called as columns of times are, and was a time in training: what stands for a missing one is one. */
export function isTimeFeature({ name, impute }: Pick<NumericEncoder, "name" | "impute">): boolean {
  return name.endsWith("_at") && implausibleTime(impute) === undefined;
}

/**
 * What is wrong with a number that is sent for a time: seconds, milliseconds or nanoseconds, or a date of eight digits, would
 * be answered as a time that nobody meant.
 *
 * @returns undefined for a time, and for what a view may have written for one that is not known: 0, -1 or the largest integer.
 */
export function misreadTime(value: number): string | undefined {
  const size = Math.abs(value);
  if (size < 1e7 || size >= 9e18 || implausibleTime(value) === undefined) return undefined;
  return `is ${value}, no plausible time: send microseconds since 1970, as 1706696100000000${
    timeRemedy(size)
  }`;
}
