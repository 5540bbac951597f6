/** Microseconds of the years 1973 to 2286, and as far before 1970; seconds, milliseconds and nanoseconds of our times are not. */
const [microsMin, microsMax] = [1e14, 1e16];

/** @returns Why an integer is not taken for microseconds since 1970: it would be a time that nobody meant. */
export function implausibleTime(value: number | bigint): string | undefined {
  const size = Math.abs(Number(value));
  if (Number.isNaN(size) || (size >= microsMin && size < microsMax)) return undefined;
  return `${value} is no plausible time, expected ISO 8601, as 2024-01-31T10:15:00Z, or microseconds since 1970, as ` +
    `1706696100000000${timeRemedy(size)}`;
}

/** @param size Of a number that is no plausible time, without its sign. */
export function timeRemedy(size: number): string {
  if (size < 1e8) return "";
  if (size < 1e11) return ". If it is seconds, multiply it by 1,000,000";
  return size < microsMin
    ? ". If it is milliseconds, multiply it by 1,000"
    : ". If it is nanoseconds, divide it by 1,000";
}
