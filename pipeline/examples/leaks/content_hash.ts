import { mixed } from "../../math/hash.ts";
import type { LeakRows, LeakValues } from "./leak_rows.ts";

const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);

/** Returns a 32-bit hash of a number; all NaN have the same. */
export function hashOfNumber(value: number, salt: number): number {
  number[0] = value === value ? value + 0 : NaN;
  return mixed(Math.imul(words[0] ^ salt, 0x9e3779b1) ^ words[1]);
}

/** Columns that are hashed to choose rows. */
const hashedColumns = 3;
const lookedAtRows = 4_096;

/** Returns a function that hashes a row by the columns with the most distinct values among the first rows. */
export function createContentHash(first: LeakRows): (rows: LeakRows, row: number) => number {
  const rowCount = Math.min(first.rowCount, lookedAtRows);
  const distinct = first.columns.map((column) => distinctOf(column, rowCount));
  const hashed = distinct.map((_, c) => c).sort((a, b) => distinct[b] - distinct[a] || a - b)
    .slice(0, hashedColumns);
  return ({ columns }, row) => {
    let hash = 0x2545f491;
    for (const c of hashed) {
      const { values, offset = 0, stride = 1 } = columns[c];
      hash = hashOfNumber(values[offset + stride * row], hash);
    }
    return hash;
  };
}

function distinctOf({ values, offset = 0, stride = 1 }: LeakValues, rowCount: number): number {
  const distinct = new Set<number>();
  for (let row = 0; row < rowCount; row++) distinct.add(values[offset + stride * row]);
  return distinct.size;
}
