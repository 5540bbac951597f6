import type { ChunkStore } from "../chunks/chunk_store.ts";
import { isSpilled, type StoredChunk } from "../chunks/chunk_file.ts";
import { chunkRowsOf } from "../examples/id_ranges.ts";
import { inputColumnsOf } from "../examples/input_columns.ts";
import { hasNumbers, hasTexts } from "../examples/level.ts";
import { mergeChunks } from "../examples/merge_chunks.ts";
import type { RawChunk, RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec, ReadSpec } from "../examples/spec.ts";
import { hashOf } from "../math/hash.ts";
import { sha256Word } from "../math/sha256.ts";
import {
  type BaseRows,
  fateColumn,
  groupColumn,
  idColumn,
  isExample,
  labelColumn,
  levelColumn,
  numberColumn,
  repeatedId,
  weightColumn,
} from "./base_rows.ts";
import { createByteCodes } from "./byte_codes.ts";
import type { EngineDialect } from "./engine_dialect.ts";
import { timeColumn } from "./partition.ts";
import { createIdOrder, type IdOrder } from "./id_order.ts";
import { type SourceColumns, valueTypeIn } from "./source_columns.ts";
import { filled } from "../runtime/shared_memory.ts";

/** "PGCOPY", then flags and the length of an extension. @see https://www.postgresql.org/docs/current/sql-copy.html */
const headerBytes = 19;
/** The field count that ends the rows. */
const trailer = -1;

/** The rows of a view as `createCopyReader` reads them. */
export interface CopiedColumns {
  readonly select: string;
  /** Whether rows come in any order, with their ids; else each has its id only if the one before has the same. */
  readonly isUnordered: boolean;
}

/**
 * Returns the SELECT of base rows as `createCopyReader` reads them: the same rows give the same examples, in the order of their ids. Those
 * that are whole numbers can be sorted here, which is faster than in PostgreSQL: in any order, it can join them as it likes.
 */
export function copiedColumns(
  { select }: BaseRows,
  spec: FeatureSpec,
  { kinds }: SourceColumns,
  { double, bigint, text }: EngineDialect,
  isSorted: boolean,
): CopiedColumns {
  const inputs = inputColumnsOf(spec.features);
  const count = (kind: "number" | "category") => inputs.filter((input) => input.kind === kind).length;
  const isUnordered = !isSorted && kinds.get(spec.id) === "integer";
  const columns = [
    fateColumn,
    labelColumn,
    ...(spec.weight === undefined ? [] : [double(weightColumn)]),
    groupColumn,
    ...(spec.time === undefined ? [] : [double(timeColumn)]),
    ...Array.from({ length: count("number") }, (_, i) => double(numberColumn(i))),
    ...Array.from({ length: count("category") }, (_, i) => levelColumn(i)),
  ];
  const from = `FROM (${select}) AS base_rows`;
  if (isUnordered) {
    return { select: `SELECT ${columns.join(", ")}, ${bigint(idColumn)} ${from}`, isUnordered };
  }
  // Cast, since a uuid has no collation.
  const order = kinds.get(spec.id) === "text" ? `${text(idColumn)} COLLATE "C"` : idColumn;
  const repeated =
    `CASE WHEN ${idColumn} = lag(${idColumn}) OVER (PARTITION BY ${isExample} ORDER BY ${order}) THEN ${
      text(idColumn)
    } END`;
  return {
    select: `SELECT ${columns.join(", ")}, ${repeated} ${from} ORDER BY ${isExample}, ${order}`,
    isUnordered,
  };
}

/** Returns the memory of an example. */
export function copiedBytes({ features, weight, time }: FeatureSpec): number {
  const numbers = inputColumnsOf(features).filter(({ kind }) => kind === "number").length;
  const others = inputColumnsOf(features).length - numbers;
  return 8 * numbers + 4 * others + 5 + (weight === undefined ? 0 : 8) + (time === undefined ? 0 : 8);
}

/** Reads rows in PostgreSQL's binary form of COPY, one message each, into examples. */
export function createCopyReader(
  spec: ReadSpec,
  source: SourceColumns,
  { isUnordered }: CopiedColumns,
  chunkStore: ChunkStore,
) {
  const rows = createCollectedRows(spec, chunkStore);
  const ids = isUnordered ? createIdOrder() : undefined;
  const fates = new Map<number, number>();
  let isBegun = false;
  let total = 0;
  const cursor = createCursor();
  const refuseId = (bytes: Uint8Array, from: number, to: number): never => {
    throw repeatedId(new TextDecoder().decode(bytes.subarray(from, to)), source.view);
  };
  return {
    /**
     * Reads a message.
     *
     * @throws {Failure} `examples-invalid` for an id that occurs twice, of rows in order.
     * @throws {Error} for one that is none of such a copy.
     */
    add(bytes: Uint8Array, from: number, to: number): void {
      cursor.enter(bytes, from);
      if (!isBegun) cursor.skip(headerBytes, headerBytes - 4);
      isBegun = true;
      if (cursor.count() === trailer) return;
      total++;
      const fate = cursor.integer();
      fates.set(fate, (fates.get(fate) ?? 0) + 1);
      if (fate !== 0) return;
      rows.add(cursor);
      if (ids) cursor.id(ids);
      else cursor.text(refuseId);
      if (cursor.at() !== to) throw new Error("a copied row has another length than its message");
    },
    /** Rows so far, examples or not. */
    rowCount: (): number => total,
    /** Rows by fate. */
    fates: (): ReadonlyMap<number, number> => fates,
    /**
     * Returns all examples, in the order of their ids.
     *
     * @returns undefined if they did not come in it, and do not fit into the memory.
     * @throws {Failure} `examples-invalid` for an id that occurs twice, of rows in any order.
     */
    examples(): RawExamples | undefined {
      const { order, repeated } = ids?.sorted() ?? {};
      if (repeated !== undefined) throw repeatedId(String(repeated), source.view);
      return rows.examples(source, order);
    },
  };
}

/** A place in a message. */
type Cursor = ReturnType<typeof createCursor>;

function createCursor() {
  let bytes: Uint8Array = new Uint8Array();
  let view: DataView = new DataView(bytes.buffer);
  let at = 0;
  /** Moves behind a field. @returns Its length; −1 for NULL. */
  const next = (): number => {
    const length = view.getInt32(at);
    at += 4 + (length < 0 ? 0 : length);
    return length;
  };
  return {
    enter(message: Uint8Array, from: number): void {
      if (bytes !== message) view = new DataView(message.buffer, message.byteOffset, message.byteLength);
      bytes = message;
      at = from;
    },
    at: (): number => at,
    /** Skips some bytes, and as many more as are said at a place among them. */
    skip(count: number, extensionAt: number): void {
      at += count + view.getInt32(at + extensionAt);
    },
    /** Reads the count of fields. */
    count(): number {
      at += 2;
      return view.getInt16(at - 2);
    },
    /** Reads the low word of an integer that is not NULL. */
    integer(): number {
      next();
      return view.getInt32(at - 4);
    },
    /** Reads a double; NaN for NULL. */
    number(): number {
      return next() < 0 ? NaN : view.getFloat64(at - 8);
    },
    /** Reads a text. @param read Is given its place. @returns What `read` does; 0 for NULL. */
    text(read: (bytes: Uint8Array, from: number, to: number) => number): number {
      const length = next();
      return length < 0 ? 0 : read(bytes, at - length, at);
    },
    /** Reads a 64-bit integer that is not NULL. */
    id(ids: IdOrder): void {
      next();
      ids.add(view.getInt32(at - 8), view.getUint32(at - 4));
    },
  };
}

/** Collects rows, and stores them in chunks. */
function createCollectedRows(spec: ReadSpec, chunkStore: ChunkStore) {
  const inputs = inputColumnsOf(spec.features);
  const numberCount = inputs.filter(({ kind }) => kind === "number").length;
  const categories = inputs.filter(({ kind }) => kind === "category");
  const rowsMax = chunkRowsOf(inputs.length);
  const labels = new Uint8Array(rowsMax);
  const groups = new Uint32Array(rowsMax);
  const weights = spec.weight === undefined ? undefined : new Float64Array(rowsMax);
  const times = spec.time === undefined ? undefined : new Float64Array(rowsMax);
  const numeric = new Float64Array(rowsMax * numberCount);
  const fields = categories.map(() => ({ codes: new Uint32Array(rowsMax), ...createByteCodes() }));
  const hashGroup = spec.splitHash === "sha256" ? sha256Word : hashOfText;
  const chunks: StoredChunk<RawChunk>[] = [];
  let rowCount = 0;

  function take(): void {
    if (rowCount === 0) return;
    const { columns } = chunkStore;
    chunks.push(chunkStore.put<RawChunk>({
      rowCount,
      numeric: filled(columns.float64(rowCount * numberCount), numeric),
      codes: fields.map(({ codes }) => filled(columns.uint32(rowCount), codes)),
      labels: filled(columns.uint8(rowCount), labels),
      groups: filled(columns.uint32(rowCount), groups),
      ...(weights ? { weights: filled(columns.float64(rowCount), weights) } : {}),
      ...(times ? { times: filled(columns.float64(rowCount), times) } : {}),
    }));
    rowCount = 0;
  }

  return {
    /** Reads an example. */
    add(cursor: Cursor): void {
      labels[rowCount] = cursor.integer();
      if (weights) weights[rowCount] = cursor.number();
      groups[rowCount] = cursor.text(hashGroup);
      if (times) times[rowCount] = cursor.number();
      for (let j = 0, k = rowCount * numberCount; j < numberCount; j++, k++) numeric[k] = cursor.number();
      for (const { codes, codeOf } of fields) codes[rowCount] = cursor.text(codeOf);
      if (++rowCount === rowsMax) take();
    },
    /** @param order Index of the row in each place; undefined if they are in order. */
    examples(source: SourceColumns, order: Uint32Array | undefined): RawExamples | undefined {
      take();
      if (order) {
        const inMemory = chunks.filter((chunk): chunk is RawChunk => !isSpilled(chunk));
        if (inMemory.length < chunks.length) return undefined;
        reorder(inMemory, order);
      }
      const levels = fields.map((field) => field.levels);
      const kinds = categories.map(({ name }, field) =>
        levels[field].length === 1 ? 0 : valueTypeIn(name, source) === "text" ? hasTexts : hasNumbers
      );
      const parts = chunks.map((chunk, order) => ({ order, chunk, levels, kinds }));
      return mergeChunks(parts, { chunkStore });
    },
  };
}

function hashOfText(bytes: Uint8Array, from: number, to: number): number {
  return hashOf(new TextDecoder().decode(bytes.subarray(from, to)));
}

/** Moves the rows of chunks in place. @param order Index of the row in each place. */
function reorder(chunks: readonly RawChunk[], order: Uint32Array): void {
  const [first] = chunks;
  permute(
    chunks.map(({ numeric }) => numeric),
    order,
    new Float64Array(order.length * (first.numeric.length / first.rowCount)),
  );
  first.codes.forEach((_, field) =>
    permute(chunks.map(({ codes }) => codes[field]), order, new Uint32Array(order.length))
  );
  permute(chunks.map(({ labels }) => labels), order, new Uint8Array(order.length));
  permute(chunks.map(({ groups }) => groups), order, new Uint32Array(order.length));
  for (const name of ["weights", "times"] as const) {
    const columns = chunks.map((chunk) => chunk[name]).filter((column) => column !== undefined);
    if (columns.length > 0) permute(columns, order, new Float64Array(order.length));
  }
}

type Numbers = Float64Array | Uint32Array | Uint16Array | Uint8Array;

/** @param columns That of each chunk, shape (rows) or (rows, width), row-major. @param all Receives the rows before. */
function permute(columns: readonly Numbers[], order: Uint32Array, all: Numbers): void {
  const width = all.length / order.length;
  let end = 0;
  for (const column of columns) {
    all.set(column, end);
    end += column.length;
  }
  let place = 0;
  for (const column of columns) {
    for (let k = 0; k < column.length; place++) {
      for (let j = 0, from = order[place] * width; j < width; j++) column[k++] = all[from + j];
    }
  }
}
