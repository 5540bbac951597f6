import { mixed } from "../../math/hash.ts";
import type { LeakRows, LeakValues } from "./leak_rows.ts";

const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);

/** Returns a 32-bit hash of a number; all NaN have the same. */
export function hashOfNumber(value: number, salt: number): number {
  number[0] = value === value ? value + 0 : NaN;
  return mixed(Math.imul(words[0] ^ salt, 0x9e3779b1) ^ words[1]);
}

/** Columns that are hashed to choose rows: as many as are needed for about this many distinct values, at most three. */
const distinctMin = 1_000;
const hashedColumnsMax = 3;
const lookedAtRows = 4_096;
/** Cells that are looked at to choose these columns. */
const lookedAtCells = 200_000;

/** Returns the columns with the most distinct values among the first rows. */
export function distinctiveColumns({ columns, rowCount }: LeakRows): number[] {
  const rows = Math.min(rowCount, lookedAtRows, Math.ceil(lookedAtCells / columns.length));
  const distinct = columns.map((column) => distinctOf(column, rows));
  const sorted = distinct.map((_, c) => c).sort((a, b) => distinct[b] - distinct[a] || a - b);
  let combinations = 1;
  return sorted.slice(0, hashedColumnsMax).filter((c) => {
    const isNeeded = combinations < distinctMin;
    combinations *= distinct[c];
    return isNeeded;
  });
}

/** Chooses rows by a hash of some of their columns. @param share Of 2³². */
export function chosenByContent(
  { columns, rowCount }: LeakRows,
  hashed: readonly number[],
  share: number,
): number[] {
  const hashes = new Uint32Array(rowCount).fill(0x2545f491);
  for (const c of hashed) addHashes(columns[c], hashes);
  const chosen: number[] = [];
  for (let row = 0; row < rowCount; row++) if (hashes[row] < share) chosen.push(row);
  return chosen;
}

function addHashes({ values, offset = 0, stride = 1 }: LeakValues, hashes: Uint32Array): void {
  for (let row = 0, k = offset; row < hashes.length; row++, k += stride) {
    hashes[row] = hashOfNumber(values[k], hashes[row]);
  }
}

function distinctOf({ values, offset = 0, stride = 1 }: LeakValues, rowCount: number): number {
  const distinct = new Set<number>();
  for (let row = 0; row < rowCount; row++) distinct.add(values[offset + stride * row]);
  return distinct.size;
}
