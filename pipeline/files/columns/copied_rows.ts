import {
  appendFault,
  appendNull,
  appendReal,
  appendSpan,
  appendText,
  appendWords,
  type ColumnBuffer,
  growRows,
} from "./column_buffer.ts";

/** Returns a function that appends a row of another buffer of the same type. Each text is copied once. */
export function copierOf(buffer: ColumnBuffer, source: ColumnBuffer): (index: number) => void {
  const append = appenderOf(buffer, source);
  return (index) => {
    if (source.nulls[index] === 0) return append(index);
    const fault = source.faults.get(index);
    if (fault === undefined) appendNull(buffer);
    else appendFault(buffer, fault, source.found.get(index));
  };
}

function appenderOf(buffer: ColumnBuffer, source: ColumnBuffer): (index: number) => void {
  if (buffer.type === "INTEGER" && source.type === "INTEGER") {
    return (index) => appendWords(buffer, source.words[2 * index], source.words[2 * index + 1]);
  }
  if (buffer.type === "REAL" && source.type === "REAL") {
    return (index) => appendReal(buffer, source.values[index]);
  }
  if (buffer.type !== "TEXT" || source.type !== "TEXT") {
    throw new Error(`cannot copy ${source.type} to ${buffer.type}`);
  }
  // Offset of each text in the buffer; −1 if it has not been copied since the buffer was cleared.
  const places = new Int32Array(source.length).fill(-1);
  let { fills } = buffer;
  return (index) => {
    if (fills !== buffer.fills) {
      places.fill(-1);
      fills = buffer.fills;
    }
    const start = source.spans[2 * index];
    const end = source.spans[2 * index + 1];
    const place = places[index];
    if (place >= 0) return appendSpan(buffer, place, place + end - start);
    places[index] = buffer.byteCount;
    appendText(buffer, source.bytes, start, end);
  };
}
/**
 * Appends rows of another buffer of the same type without a call each: of numbers, none of which is null.
 *
 * @param indices Rows of `source`. Shape (at least `count`).
 * @returns Whether they were appended; otherwise nothing is.
 */
export function appendNumbers(
  buffer: ColumnBuffer,
  source: ColumnBuffer,
  indices: Int32Array,
  count: number,
): boolean {
  if (source.nullCount > 0 || source.faults.size > 0) return false;
  const first = buffer.length;
  if (buffer.type === "REAL" && source.type === "REAL") {
    if (first + count > buffer.nulls.length) growRows(buffer, first + count);
    const [{ values }, { values: from }] = [buffer, source];
    for (let i = 0; i < count; i++) values[first + i] = from[indices[i]];
  } else if (buffer.type === "INTEGER" && source.type === "INTEGER") {
    if (first + count > buffer.nulls.length) growRows(buffer, first + count);
    const [{ words }, { words: from }] = [buffer, source];
    for (let i = 0, to = 2 * first; i < count; i++, to += 2) {
      words[to] = from[2 * indices[i]];
      words[to + 1] = from[2 * indices[i] + 1];
    }
  } else return false;
  buffer.nulls.fill(0, first, first + count);
  buffer.length = first + count;
  return true;
}
