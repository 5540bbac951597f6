import { releaseBuffer } from "../files/columns/column_buffer.ts";
import { clearRowRun, createRowRun } from "../files/columns/row_run.ts";
import { fileState } from "../files/file_state.ts";
import { openFile } from "../files/open_file.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";
import type { ColumnProfile } from "./column_profile.ts";
import { keyOf } from "./key.ts";
import { writeKeys } from "./key_numbers.ts";
import { typeOf } from "./parquet_sample.ts";
import { readColumn } from "./sampled_rows.ts";

/** A file whose rows were looked at in part. */
export interface CheckedFile {
  readonly path: string;
  readonly format: TextFormat;
  readonly isParquet: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Rows whose keys are compared, at most: 8 bytes each. */
const rowsMax = 4 * 2 ** 20;
/** Larger text files are not read as a whole. */
const textBytesMax = 128 * 2 ** 20;
const stepRows = 4_096;
const stepsPerYield = 16;

/**
 * Reads the column that would be the key in all rows of the file, and takes it back if a value is missing or occurs twice; then the next
 * one.
 *
 * @returns The columns, those taken back without `isUnique`.
 * @throws {Failure} as the readers do; the reason of an aborted signal.
 */
export async function withCheckedKey(
  columns: readonly ColumnProfile[],
  file: CheckedFile,
): Promise<readonly ColumnProfile[]> {
  if (!file.isParquet && fileState(file.path).size > textBytesMax) return columns;
  let checked = columns;
  for (let key = keyOf(checked); key !== undefined; key = keyOf(checked)) {
    if (await isKeyOfAll(key, file)) return checked;
    const { name } = key;
    checked = checked.map((column) => column.name === name ? { ...column, isUnique: false } : column);
  }
  return checked;
}

/** @returns Whether each row has a value that no other row has, as far as rows are compared. */
async function isKeyOfAll({ name, kind }: ColumnProfile, file: CheckedFile): Promise<boolean> {
  const column = readColumn(name, typeOf(kind));
  const reader = openFile(file.path, () => [{ column, name }], file.format);
  const run = createRowRun([column]);
  let keys = new Float64Array(2 ** 16);
  let count = 0;
  try {
    for (let step = 1; count < rowsMax && reader.read(run, stepRows) > 0; step++) {
      const [buffer] = run.buffers;
      if (buffer.nullCount > 0) return false;
      if (count + buffer.length > keys.length) keys = grown(keys);
      writeKeys(buffer, keys.subarray(count));
      count += buffer.length;
      clearRowRun(run);
      if (step % stepsPerYield === 0) await yieldToEventLoop();
      file.signal?.throwIfAborted();
    }
  } finally {
    run.buffers.forEach(releaseBuffer);
    reader.close();
  }
  const sorted = keys.subarray(0, count).sort();
  for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) return false;
  return true;
}

function grown(keys: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * keys.length);
  larger.set(keys);
  return larger;
}
