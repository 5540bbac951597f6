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

/** Divides times into periods of the unit by which they are in 4 to 30, not counting empty ones. */
export function createPeriodChoice() {
  // Each unit consists of whole hours, and few of many rows are in an hour of their own.
  const hours = new Set<number>();
  return {
    /** Adds a time. One that is missing, or implausible as microseconds since 1970, is in no period. */
    add(time: number): void {
      if (time === time && implausibleTime(time) === undefined) hours.add(periodOf("hour", time));
    },
    /** Returns undefined if there is no such unit. */
    choose(): Periods | undefined {
      for (const unit of periodUnits) {
        const periods = new Map([...hours].map((hour) => [hour, periodOf(unit, hour * microsPerHour)]));
        const { size } = new Set(periods.values());
        if (size < partsMin || size > partsMax) continue;
        return { unit, of: (time) => periods.get(periodOf("hour", time)) };
      }
      return undefined;
    },
  };
}

/** The periods of times. */
export interface Periods {
  readonly unit: PeriodUnit;
  /** Returns the number of a time's period; undefined for a time that was not added. */
  of(time: number): number | undefined;
}
