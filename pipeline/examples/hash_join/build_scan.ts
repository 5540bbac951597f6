import type { DatabaseSync } from "node:sqlite";
import type { SpilledChunk } from "../../chunks/chunk_file.ts";
import type { MemoryBudget } from "../../chunks/memory_budget.ts";
import type { Job } from "../../runtime/thread_pool.ts";
import { isOutOfRange } from "../../store/checked_rows.ts";
import { openReadingConnection, scanMemory } from "../../store/reading_connection.ts";
import { arrays } from "../../store/sqlite.ts";
import { asFailure } from "../../store/sqlite_failure.ts";
import type { Row } from "../row_values.ts";
import type { Bound, BuildCursor } from "./build_cursor.ts";
import { createKeyInserter, type HashTable, reserveRows } from "./hash_table.ts";
import { createPartitionWriter, type ParentRows, type Partitioning } from "./partition_writer.ts";
import { type Coding, createCoding } from "./written_codes.ts";

/** The scan of one table in ranges of a cursor, into a hash table or into partitions in files. */
export interface BuildScan extends BuildCursor {
  /** SELECT cursor, key if that is another column, numeric fields, categorical fields FROM the table, without WHERE. */
  readonly select: string;
  /** Index of the key in a row. */
  readonly keyAt: 0 | 1;
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
  /** Per table and categorical field: the levels by the thread's own codes, after null for missing. */
  readonly levels: readonly (readonly (string | null)[])[][];
  /** Per table and categorical field: the kinds of the values, as bits. */
  readonly kinds: readonly (readonly number[])[];
  /** Per table and partition: the rows that this thread read; none for a table in memory. */
  readonly partitions: readonly (readonly (readonly SpilledChunk<ParentRows>[])[])[];
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
  const levels: (string | null)[][][] = [];
  const kinds: (readonly number[])[] = [];
  const partitions: BuildResult["partitions"][number][] = [];
  for (const scan of job.scans) {
    const { into, keyAt } = scan;
    const isPartitioned = "partitionCount" in into;
    const coding = createCoding(
      isPartitioned ? into.categoricalCount : into.codes.length,
      thread,
      job.threadCount,
    );
    const writer = isPartitioned
      ? createPartitionWriter(into, keyAt, coding, job.budget)
      : createRowWriter(into, keyAt, coding);
    try {
      for (const batch of batchesOf(db, scan)) {
        if (!writer.write(batch)) return stop(job);
        pause();
      }
      levels.push(coding.levels);
      kinds.push(coding.kinds);
      partitions.push(writer.finish());
    } catch (error) {
      stop(job);
      if (isOutOfRange(error)) return undefined;
      throw asFailure(error, `read the tables of the view`);
    }
  }
  return { thread, levels, kinds, partitions };
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

/** Writes rows into a hash table. */
function createRowWriter(table: HashTable, keyAt: number, { codeOf }: Coding) {
  const { numbers, codes } = table;
  const fieldsFrom = keyAt + 1;
  const inserter = createKeyInserter(table);
  return {
    finish: () => [],
    /** @returns Whether the hash table can store the rows. */
    write(batch: readonly Row[]): boolean {
      const from = reserveRows(table, batch.length);
      if (from === undefined) return false;
      for (let i = 0; i < batch.length; i++) {
        const key = batch[i][keyAt];
        if (typeof key !== "string" || !inserter.add(key, from + i)) return false;
      }
      for (let field = 0; field < numbers.length; field++) {
        const column = numbers[field];
        const at = fieldsFrom + field;
        for (let i = 0; i < batch.length; i++) {
          const value = batch[i][at];
          if (value === null) column[from + i] = NaN;
          else if (typeof value === "number" && Number.isFinite(value)) column[from + i] = value;
          else return false;
        }
      }
      for (let field = 0; field < codes.length; field++) {
        const column = codes[field];
        const at = fieldsFrom + numbers.length + field;
        for (let i = 0; i < batch.length; i++) {
          const code = codeOf(field, batch[i][at]);
          if (code === undefined) return false;
          column[from + i] = code;
        }
      }
      return true;
    },
  };
}
