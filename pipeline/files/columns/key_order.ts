import { type ColumnBuffer, release, type TextBuffer } from "./column_buffer.ts";
import { gatherRows } from "./gather.ts";
import { allPlaces, orderOfWords, type Places } from "../../math/rank_order.ts";

const keyMax = 2 ** 32 - 1;
/** Up to this number of rows are sorted by insertion. */
const insertedMax = 16;

/** Bytes of a text that are compared at once. */
export const keyBytes = 4;

/**
 * Orders rows by key, as SQLite does: a b-tree that is filled in key order touches each page once, and needs no search for a key that
 * follows the last one. Rows with equal keys keep their order.
 *
 * @param buffer The first column of the key.
 * @returns Rows of the buffer. Shape (rows).
 */
export function orderByKey(buffer: ColumnBuffer): Places {
  const rows = allPlaces(buffer.length);
  if (buffer.type === "TEXT") sortTexts(buffer, rows, commonPrefix(buffer));
  else sortNumbers(buffer, rows);
  return rows;
}

/** Compares the keys of two rows: less than 0 if the first is before the second. NULL is before any value. */
export function compareKeys(a: ColumnBuffer, i: number, b: ColumnBuffer, j: number): number {
  if (a.nulls[i] === 1 || b.nulls[j] === 1) return b.nulls[j] - a.nulls[i];
  if (a.type === "TEXT") return b.type === "TEXT" ? compareText(a, i, b, j) : 1;
  if (b.type === "TEXT") return -1;
  if (a.type === "REAL" || b.type === "REAL") return numberAt(a, i) - numberAt(b, j);
  const high = a.words[2 * i + 1] - b.words[2 * j + 1];
  return high === 0 ? (a.words[2 * i] >>> 0) - (b.words[2 * j] >>> 0) : high;
}

/** Returns whether the rows from `start` on continue the key order of the row before them. */
export function isAscending(buffer: ColumnBuffer, start: number): boolean {
  for (let row = Math.max(1, start); row < buffer.length; row++) {
    if (compareKeys(buffer, row - 1, buffer, row) > 0) return false;
  }
  return true;
}

/** Calls `sort` with each run of rows of which each ties with the next. */
function sortTies(
  rows: Places,
  isTie: (place: number) => boolean,
  sort: (tied: Places) => void,
): void {
  for (let first = 0, i = 1; i <= rows.length; i++) {
    if (i < rows.length && isTie(i - 1)) continue;
    if (i - first > 1) sort(rows.subarray(first, i));
    first = i;
  }
}

/** Sorts rows, which ascend, whose keys are equal up to `prefix` bytes. */
function sortTexts(buffer: TextBuffer, rows: Places, prefix: number): void {
  if (rows.length <= insertedMax || prefix >= buffer.longest) return sortTied(buffer, rows);
  const { bytes, spans } = buffer;
  const high = new Uint32Array(rows.length);
  const low = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const [start, end] = [spans[2 * rows[i]] + prefix, spans[2 * rows[i] + 1]];
    high[i] = firstBytes(bytes, start, end);
    low[i] = firstBytes(bytes, start + keyBytes, end);
  }
  const order = orderOfWords([high, low]);
  rows.set(gatherRows(rows, order));
  sortTies(
    rows,
    (i) => high[order[i]] === high[order[i + 1]] && low[order[i]] === low[order[i + 1]],
    (tied) => sortTexts(buffer, tied, prefix + 2 * keyBytes),
  );
  for (const array of [high, low, order]) release(array);
}

/** Sorts the rows of a buffer. */
function sortNumbers(buffer: NumberBuffer, rows: Places): void {
  const keys = rows.map(numberKey(buffer));
  rows.set(orderOfWords([keys]));
  sortTies(rows, (i) => keys[rows[i]] === keys[rows[i + 1]], (tied) => sortTied(buffer, tied));
}

/** Sorts rows, which ascend, by comparing their keys. */
function sortTied(buffer: ColumnBuffer, rows: Places): void {
  if (rows.length > insertedMax) {
    rows.sort((i, j) => compareKeys(buffer, i, buffer, j) || i - j);
    return;
  }
  for (let i = 1; i < rows.length; i++) {
    const row = rows[i];
    let k = i;
    for (; k > 0 && compareKeys(buffer, rows[k - 1], buffer, row) > 0; k--) rows[k] = rows[k - 1];
    rows[k] = row;
  }
}

type NumberBuffer = Exclude<ColumnBuffer, TextBuffer>;

/** Returns the number of a row, 0 for NULL. Beyond 2^53 it is approximate. */
export function numberAt(buffer: NumberBuffer, row: number): number {
  if (buffer.nulls[row] === 1) return 0;
  if (buffer.type === "REAL") return buffer.values[row];
  return buffer.words[2 * row + 1] * 2 ** 32 + (buffer.words[2 * row] >>> 0);
}

function numberKey(buffer: NumberBuffer): (row: number) => number {
  let [least, most] = [Infinity, -Infinity];
  for (let row = 0; row < buffer.length; row++) {
    const value = numberAt(buffer, row);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  // Halved, so that the range of the largest doubles is finite.
  // A subnormal range has no finite scale: its rows are compared.
  const scale = most > least ? Math.min(Number.MAX_VALUE, keyMax / (most / 2 - least / 2)) : 0;
  // A row without a key is before all others.
  return (row) => buffer.nulls[row] === 1 ? 0 : Math.floor((numberAt(buffer, row) / 2 - least / 2) * scale);
}

/** Texts, as a text buffer has them. */
interface Texts {
  readonly bytes: ArrayLike<number>;
  readonly spans: ArrayLike<number>;
}

/** Compares two texts by their bytes, as `compareKeys` does. */
export function compareText(a: Texts, i: number, b: Texts, j: number): number {
  let [from, other] = [a.spans[2 * i], b.spans[2 * j]];
  const [end, otherEnd] = [a.spans[2 * i + 1], b.spans[2 * j + 1]];
  while (from < end && other < otherEnd) {
    const difference = a.bytes[from++] - b.bytes[other++];
    if (difference !== 0) return difference;
  }
  return (end - from) - (otherEnd - other);
}

/** Returns four bytes of a text as one number, of which the first decides most; 0 behind the end. */
export function firstBytes(bytes: ArrayLike<number>, start: number, end: number): number {
  let key = 0;
  for (let i = start, k = 0; k < keyBytes; i++, k++) key = key * 256 + (i < end ? bytes[i] : 0);
  return key;
}

/** Returns the length of what all keys begin with: "lead-000017" and "lead-000018" differ only in the last bytes. */
function commonPrefix({ bytes, spans, length, nulls }: TextBuffer): number {
  let prefix = length === 0 ? 0 : spans[1] - spans[0];
  for (let row = 1; row < length && prefix > 0; row++) {
    // A row without a key has no prefix.
    if (nulls[row] === 1) continue;
    const start = spans[2 * row];
    prefix = Math.min(prefix, spans[2 * row + 1] - start);
    for (let i = 0; i < prefix; i++) if (bytes[start + i] !== bytes[spans[0] + i]) prefix = i;
  }
  return prefix;
}
