/**
 * The Gregorian calendar, in days since 1970-01-01.
 *
 * Years begin in March, so that a leap day is the last of its year, and eras of 400 years have the same days.
 *
 * @see https://howardhinnant.github.io/date_algorithms.html, days_from_civil and civil_from_days.
 */

const daysOfEra = 146_097;
/** Days from the beginning of the era of the year 0 to 1970-01-01. */
const daysBefore1970 = 719_468;

/** Returns the day of a date; undefined if the calendar does not have it. @param month From 1. */
export function dayOf(year: number, month: number, day: number): number | undefined {
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  const marchYear = month > 2 ? year : year - 1;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - 400 * era;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return daysOfEra * era + dayOfEra - daysBefore1970;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** Returns the month of a day, from 1. */
export function monthOfDay(day: number): number {
  const shifted = day + daysBefore1970;
  const dayOfEra = shifted - daysOfEra * Math.floor(shifted / daysOfEra);
  const leapDays = Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524) +
    Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  return fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
}
