/** @param micros Since 1970-01-01T00:00:00Z. @returns In the form that `parseTime` reads; the number itself if it is beyond the calendar. */
export function isoTime(micros: number): string {
  const millis = Math.floor(micros / 1000);
  if (!(Math.abs(millis) <= 8.64e15)) return String(micros);
  const rest = micros - 1000 * millis;
  const text = new Date(millis).toISOString();
  return rest === 0 ? text.replace(/\.000Z$/, "Z") : text.replace("Z", `${String(rest).padStart(3, "0")}Z`);
}
