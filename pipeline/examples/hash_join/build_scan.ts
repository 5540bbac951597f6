import type { DatabaseSync } from "node:sqlite";
import { createChunkStore } from "../../chunks/chunk_store.ts";
import type { MemoryBudget } from "../../chunks/memory_budget.ts";
import type { Job } from "../../runtime/thread_pool.ts";
import { isOutOfRange } from "../../store/checked_rows.ts";
import { openReadingConnection, scanMemory } from "../../store/reading_connection.ts";
import { arrays } from "../../store/sqlite.ts";
import { asFailure } from "../../store/sqlite_failure.ts";
import { type Coder, createCoder } from "../coding.ts";
import type { Row } from "../row_values.ts";
import type { Bound, BuildCursor } from "./build_cursor.ts";
import { hashOf } from "../../math/hash.ts";
import { appendRows, createKeyIndexer, type HashTable } from "./hash_table.ts";
import { createKeyWriter, keyText } from "./key_encoding.ts";
import { createRowBuffer, filledRows, type KeyedRows, type RowShape } from "./keyed_rows.ts";
import { createPartitionWriter, type Partitioning, type Partitions } from "./partitions.ts";

/** The scan of one table in ranges of a cursor, into a hash table or into partitions in files. */
export interface BuildScan extends BuildCursor {
  /** SELECT cursor, key if that is another column, numeric fields, categorical fields, group FROM the table, without WHERE. */
  readonly select: string;
  /** Index of the key in a row. */
  readonly keyAt: 0 | 1;
  /** Whether the last column is the group of the examples, which is hashed. */
  readonly hasGroup: boolean;
  /** Rows of the table, as counted before. */
  readonly rowCount: number;
  readonly into: HashTable | Partitioning;
  /** Shape (1): next range. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

/** Reads tables into memory shared by all threads: each thread takes the next range until there is none. */
export interface BuildJob extends Job {
  readonly kind: "build";
  readonly path: string;
  readonly scans: readonly BuildScan[];
  readonly threadCount: number;
  /** Shape (1): threads that have started. */
  readonly startedCount: Int32Array<SharedArrayBuffer>;
  /** Whose folder has the files of partitions. */
  readonly budget?: MemoryBudget;
}

/** The levels that one thread read. */
export interface BuildResult {
  /** Number of the thread, from 0. */
  readonly thread: number;
  /** Per table and categorical field: how its values were coded. */
  readonly coders: readonly (readonly Pick<Coder, "levels" | "kinds">[])[];
  /** Per table and partition: the rows that this thread read; none for a table in memory. */
  readonly partitions: readonly Partitions[];
}

/** Rows of one batch from SQLite: few enough to be collected as young garbage. */
const batchRowsMax = 512;

/**
 * Runs one thread's share of a `BuildJob`.
 *
 * @param pause Called between batches.
 * @returns undefined if a row cannot be stored in the hash table.
 */
export function scanBuildSides(job: BuildJob, pause: () => void = () => {}): BuildResult | undefined {
  const thread = Atomics.add(job.startedCount, 0, 1);
  using db = openReadingConnection(job.path, scanMemory);
  const coders: BuildResult["coders"][number][] = [];
  const partitions: BuildResult["partitions"][number][] = [];
  const chunkStore = createChunkStore(job.budget);
  for (const scan of job.scans) {
    const { into } = scan;
    const shape = shapeOf(into);
    const own = Array.from(
      { length: shape.codeCount - Number(scan.hasGroup) },
      () => createCoder(thread, job.threadCount),
    );
    const encode = createRowEncoder(shape, scan, own);
    const writer = "partitionCount" in into ? createPartitionWriter(into, chunkStore) : undefined;
    const addToTable = "partitionCount" in into ? () => false : createTableWriter(into);
    try {
      for (const batch of batchesOf(db, scan)) {
        const rows = encode(batch);
        if (!rows) return stop(job);
        if (writer) writer.add(rows);
        else if (!addToTable(rows)) return stop(job);
        pause();
      }
      coders.push(own.map(({ levels, kinds }) => ({ levels, kinds })));
      partitions.push(writer?.take() ?? []);
    } catch (error) {
      stop(job);
      if (isOutOfRange(error)) return undefined;
      throw asFailure(error, `read the tables of the view`);
    }
  }
  return { thread, coders, partitions };
}

function shapeOf(into: HashTable | Partitioning): RowShape {
  if ("partitionCount" in into) return into;
  return { encoding: into.encoding, numericCount: into.numbers.length, codeCount: into.codes.length };
}

/** Stops all threads: their rows would not be used. */
function stop({ scans }: BuildJob): undefined {
  for (const { next, bounds } of scans) Atomics.store(next, 0, bounds.length);
}

function* batchesOf(
  db: DatabaseSync,
  { select, cursor, bounds, next }: BuildScan,
): Generator<readonly Row[]> {
  const order = `AND ${cursor} < ? ORDER BY ${cursor} LIMIT ${batchRowsMax}`;
  const first = arrays(db.prepare(`${select} WHERE ${cursor} >= ? ${order}`));
  const following = arrays(db.prepare(`${select} WHERE ${cursor} > ? ${order}`));
  const ranges = bounds.length - 1;
  for (let i = Atomics.add(next, 0, 1); i < ranges; i = Atomics.add(next, 0, 1)) {
    let statement = first;
    let from: unknown = bounds[i];
    for (let isFull = true; isFull;) {
      const rows = statement.all(from as Bound, bounds[i + 1]) as unknown as Row[];
      isFull = rows.length === batchRowsMax;
      if (rows.length === 0) break;
      from = rows[rows.length - 1][0];
      yield rows;
      statement = following;
    }
  }
}

/** Returns a function that converts a batch to columns, valid until the next call; to undefined if a value cannot be held. */
function createRowEncoder(
  shape: RowShape,
  { keyAt }: BuildScan,
  coders: readonly Coder[],
): (batch: readonly Row[]) => KeyedRows | undefined {
  const buffer = createRowBuffer(shape, batchRowsMax);
  const { keys, numbers, codes } = buffer;
  const { width } = shape.encoding;
  const writer = createKeyWriter(shape.encoding);
  const writeNumbers = (batch: readonly Row[], column: Float64Array, at: number) => {
    for (let i = 0; i < batch.length; i++) {
      const value = batch[i][at];
      if (value === null) column[i] = NaN;
      else if (typeof value === "number" && Number.isFinite(value)) column[i] = value;
      else return false;
    }
    return true;
  };
  const writeCodes = (batch: readonly Row[], field: number, at: number) => {
    for (let i = 0; i < batch.length; i++) {
      const value = batch[i][at];
      const code = field < coders.length
        ? coders[field].codeOf(value)
        : value === null
        ? undefined
        : hashOf(value);
      if (code === undefined) return false;
      codes[field][i] = code;
    }
    return true;
  };
  const writeKeys = (batch: readonly Row[]) => {
    for (let i = 0; i < batch.length; i++) {
      const key = keyText(batch[i][keyAt]);
      if (key === undefined || !writer.write(key)) return false;
      for (let k = 0; k < width; k++) keys[i * width + k] = writer.words[k];
    }
    return true;
  };
  const first = keyAt + 1;
  return (batch) => {
    buffer.rowCount = batch.length;
    const areHeld = writeKeys(batch) &&
      numbers.every((column, field) => writeNumbers(batch, column, first + field)) &&
      codes.every((_, field) => writeCodes(batch, field, first + numbers.length + field));
    return areHeld ? filledRows(buffer, shape) : undefined;
  };
}

/** Returns a function that adds rows to a table and its index; it returns whether the table can hold them. */
function createTableWriter(table: HashTable): (rows: KeyedRows) => boolean {
  const index = createKeyIndexer(table);
  return (rows) => {
    const from = appendRows(table, rows);
    if (from === undefined) return false;
    for (let i = 0; i < rows.rowCount; i++) if (!index(from + i)) return false;
    return true;
  };
}
