import { fileInvalid } from "../../failure.ts";
import type { TextWindow } from "./text_window.ts";

/** The fields of a record, as ranges of the window's bytes; valid until the next record is read. */
export interface CsvRecord {
  fieldCount: number;
  starts: number[];
  ends: number[];
  isQuoted: boolean[];
  /** Whether text follows the closing quote of a field, as in `"a"b`. Its quotes are then kept. */
  isMalformed: boolean;
  /** The whole record without its line ending. */
  from: number;
  to: number;
}

const quote = 0x22;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export function emptyRecord(): CsvRecord {
  return { fieldCount: 0, starts: [], ends: [], isQuoted: [], isMalformed: false, from: 0, to: 0 };
}

/**
 * Reads the next record (RFC 4180; lines end with LF, CRLF or CR, blank ones are skipped).
 *
 * Doubled quotes are replaced in the window, so that each field is one range of it.
 *
 * @returns false at the end of the file.
 * @throws {Failure} `file-invalid` for an unclosed quote.
 */
export function readRecord(
  window: TextWindow,
  record: CsvRecord,
  options: { delimiter: number; name: string },
): boolean {
  for (;;) {
    if (window.start === window.end && window.isLast) return false;
    const next = scanRecord(window, record, options);
    if (next === undefined) {
      window.extend();
      continue;
    }
    const isBlank = record.fieldCount === 1 && record.starts[0] === record.ends[0] && !record.isQuoted[0];
    if (!record.isMalformed) joinQuotes(window.bytes, record);
    window.moveTo(next);
    if (!isBlank) return true;
  }
}

/** @returns The start of the next record; undefined if the window ends within this one. */
function scanRecord(
  { bytes, start, end, isLast }: TextWindow,
  record: CsvRecord,
  { delimiter, name }: { delimiter: number; name: string },
): number | undefined {
  record.fieldCount = 0;
  record.isMalformed = false;
  for (let at = start;;) {
    const field = record.fieldCount++;
    const isQuoted = bytes[at] === quote && at < end;
    let stop: number;
    if (isQuoted) {
      const close = closingQuote(bytes, at + 1, end, isLast);
      if (close === undefined) {
        if (!isLast) return undefined;
        throw fileInvalid(
          `Cannot read ${name}: it has an unclosed quote. The file is truncated, or a quote in a field is not doubled.`,
        );
      }
      record.starts[field] = at + 1;
      record.ends[field] = close;
      stop = fieldEnd(bytes, close + 1, end, delimiter);
      if (stop > close + 1) record.isMalformed = true;
    } else {
      stop = fieldEnd(bytes, at, end, delimiter);
      record.starts[field] = at;
      record.ends[field] = stop;
    }
    record.isQuoted[field] = isQuoted;
    if (stop < end && bytes[stop] === delimiter) {
      at = stop + 1;
      continue;
    }
    record.from = start;
    record.to = stop;
    if (stop === end) return isLast ? end : undefined;
    if (bytes[stop] === lineFeed) return stop + 1;
    if (stop + 1 === end) return isLast ? end : undefined;
    return bytes[stop + 1] === lineFeed ? stop + 2 : stop + 1;
  }
}

function fieldEnd(bytes: Uint8Array, from: number, end: number, delimiter: number): number {
  let at = from;
  // Nearly every byte is above the control characters: two comparisons.
  while (
    at < end && bytes[at] !== delimiter &&
    (bytes[at] > carriageReturn || (bytes[at] !== lineFeed && bytes[at] !== carriageReturn))
  ) at++;
  return at;
}

/** @returns undefined if it, or the byte after it, is not in the window. */
function closingQuote(bytes: Uint8Array, from: number, end: number, isLast: boolean): number | undefined {
  for (let at = from; at < end; at++) {
    if (bytes[at] !== quote) continue;
    if (at + 1 === end) return isLast ? at : undefined;
    if (bytes[at + 1] !== quote) return at;
    at++;
  }
  return undefined;
}

function joinQuotes(bytes: Uint8Array, record: CsvRecord): void {
  for (let field = 0; field < record.fieldCount; field++) {
    if (!record.isQuoted[field]) continue;
    let to = record.starts[field];
    for (let from = to; from < record.ends[field]; from++) {
      if (bytes[from] === quote) from++;
      bytes[to++] = bytes[from];
    }
    record.ends[field] = to;
  }
}
