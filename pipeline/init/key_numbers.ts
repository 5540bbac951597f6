import type { ColumnBuffer, IntegerBuffer, TextBuffer } from "../files/columns/column_buffer.ts";
import type { ColumnType } from "../store/table.ts";

/** Writes a number for the value of each row: equal values have equal numbers, and hardly any others do. */
export function writeKeys(buffer: ColumnBuffer, keys: Float64Array): void {
  switch (buffer.type) {
    case "INTEGER":
      return writeIntegers(buffer, keys);
    case "TEXT":
      return writeHashes(buffer, keys);
    case "REAL":
      return keys.set(buffer.values.subarray(0, buffer.length));
  }
}

/** An integer beyond 2^53 is written as a hash, which is below 2^53. */
function writeIntegers({ words, length }: IntegerBuffer, keys: Float64Array): void {
  for (let row = 0; row < length; row++) {
    const [low, high] = [words[2 * row], words[2 * row + 1]];
    const value = high * 2 ** 32 + (low >>> 0);
    keys[row] = Number.isSafeInteger(value) ? value : hashOf(mixed(low, high), mixed(high, low));
  }
}

function writeHashes({ bytes, spans, length }: TextBuffer, keys: Float64Array): void {
  for (let row = 0; row < length; row++) keys[row] = hashOfBytes(bytes, spans[2 * row], spans[2 * row + 1]);
}

/** 53 bits: that two of four million texts have the same hash has a probability of one in a thousand. */
function hashOfBytes(bytes: Uint8Array, start: number, end: number): number {
  let [first, second] = [0x811c9dc5, 0x9747b28c];
  for (let i = start; i < end; i++) {
    first = Math.imul(first ^ bytes[i], 0x01000193);
    second = Math.imul(second ^ bytes[i], 0x5bd1e995);
    second ^= second >>> 15;
  }
  return hashOf(mixed(first, end - start), mixed(second, first));
}

const encoder = new TextEncoder();

/** Returns the number that `writeKeys` writes for a value of a column, given as text; undefined if the column cannot have it. */
export function keyNumber(text: string, type: ColumnType): number | undefined {
  if (type === "TEXT") {
    const bytes = encoder.encode(text);
    return hashOfBytes(bytes, 0, bytes.length);
  }
  const number = Number(text);
  if (Number.isSafeInteger(number) || type === "REAL") return String(number) === text ? number : undefined;
  if (!/^-?\d{16,19}$/.test(text)) return undefined;
  const words = new Int32Array(BigInt64Array.of(BigInt(text)).buffer);
  return hashOf(mixed(words[0], words[1]), mixed(words[1], words[0]));
}

function hashOf(first: number, second: number): number {
  return (first >>> 0) * 2 ** 21 + (second >>> 11);
}

/** Mixes two words, as the finalizer of MurmurHash3 does with one. */
function mixed(value: number, other: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x85ebca6b) ^ Math.imul(other, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
