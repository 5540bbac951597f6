import { type Column, isColumn, mapColumns } from "../../chunks/chunk_file.ts";
import type { ColumnMaker } from "../../chunks/chunk_store.ts";

/** Copies rows of chunks with the same columns into other chunks. */
export type RowPacker<Chunk extends { readonly rowCount: number }> = ReturnType<
  typeof createRowPacker<Chunk>
>;

/** @param rowsMax Rows of a chunk, at most. @param columns Allocates the columns of the chunks that are taken. */
export function createRowPacker<Chunk extends { readonly rowCount: number }>(
  rowsMax: number,
  columns: ColumnMaker,
) {
  let like: Chunk | undefined;
  let targets: { readonly column: Column; readonly stride: number }[] = [];
  let rowCount = 0;
  const prepare = (chunk: Chunk) => {
    if (like) return;
    like = chunk;
    targets = columnsOf(chunk).map((column) => {
      const stride = column.length / chunk.rowCount;
      return { column: bufferLike(column, rowsMax * stride), stride };
    });
  };
  return {
    get rowCount(): number {
      return rowCount;
    },
    /** Copies the rows `from` up to, and excluding, `to`, of those listed or of the chunk itself. There must be room for them. */
    add(chunk: Chunk, from: number, to: number, rows?: Uint32Array): void {
      if (from === to) return;
      prepare(chunk);
      columnsOf(chunk).forEach((source, i) => {
        const { column, stride } = targets[i];
        if (!rows) column.set(source.subarray(from * stride, to * stride), rowCount * stride);
        else if (stride === 1) gather(source, rows, { from, to }, column, rowCount);
        else gatherRows(source, stride, rows, { from, to }, column, rowCount);
      });
      rowCount += to - from;
    },
    /** Returns the rows as a chunk. @param empty A chunk with these columns, needed if there has been no row yet. */
    take(empty?: Chunk): Chunk {
      const model = like ?? empty;
      if (!model) throw new Error("no row has been added");
      let i = 0;
      const count = rowCount;
      rowCount = 0;
      const taken = mapColumns(model, (column) => {
        const target = targets[i++];
        return target ? filled(target.column, count * target.stride, columns) : bufferLike(column, 0);
      });
      return { ...taken, rowCount: count };
    },
  };
}

function columnsOf(chunk: object): Column[] {
  return Object.values(chunk).flatMap((value) => Array.isArray(value) ? value : [value]).filter(isColumn);
}

/** Codes of one column may have 16 bits in one chunk and 32 in the next. */
function bufferLike(column: Column, length: number): Column {
  if (column instanceof Float64Array) return new Float64Array(new SharedArrayBuffer(8 * length));
  return column instanceof Uint8Array
    ? new Uint8Array(new SharedArrayBuffer(length))
    : new Uint32Array(new SharedArrayBuffer(4 * length));
}

function filled(column: Column, length: number, columns: ColumnMaker): Column {
  const target = column instanceof Float64Array
    ? columns.float64(length)
    : column instanceof Uint8Array
    ? columns.uint8(length)
    : columns.uint32(length);
  target.set(column.subarray(0, length));
  return target;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

function gather(source: Column, rows: Uint32Array, { from, to }: Span, target: Column, at: number): void {
  for (let i = from; i < to; i++) target[at++] = source[rows[i]];
}

function gatherRows(
  source: Column,
  stride: number,
  rows: Uint32Array,
  { from, to }: Span,
  target: Column,
  at: number,
): void {
  for (let i = from, k = at * stride; i < to; i++) {
    for (let j = 0, s = rows[i] * stride; j < stride; j++) target[k++] = source[s++];
  }
}
