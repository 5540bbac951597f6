/** Times that are written as text: cells of CSV, strings of JSON. */

import { parseInteger } from "./number_text.ts";

const isoTime =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?)?$/;

/**
 * ISO 8601, or microseconds since 1970-01-01T00:00:00Z. A time without a zone is taken as UTC; digits beyond microseconds
 * are cut off.
 *
 * @returns Microseconds since 1970-01-01T00:00:00Z; undefined for what is no time; NaN for "NaN".
 */
export function parseTime(text: string): number | bigint | undefined {
  const match = isoTime.exec(text);
  if (!match) return parseInteger(text);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const date = new Date(0);
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day);
  const isDate = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  const offset = zoneMinutes(match[8]);
  if (!isDate || hour > 23 || minute > 59 || second > 59 || offset === undefined) return undefined;
  const micros = Number((match[7] ?? "").padEnd(6, "0").slice(0, 6));
  const seconds = date.getTime() / 1000 + (hour * 60 + minute - offset) * 60 + second;
  const time = seconds * 1e6 + micros;
  return Number.isSafeInteger(time) ? time : BigInt(seconds) * 1_000_000n + BigInt(micros);
}

/** @returns Minutes east of UTC; undefined where the zone is none. */
function zoneMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined || /^[zu]/i.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(":", "") || 0);
  if (hours > 23 || minutes > 59) return undefined;
  return (zone[0] === "-" ? -1 : 1) * (hours * 60 + minutes);
}
