import type { ColumnProfile } from "./column_profile.ts";
import { fileState } from "../files/file_state.ts";
import { keyOf } from "./key.ts";
import { writeKeys } from "./key_numbers.ts";
import { typeOf } from "./parquet_sample.ts";
import { readColumn } from "./sampled_rows.ts";
import { readWholeColumns, type WholeColumns } from "./whole_columns.ts";

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
async function isKeyOfAll({ name, kind }: ColumnProfile, files: CheckedFiles): Promise<boolean> {
  let keys = new Float64Array(2 ** 16);
  let [count, isComplete] = [0, true];
  await readWholeColumns({ ...files, columns: [readColumn(name, typeOf(kind))] }, ([buffer], rowFaults) => {
    if (count + buffer.length > keys.length) keys = grown(keys);
    writeKeys(buffer, keys.subarray(count));
    if (rowFaults.size === 0) {
      isComplete = buffer.nullCount === 0;
      count += buffer.length;
    } else {
      // A row that cannot be split is not loaded, and has no key to compare.
      for (let row = 0, from = count; row < buffer.length; row++) {
        if (rowFaults.has(row)) continue;
        isComplete &&= buffer.nulls[row] === 0;
        keys[count++] = keys[from + row];
      }
    }
    return isComplete && count < rowsMax;
  });
  if (!isComplete) return false;
  const sorted = keys.subarray(0, count).sort();
  for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) return false;
  return true;
}

function grown(keys: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * keys.length);
  larger.set(keys);
  return larger;
}
