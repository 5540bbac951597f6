/** Times written as text: cells of CSV, strings of JSON. */

import { dayOf } from "./calendar.ts";
import { parseInteger } from "../text/number_text.ts";
import { implausibleTime } from "./plausible_time.ts";

const extendedTime =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?)?$/;
const basicTime =
  /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(?:(\d{2})(?:[.,](\d{1,9}))?)?(Z|z|[+-]\d{2}(?::?\d{2})?)?$/;
/** A day, a month and a year with points between, in the order that is common to the countries that write dates so. */
const dottedTime = /^(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,? +(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?$/;

/**
 * Parses ISO 8601, a date like 31.12.2024 with or without a time, or microseconds since 1970-01-01T00:00:00Z. A time without a zone is UTC; digits beyond microseconds are
 * dropped. An integer of eight digits may be a date; other integers have to be plausible: {@link implausibleTime}.
 *
 * @returns Microseconds since 1970-01-01T00:00:00Z; undefined if it is not a time; NaN for "NaN".
 */
export function parseTime(text: string): number | bigint | undefined {
  const match = extendedTime.exec(text) ?? basicTime.exec(text);
  if (match) return timeOf(match.slice(1));
  const dotted = dottedTime.exec(text);
  if (dotted) {
    const [, day, month, year, ...rest] = dotted;
    return timeOf([year, month, day, ...rest]);
  }
  const integer = parseInteger(text);
  return integer === undefined ? undefined : timeOfInteger(integer);
}

/** @returns undefined for an integer that is neither a date like 20240131 nor plausible as microseconds; NaN for NaN. */
export function timeOfInteger(value: number | bigint): number | bigint | undefined {
  if (value >= 19_000_101 && value <= 21_991_231) {
    return timeOf([String(value).slice(0, 4), String(value).slice(4, 6), String(value).slice(6)]);
  }
  return implausibleTime(value) === undefined ? value : undefined;
}

/** @param parts Year, month, day; hour, minute, second, fraction and zone if present. */
function timeOf(parts: readonly (string | undefined)[]): number | bigint | undefined {
  const [year, month, day] = [Number(parts[0]), Number(parts[1]), Number(parts[2])];
  const [hour, minute, second] = [Number(parts[3] ?? 0), Number(parts[4] ?? 0), Number(parts[5] ?? 0)];
  const days = dayOf(year, month, day);
  const offset = zoneMinutes(parts[7]);
  if (days === undefined || hour > 23 || minute > 59 || second > 59 || offset === undefined) return undefined;
  const micros = Number((parts[6] ?? "").padEnd(6, "0").slice(0, 6));
  const seconds = days * 86_400 + (hour * 60 + minute - offset) * 60 + second;
  const time = seconds * 1e6 + micros;
  return Number.isSafeInteger(time) ? time : BigInt(seconds) * 1_000_000n + BigInt(micros);
}

/** @returns Minutes east of UTC; undefined for an invalid zone. */
function zoneMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined || /^[zu]/i.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(":", "") || 0);
  if (hours > 23 || minutes > 59) return undefined;
  return (zone[0] === "-" ? -1 : 1) * (hours * 60 + minutes);
}
