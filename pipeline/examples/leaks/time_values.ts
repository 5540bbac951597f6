/** Microseconds from 1973 to 2286. */
const [timeMin, timeMax] = [1e14, 1e16];

/** Whether all values that are there look like times, as microseconds since 1970. */
export function isTimeLike(values: ArrayLike<number>): boolean {
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value !== value) continue;
    if (!(value >= timeMin && value <= timeMax && Number.isInteger(value))) return false;
    count++;
  }
  return count > 0;
}
