import { implausibleTime } from "../files/columns/plausible_time.ts";

/** Units of calendar time in UTC, in the order of preference. Weeks start on Monday. */
export const periodUnits = ["day", "week", "month", "hour", "6 hours", "quarter", "year"] as const;
export type PeriodUnit = typeof periodUnits[number];

/** Parts that a table of periods has. */
export const [partsMin, partsMax] = [4, 30];

const microsPerHour = 3_600e6;
const microsPerDay = 24 * microsPerHour;
/** 1970-01-01 was a Thursday. */
const mondayOffset = 3;

/** Returns the number of the period that contains a time, ascending, in microseconds since 1970. */
export function periodOf(unit: PeriodUnit, time: number): number {
  switch (unit) {
    case "hour":
      return Math.floor(time / microsPerHour);
    case "6 hours":
      return Math.floor(time / (6 * microsPerHour));
    case "day":
      return Math.floor(time / microsPerDay);
    case "week":
      return Math.floor((time / microsPerDay + mondayOffset) / 7);
    default:
      return Math.floor(monthOf(time) / monthsOf[unit]);
  }
}

const monthsOf = { month: 1, quarter: 3, year: 12 };

/** Returns the months since year 0. */
function monthOf(time: number): number {
  const date = new Date(Math.floor(time / 1000));
  return 12 * date.getUTCFullYear() + date.getUTCMonth();
}

/** Returns the start of a period as ISO 8601: a date, or a time for an hour. */
export function periodStart(unit: PeriodUnit, period: number): string {
  switch (unit) {
    case "hour":
      return hourOf(period * microsPerHour);
    case "6 hours":
      return hourOf(6 * period * microsPerHour);
    case "day":
      return dateOf(period * microsPerDay);
    case "week":
      return dateOf((7 * period - mondayOffset) * microsPerDay);
    default: {
      const months = period * monthsOf[unit];
      return dateOf(1000 * Date.UTC(Math.floor(months / 12), months % 12));
    }
  }
}

function hourOf(time: number): string {
  return new Date(time / 1000).toISOString().replace(/:00\.000Z$/, "Z");
}

function dateOf(time: number): string {
  return new Date(time / 1000).toISOString().slice(0, 10);
}

/** Chooses the unit by which times are divided into 4 to 30 periods, not counting empty ones. */
export function createUnitChoice() {
  // Few enough to be counted exactly, whatever the times are.
  const found = new Map(periodUnits.map((unit) => [unit, new Set<number>()]));
  let isPlausible = true;
  return {
    add(time: number): void {
      if (time !== time) return;
      if (implausibleTime(time) !== undefined) isPlausible = false;
      if (!isPlausible) return;
      for (const [unit, periods] of found) if (periods.size <= partsMax) periods.add(periodOf(unit, time));
    },
    /** Undefined if no unit does, or if the times are not microseconds since 1970. */
    unit: (): PeriodUnit | undefined =>
      isPlausible
        ? periodUnits.find((unit) => {
          const { size } = found.get(unit) ?? { size: 0 };
          return size >= partsMin && size <= partsMax;
        })
        : undefined,
  };
}
