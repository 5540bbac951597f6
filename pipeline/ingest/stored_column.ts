import type { Column } from "../chunks/chunk_file.ts";
import type { ColumnMaker } from "../chunks/chunk_store.ts";
import { type ColumnBuffer, growRows, type TextBuffer } from "../files/columns/column_buffer.ts";
import { gatherBytes, gatherReals, gatherWords } from "../files/columns/gather.ts";

/** Rows of a column, as columns of a chunk. */
export interface StoredColumn {
  readonly nulls: Uint8Array<SharedArrayBuffer>;
  /** Integers as pairs of words, reals, or the bytes of texts. Rows may share a text. */
  readonly values: Column;
  /** Where each text begins and ends in the bytes; empty for numbers. */
  readonly spans: Uint32Array<SharedArrayBuffer>;
}

/** Copies rows of a buffer. @param places Rows of the buffer, none of which is faulty. */
export function storeColumn(buffer: ColumnBuffer, places: Uint32Array, maker: ColumnMaker): StoredColumn {
  const nulls = maker.uint8(places.length);
  if (buffer.nullCount === 0) nulls.fill(0);
  else gatherBytes(buffer.nulls, places, nulls);
  switch (buffer.type) {
    case "TEXT":
      return { nulls, ...storeTexts(buffer, places, maker) };
    case "REAL":
      return {
        nulls,
        values: gatherReals(buffer.values, places, maker.float64(places.length)),
        spans: maker.uint32(0),
      };
    case "INTEGER": {
      const values = maker.uint32(2 * places.length);
      gatherWords(buffer.words, places, new Int32Array(values.buffer, values.byteOffset, values.length));
      return { nulls, values, spans: maker.uint32(0) };
    }
  }
}

/** Most bytes of texts that rows share: places are kept for each byte. */
const sharedBytesMax = 2 ** 16;

function storeTexts(
  { bytes, byteCount, spans: from, textLength }: TextBuffer,
  places: Uint32Array,
  maker: ColumnMaker,
): Pick<StoredColumn, "values" | "spans"> {
  const spans = maker.uint32(2 * places.length);
  let length = 0;
  for (let i = 0; i < places.length; i++) length += from[2 * places[i] + 1] - from[2 * places[i]];
  const values = maker.uint8(length);
  const isShared = textLength > byteCount && byteCount <= sharedBytesMax;
  // By where a text begins: its place + 1.
  const known = new Uint32Array(isShared ? byteCount : 0);
  const [source, target] = [viewOf(bytes), viewOf(values)];
  let end = 0;
  for (let i = 0; i < places.length; i++) {
    const start = from[2 * places[i]];
    const stop = from[2 * places[i] + 1];
    // An empty text has no place: another one may begin at its offset.
    const isKnown = isShared && stop > start && known[start] > 0;
    const at = isKnown ? known[start] - 1 : end;
    spans[2 * i] = at;
    spans[2 * i + 1] = at + stop - start;
    if (isKnown) continue;
    if (isShared && stop > start) known[start] = at + 1;
    copyBytes(source, start, stop, target, at);
    end = at + stop - start;
  }
  return { values: values.subarray(0, end), spans };
}

function viewOf({ buffer, byteOffset, byteLength }: ArrayBufferView): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Copies the bytes of a text, by words. @returns Whether all of them are ASCII. */
function copyBytes(source: DataView, start: number, stop: number, target: DataView, at: number): boolean {
  let bits = 0;
  let [from, to] = [start, at];
  for (; from + 4 <= stop; from += 4, to += 4) {
    const word = source.getInt32(from, true);
    target.setInt32(to, word, true);
    bits |= word;
  }
  for (; from < stop; from++, to++) {
    const byte = source.getUint8(from);
    target.setUint8(to, byte);
    bits |= byte;
  }
  return (bits & 0x80808080) === 0;
}

/** Rows of several stored columns, in the order in which they are merged. */
export interface MergedRows {
  count: number;
  /** Which column each row is of. */
  readonly from: Uint8Array;
  /** Its place in the column. */
  readonly places: Uint32Array;
}

/** A stored column whose rows are being merged. */
export interface MergedColumn extends StoredColumn {
  /** The bytes of the values. */
  readonly view: DataView;
  /** If rows share texts: by the byte where a text begins, where it begins in the target; −1 if it is not there yet. */
  readonly copied: Int32Array | undefined;
}

/** Prepares a column to be merged. */
export function mergedColumn(stored: StoredColumn): MergedColumn {
  const { spans, values } = stored;
  let length = 0;
  for (let i = 0; i < spans.length; i += 2) length += spans[i + 1] - spans[i];
  const isShared = length > values.length && values.length <= sharedBytesMax;
  return {
    ...stored,
    view: viewOf(values),
    copied: isShared ? new Int32Array(values.length).fill(-1) : undefined,
  };
}

/** Appends rows to a buffer of the columns' type. */
export function appendMerged(
  target: ColumnBuffer,
  columns: readonly MergedColumn[],
  { count, from, places }: MergedRows,
): void {
  const first = target.length;
  if (first + count > target.nulls.length) growRows(target, first + count);
  for (let i = 0; i < count; i++) {
    const isNull = columns[from[i]].nulls[places[i]];
    target.nulls[first + i] = isNull;
    target.nullCount += isNull;
  }
  target.length = first + count;
  if (target.type === "TEXT") return appendTexts(target, columns, { count, from, places }, first);
  if (target.type === "REAL") {
    for (let i = 0; i < count; i++) target.values[first + i] = columns[from[i]].values[places[i]];
    return;
  }
  for (let i = 0; i < count; i++) {
    const { values } = columns[from[i]];
    target.words[2 * (first + i)] = values[2 * places[i]];
    target.words[2 * (first + i) + 1] = values[2 * places[i] + 1];
  }
}

function appendTexts(
  target: TextBuffer,
  columns: readonly MergedColumn[],
  { count, from, places }: MergedRows,
  first: number,
): void {
  const { spans } = target;
  let length = 0;
  for (let i = 0; i < count; i++) {
    const { spans: of } = columns[from[i]];
    length += of[2 * places[i] + 1] - of[2 * places[i]];
  }
  if (target.byteCount + length > target.bytes.length) {
    const larger = new Uint8Array(Math.max(2 * target.bytes.length, target.byteCount + length));
    larger.set(target.bytes.subarray(0, target.byteCount));
    target.bytes = larger;
  }
  const view = viewOf(target.bytes);
  target.textLength += length;
  let end = target.byteCount;
  for (let i = 0; i < count; i++) {
    const { view: source, spans: of, copied } = columns[from[i]];
    const start = of[2 * places[i]];
    const stop = of[2 * places[i] + 1];
    const known = copied && stop > start ? copied[start] : -1;
    const at = known >= 0 ? known : end;
    spans[2 * (first + i)] = at;
    spans[2 * (first + i) + 1] = at + stop - start;
    if (stop - start > target.longest) target.longest = stop - start;
    if (known >= 0) continue;
    if (copied && stop > start) copied[start] = at;
    if (!copyBytes(source, start, stop, view, at)) target.isAscii = false;
    end = at + stop - start;
  }
  target.byteCount = end;
}
