import { appendNull, type ColumnBuffer, growRows } from "./column_buffer.ts";
import { copierOf } from "./copied_rows.ts";

/**
 * Appends rows as codes, if the buffer has no others. The codes are valid until the buffer is cleared.
 *
 * @param rows Indices of the entries of those rows that are not NULL.
 * @param levels 1 for a value, 0 for NULL; undefined if no row is NULL.
 * @returns Whether they were appended; otherwise nothing is.
 */
export function appendCodes(
  buffer: ColumnBuffer,
  dictionary: ColumnBuffer,
  rows: { readonly indices: Int32Array; readonly count: number; readonly levels: Uint8Array | undefined },
): boolean {
  const { indices, count, levels } = rows;
  if (dictionary.nullCount > 0 || dictionary.faults.size > 0) return false;
  if (buffer.coded ? buffer.coded.dictionary !== dictionary : buffer.length > 0) return false;
  const first = buffer.length;
  const codes = withMemory(buffer, first + count);
  if (levels === undefined) codes.set(indices.subarray(0, count), first);
  else spread(codes.subarray(first, first + count), { indices, levels, ofNull: dictionary.length });
  buffer.coded = { codes, dictionary };
  buffer.length = first + count;
  return true;
}

function spread(
  codes: Int32Array,
  { indices, levels, ofNull }: { indices: Int32Array; levels: Uint8Array; ofNull: number },
): void {
  let value = 0;
  for (let i = 0; i < codes.length; i++) {
    const isPresent = levels[i];
    codes[i] = isPresent === 1 ? indices[value] : ofNull;
    value += isPresent;
  }
}

function withMemory(buffer: ColumnBuffer, rows: number): Int32Array<ArrayBuffer> {
  if (buffer.codeMemory.length >= rows) return buffer.codeMemory;
  const larger = new Int32Array(Math.max(rows, 2 * buffer.codeMemory.length));
  larger.set(buffer.codeMemory);
  return buffer.codeMemory = larger;
}

/** Replaces the codes of a buffer by the values. */
export function expandCodes(buffer: ColumnBuffer): void {
  const { coded, length } = buffer;
  if (!coded) return;
  const { codes, dictionary } = coded;
  buffer.coded = undefined;
  buffer.length = 0;
  const copy = copierOf(buffer, dictionary);
  for (let i = 0; i < length; i++) {
    if (codes[i] === dictionary.length) appendNull(buffer);
    else copy(codes[i]);
  }
}

/** Makes the row after the last entry of a dictionary NULL, so that each code has a value. @returns The number of these rows. */
export function addNullEntry(dictionary: ColumnBuffer): number {
  const count = dictionary.length + 1;
  if (count > dictionary.nulls.length) growRows(dictionary, count);
  dictionary.nulls[count - 1] = 1;
  return count;
}
