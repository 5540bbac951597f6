/** Microseconds of the years 1973 to 2286, or as far before 1970. Seconds, milliseconds and nanoseconds of current times are outside. */
const [microsMin, microsMax] = [1e14, 1e16];

/** Returns why an integer is not accepted as microseconds since 1970: it is probably in another unit. */
export function implausibleTime(value: number | bigint): string | undefined {
  const size = Math.abs(Number(value));
  if (Number.isNaN(size) || (size >= microsMin && size < microsMax)) return undefined;
  return `${value} is not a plausible time, expected ISO 8601, as 2024-01-31T10:15:00Z, or microseconds since 1970, as ` +
    `1706696100000000${timeRemedy(size)}`;
}

/** @param size Absolute value of the number. */
export function timeRemedy(size: number): string {
  if (size < 1e8) return "";
  if (size < 1e11) return ". If it is seconds, multiply it by 1,000,000";
  return size < microsMin
    ? ". If it is milliseconds, multiply it by 1,000"
    : ". If it is nanoseconds, divide it by 1,000";
}
