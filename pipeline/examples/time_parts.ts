import { monthOfDay } from "../files/columns/calendar.ts";

/** Parts of a time that are features, in the order of their columns. */
export const timeParts = ["hour", "weekday", "month", "age"] as const;
export type TimePart = typeof timeParts[number];
const cyclic: readonly CyclicPart[] = ["hour", "weekday", "month"];

/** A part of a time that is one of a few values, in UTC. */
export type CyclicPart = Exclude<TimePart, "age">;

/** Returns the parts that are one of a few values, in the order of their columns. */
export function cyclicParts(parts: readonly TimePart[]): CyclicPart[] {
  return cyclic.filter((part) => parts.includes(part));
}

const microsPerHour = 3_600e6;
const microsPerDay = 24 * microsPerHour;

/** Number of values of each part. The position after the last is that of a missing time. */
export const partCounts: Readonly<Record<CyclicPart, number>> = { hour: 24, weekday: 7, month: 12 };

/** Names of the values, as in the names of columns. */
export const partValues: Readonly<Record<CyclicPart, readonly string[]>> = {
  hour: Array.from({ length: 24 }, (_, hour) => String(hour)),
  weekday: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
  month: Array.from({ length: 12 }, (_, month) => String(month + 1)),
};

/** Returns a function that gives the position of a time's part. @param micros Since 1970-01-01T00:00:00Z; NaN is missing. */
export function positionOfPart(part: CyclicPart): (micros: number) => number {
  const missing = partCounts[part];
  const position = positions[part];
  return (micros) => micros === micros ? position(micros) : missing;
}

const positions: Readonly<Record<CyclicPart, (micros: number) => number>> = {
  hour: (micros) => Math.floor((micros - microsPerDay * Math.floor(micros / microsPerDay)) / microsPerHour),
  // The first day was a Thursday.
  weekday: (micros) => (((Math.floor(micros / microsPerDay) + 3) % 7) + 7) % 7,
  month: (micros) => monthOfDay(Math.floor(micros / microsPerDay)) - 1,
};

/** Returns the days between two times; NaN if one is missing. */
export function ageOf(micros: number, since: number): number {
  return (micros - since) / microsPerDay;
}
