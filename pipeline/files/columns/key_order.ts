import { type ColumnBuffer, release, type TextBuffer } from "./column_buffer.ts";

const keyMax = 2 ** 32 - 1;

/**
 * Orders rows by an approximate key: a b-tree that is filled in key order touches each page once, and rows of one page need no
 * order among themselves. Rows with equal approximate keys keep their order.
 *
 * @param buffer The first column of the key.
 * @returns Rows of the buffer. Shape (rows).
 */
export function orderByKey(buffer: ColumnBuffer): Uint32Array {
  const keyOf = buffer.type === "TEXT" ? textKey(buffer) : numberKey(buffer);
  // Key and row as the words of one integer: sorting these is many times faster than sorting with a comparison function.
  const pairs = new BigUint64Array(buffer.length);
  const words = new Uint32Array(pairs.buffer);
  for (let row = 0; row < buffer.length; row++) {
    words[2 * row] = row;
    words[2 * row + 1] = keyOf(row);
  }
  pairs.sort();
  const order = new Uint32Array(buffer.length);
  for (let i = 0; i < order.length; i++) order[i] = words[2 * i];
  release(pairs);
  return order;
}

/** Returns whether the rows from `start` on continue the key order of the row before them. */
export function isAscending(buffer: ColumnBuffer, start: number): boolean {
  const compare = buffer.type === "TEXT" ? compareText(buffer) : compareNumbers(buffer);
  for (let row = Math.max(1, start); row < buffer.length; row++) if (compare(row - 1, row) > 0) return false;
  return true;
}

type NumberBuffer = Exclude<ColumnBuffer, TextBuffer>;

/** Beyond 2^53 the order is approximate. */
function numberAt(buffer: NumberBuffer, row: number): number {
  if (buffer.nulls[row] === 1) return 0;
  if (buffer.type === "REAL") return buffer.values[row];
  return buffer.words[2 * row + 1] * 2 ** 32 + (buffer.words[2 * row] >>> 0);
}

function compareNumbers(buffer: NumberBuffer): (a: number, b: number) => number {
  return (a, b) => numberAt(buffer, a) - numberAt(buffer, b);
}

function numberKey(buffer: NumberBuffer): (row: number) => number {
  let [least, most] = [Infinity, -Infinity];
  for (let row = 0; row < buffer.length; row++) {
    const value = numberAt(buffer, row);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  // Halved, so that the range of the largest doubles is finite.
  // A subnormal range has no finite scale: its rows keep their order.
  const scale = most > least ? Math.min(Number.MAX_VALUE, keyMax / (most / 2 - least / 2)) : 0;
  return (row) => Math.floor((numberAt(buffer, row) / 2 - least / 2) * scale);
}

function compareText({ bytes, spans }: TextBuffer): (a: number, b: number) => number {
  return (a, b) => {
    let [i, j] = [spans[2 * a], spans[2 * b]];
    const [iEnd, jEnd] = [spans[2 * a + 1], spans[2 * b + 1]];
    while (i < iEnd && j < jEnd) {
      const difference = bytes[i++] - bytes[j++];
      if (difference !== 0) return difference;
    }
    return (iEnd - i) - (jEnd - j);
  };
}

/** Returns the four bytes after the common prefix of all keys: "lead-000017" and "lead-000018" differ only there. */
function textKey(buffer: TextBuffer): (row: number) => number {
  const { bytes, spans } = buffer;
  const prefix = commonPrefix(buffer);
  return (row) => {
    const end = spans[2 * row + 1];
    let key = 0;
    for (let i = spans[2 * row] + prefix, k = 0; k < 4; i++, k++) key = key * 256 + (i < end ? bytes[i] : 0);
    return key;
  };
}

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
