import type { ColumnProfile } from "./column_profile.ts";
import { fileState } from "../files/file_state.ts";
import { keyOf } from "./key.ts";
import { writeKeys } from "./key_numbers.ts";
import { typeOf } from "./parquet_sample.ts";
import { readColumn } from "./sampled_rows.ts";
import { readWholeColumns, stepRows, type WholeColumns } from "./whole_columns.ts";

/** The files of a table whose rows were looked at in part. */
export interface CheckedFiles extends Omit<WholeColumns, "columns"> {
  readonly isParquet: boolean;
}

/** Rows whose keys are compared, at most: 8 bytes each. */
const rowsMax = 4 * 2 ** 20;
/** Larger text files are not read as a whole. */
const textBytesMax = 128 * 2 ** 20;
/** Decompressing takes as long as reading several times the bytes. */
const packedFactor = 8;

/**
 * Reads the column that would be the key in all rows of the files, and takes it back if a value is missing or occurs twice; then the next
 * one.
 *
 * @returns The columns, those taken back without `isUnique`.
 * @throws {Failure} as the readers do; the reason of an aborted signal.
 */
export async function withCheckedKey(
  columns: readonly ColumnProfile[],
  files: CheckedFiles,
): Promise<readonly ColumnProfile[]> {
  const byteCount = files.paths.reduce(
    (sum, path) => sum + fileState(path).size * (/\.gz(ip)?$/i.test(path) ? packedFactor : 1),
    0,
  );
  if (!files.isParquet && byteCount > textBytesMax) return columns;
  let checked = columns;
  for (let key = keyOf(checked); key !== undefined; key = keyOf(checked)) {
    if (await isKeyOfAll(key, files)) return checked;
    const { name } = key;
    checked = checked.map((column) => column.name === name ? { ...column, isUnique: false } : column);
  }
  return checked;
}

/** @returns Whether each row has a value that no other row has, as far as rows are compared. */
async function isKeyOfAll(column: ColumnProfile, files: CheckedFiles): Promise<boolean> {
  // Integers are mostly given one after the other: they need no memory.
  return (column.kind === "integer" ? await isAscending(column, files) : undefined) ??
    await isDistinct(column, files);
}

/** @returns False if a value is missing, undefined if one is not above the one before it. */
async function isAscending(column: ColumnProfile, files: CheckedFiles): Promise<boolean | undefined> {
  let last = -Infinity;
  const isComplete = await readKeys(column, files, (keys) => {
    for (const key of keys) {
      if (!(key > last)) return false;
      last = key;
    }
    return true;
  });
  return isComplete === "stopped" ? undefined : isComplete;
}

async function isDistinct(column: ColumnProfile, files: CheckedFiles): Promise<boolean> {
  let kept = new Float64Array(2 ** 16);
  let count = 0;
  const isComplete = await readKeys(column, files, (keys) => {
    if (count + keys.length > kept.length) kept = grown(kept);
    kept.set(keys, count);
    count += keys.length;
    return true;
  });
  if (isComplete === false) return false;
  const sorted = kept.subarray(0, count).sort();
  for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) return false;
  return true;
}

/**
 * Reads a column's keys, as `writeKeys` writes them, of `rowsMax` rows.
 *
 * @param take False ends the read.
 * @returns Whether no value is missing; "stopped" if the read was ended.
 */
async function readKeys(
  { name, kind }: ColumnProfile,
  files: CheckedFiles,
  take: (keys: Float64Array) => boolean,
): Promise<boolean | "stopped"> {
  const keys = new Float64Array(stepRows);
  let [rows, result] = [0, true as boolean | "stopped"];
  await readWholeColumns({ ...files, columns: [readColumn(name, typeOf(kind))] }, ([buffer], rowFaults) => {
    writeKeys(buffer, keys);
    let count = 0;
    for (let row = 0; row < buffer.length; row++) {
      // A row that cannot be split is not loaded, and has no key to compare.
      if (rowFaults.has(row)) continue;
      if (buffer.nulls[row] === 1) return result = false;
      keys[count++] = keys[row];
    }
    if (!take(keys.subarray(0, count))) result = "stopped";
    rows += count;
    return result === true && rows < rowsMax;
  });
  return result;
}

function grown(keys: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * keys.length);
  larger.set(keys);
  return larger;
}
