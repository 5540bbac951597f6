import { Buffer } from "node:buffer";
import type { ChunkStore } from "../chunks/chunk_store.ts";
import type { StoredChunk } from "../chunks/chunk_file.ts";
import { chunkRowsOf } from "../examples/id_ranges.ts";
import { inputColumnsOf } from "../examples/input_columns.ts";
import { hasNumbers, hasTexts } from "../examples/level.ts";
import { mergeChunks } from "../examples/merge_chunks.ts";
import type { RawChunk, RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { idColumn, labelColumn, levelColumn, numberColumn, weightColumn } from "./base_rows.ts";
import type { EngineDialect } from "./engine_dialect.ts";
import { hashColumn, timeColumn } from "./partition.ts";
import { type SourceColumns, valueTypeIn } from "./source_columns.ts";

/** "PGCOPY", then flags and the length of an extension. @see https://www.postgresql.org/docs/current/sql-copy.html */
const headerBytes = 19;
/** The field count that ends the rows. */
const trailer = -1;

/** Returns the SELECT of examples as `createCopyReader` reads them: the same rows give the same order. @param from Examples, as a FROM has them. */
export function copiedColumns(from: string, spec: FeatureSpec, { double, bigint }: EngineDialect): string {
  const inputs = inputColumnsOf(spec.features);
  const count = (kind: "number" | "category") => inputs.filter((input) => input.kind === kind).length;
  const columns = [
    bigint(labelColumn),
    double(weightColumn),
    hashColumn,
    ...(spec.time === undefined ? [] : [double(timeColumn)]),
    ...Array.from({ length: count("number") }, (_, i) => double(numberColumn(i))),
    ...Array.from({ length: count("category") }, (_, i) => levelColumn(i)),
  ];
  return `SELECT ${columns.join(", ")} FROM ${from} ORDER BY ${idColumn}`;
}

/** Reads rows in PostgreSQL's binary form of COPY, in pieces of any length, into examples. */
export function createCopyReader(spec: FeatureSpec, source: SourceColumns, chunkStore: ChunkStore) {
  const rows = createCollectedRows(spec, chunkStore);
  let rest: Buffer = Buffer.alloc(0);
  let isBegun = false;
  return {
    add(piece: Buffer): void {
      const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      const cursor = createCursor(bytes);
      if (!isBegun) {
        if (bytes.length < headerBytes) return void (rest = bytes);
        cursor.at = headerBytes + cursor.view.getInt32(headerBytes - 4);
        isBegun = true;
      }
      let end = cursor.at;
      while (cursor.at + 2 <= bytes.length && cursor.view.getInt16(cursor.at) !== trailer) {
        cursor.at += 2;
        if (!rows.add(cursor)) break;
        end = cursor.at;
      }
      rest = bytes.subarray(end);
    },
    rowCount: rows.rowCount,
    /** Returns all rows that were added. */
    examples: (): RawExamples => rows.examples(source),
  };
}

/** A place in some bytes. */
interface Cursor {
  readonly bytes: Buffer;
  readonly view: DataView;
  at: number;
  /** Moves behind the next field. @returns Where its value is; −1 for NULL; undefined if it is not whole. */
  next(): number | undefined;
}

function createCursor(bytes: Buffer): Cursor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    bytes,
    view,
    at: 0,
    next() {
      if (this.at + 4 > bytes.length) return undefined;
      const length = view.getInt32(this.at);
      const from = this.at + 4;
      if (from + Math.max(0, length) > bytes.length) return undefined;
      this.at = from + Math.max(0, length);
      return length < 0 ? -1 : from;
    },
  };
}

/** Collects rows, and stores them in chunks. */
function createCollectedRows(spec: FeatureSpec, chunkStore: ChunkStore) {
  const inputs = inputColumnsOf(spec.features);
  const numberCount = inputs.filter(({ kind }) => kind === "number").length;
  const categories = inputs.filter(({ kind }) => kind === "category");
  const rowsMax = chunkRowsOf(inputs.length);
  const labels = new Uint8Array(rowsMax);
  const groups = new Uint32Array(rowsMax);
  const weights = new Float64Array(rowsMax);
  const times = spec.time === undefined ? undefined : new Float64Array(rowsMax);
  const numeric = new Float64Array(rowsMax * numberCount);
  const fields = categories.map(() => createCodes(rowsMax));
  const chunks: StoredChunk<RawChunk>[] = [];
  let [rowCount, total] = [0, 0];

  function take(): void {
    if (rowCount === 0) return;
    const { columns } = chunkStore;
    chunks.push(chunkStore.put<RawChunk>({
      rowCount,
      numeric: filled(columns.float64(rowCount * numberCount), numeric),
      codes: fields.map(({ codes }) => filled(columns.uint32(rowCount), codes)),
      labels: filled(columns.uint8(rowCount), labels),
      groups: filled(columns.uint32(rowCount), groups),
      ...(spec.weight === undefined ? {} : { weights: filled(columns.float64(rowCount), weights) }),
      ...(times ? { times: filled(columns.float64(rowCount), times) } : {}),
    }));
    rowCount = 0;
  }

  /** Reads a row into the next place. @returns Whether it was whole. */
  function read(cursor: Cursor): boolean {
    const { view } = cursor;
    const [label, weight, group] = [cursor.next(), cursor.next(), cursor.next()];
    if (label === undefined || weight === undefined || group === undefined) return false;
    // The low words of two integers.
    labels[rowCount] = view.getUint32(label + 4);
    weights[rowCount] = view.getFloat64(weight);
    groups[rowCount] = view.getUint32(group + 4);
    if (times) {
      const time = cursor.next();
      if (time === undefined) return false;
      times[rowCount] = time < 0 ? NaN : view.getFloat64(time);
    }
    for (let j = 0, k = rowCount * numberCount; j < numberCount; j++, k++) {
      const value = cursor.next();
      if (value === undefined) return false;
      numeric[k] = value < 0 ? NaN : view.getFloat64(value);
    }
    for (const field of fields) {
      const value = cursor.next();
      if (value === undefined) return false;
      field.set(rowCount, cursor.bytes, value, cursor.at);
    }
    return true;
  }

  return {
    rowCount: (): number => total,
    add(cursor: Cursor): boolean {
      if (!read(cursor)) return false;
      total++;
      if (++rowCount === rowsMax) take();
      return true;
    },
    examples(source: SourceColumns): RawExamples {
      take();
      const levels = fields.map((field) => field.levels);
      const kinds = categories.map(({ name }, field) =>
        levels[field].length === 1 ? 0 : valueTypeIn(name, source) === "text" ? hasTexts : hasNumbers
      );
      const parts = chunks.map((chunk, order) => ({ order, chunk, levels, kinds }));
      return mergeChunks(parts, { chunkStore });
    },
  };
}

/** Codes of one field's levels, in the order in which they appear. */
function createCodes(rowsMax: number) {
  const codes = new Uint32Array(rowsMax);
  const levels: (string | null)[] = [null];
  const codeOf = new Map<string, number>();
  return {
    codes,
    levels,
    /** @param from −1 for NULL. */
    set(row: number, bytes: Buffer, from: number, to: number): void {
      if (from < 0) return void (codes[row] = 0);
      // As a key, any one-to-one text of the bytes will do, and this is the fastest.
      const key = bytes.toString("latin1", from, to);
      let code = codeOf.get(key);
      if (code === undefined) {
        code = levels.push(bytes.toString("utf8", from, to)) - 1;
        codeOf.set(key, code);
      }
      codes[row] = code;
    },
  };
}

function filled<A extends Float64Array | Uint32Array | Uint8Array>(
  target: A,
  source: Float64Array | Uint32Array | Uint8Array,
): A {
  target.set(source.subarray(0, target.length));
  return target;
}
