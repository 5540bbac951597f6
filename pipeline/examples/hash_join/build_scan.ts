import type { DatabaseSync } from "node:sqlite";
import { arrays } from "../../store/sqlite.ts";
import { kindBitOf, tableLevelOf } from "../level.ts";
import { isOutOfRange } from "../../store/checked_rows.ts";
import { asFailure } from "../../store/sqlite_failure.ts";
import { createKeyInserter, type HashTable, reserveRows } from "./hash_table.ts";
import { openReadingConnection, scanMemory } from "../../store/reading_connection.ts";
import type { Job } from "../../runtime/thread_pool.ts";

/** What SQLite compares the cursor's column with. A blob comes behind every number and every text. */
export type Bound = number | bigint | string | Uint8Array;

/** A table to be read into memory, in ranges of a cursor: the column by which its rows lie in order. */
export interface BuildScan {
  /** SELECT cursor, key where that is another column, numeric fields, categorical fields FROM the table, without WHERE. */
  readonly select: string;
  readonly keyAt: 0 | 1;
  /** Quoted for SQL. */
  readonly cursor: string;
  /** Ascending; a range is from one to, and without, the next. */
  readonly bounds: readonly Bound[];
  readonly table: HashTable;
  /** Shape (1): next range. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

/** Reads tables into memory that threads share: each thread takes the next range until there is none. */
export interface BuildJob extends Job {
  readonly kind: "build";
  readonly path: string;
  readonly scans: readonly BuildScan[];
  readonly threadCount: number;
  /** Shape (1): threads that have begun. */
  readonly startedCount: Int32Array<SharedArrayBuffer>;
}

/** What one thread has read; undefined where rows cannot be held like this. */
export interface BuildResult {
  /** Which one it is, from 0. */
  readonly thread: number;
  /** Per parent and categorical field: the levels by the thread's own codes, after null for missing. */
  readonly levels: readonly (readonly (string | null)[])[][];
  /** Per parent and categorical field: the kinds of the values, as bits. */
  readonly kinds: readonly (readonly number[])[];
}

/** Rows that come out of SQLite together: few enough that the collector finds them dead. */
const batchRowsMax = 512;

/** One thread's part. @param pause Called between batches. */
export function scanBuildSides(job: BuildJob, pause: () => void = () => {}): BuildResult | undefined {
  const thread = Atomics.add(job.startedCount, 0, 1);
  using db = openReadingConnection(job.path, scanMemory);
  const levels: (string | null)[][][] = [];
  const kinds: (readonly number[])[] = [];
  for (const parent of job.scans) {
    const writer = createRowWriter(parent, thread, job.threadCount);
    levels.push(writer.levels);
    kinds.push(writer.kinds);
    try {
      for (const batch of batchesOf(db, parent)) {
        if (!writer.write(batch)) return stop(job);
        pause();
      }
    } catch (error) {
      stop(job);
      if (isOutOfRange(error)) return undefined;
      throw asFailure(error, `read the tables of the view`);
    }
  }
  return { thread, levels, kinds };
}

/** The other threads need not read what nobody will use. */
function stop({ scans: parents }: BuildJob): undefined {
  for (const { next, bounds } of parents) Atomics.store(next, 0, bounds.length);
}

type Row = readonly unknown[];

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
    for (let isWhole = true; isWhole;) {
      const rows = statement.all(from as Bound, bounds[i + 1]) as unknown as Row[];
      isWhole = rows.length === batchRowsMax;
      if (rows.length === 0) break;
      from = rows[rows.length - 1][0];
      yield rows;
      statement = following;
    }
  }
}

interface RowWriter {
  readonly levels: (string | null)[][];
  readonly kinds: readonly number[];
  /** @returns Whether the rows can be held. */
  write(batch: readonly Row[]): boolean;
}

function createRowWriter({ table: rows, keyAt }: BuildScan, thread: number, threadCount: number): RowWriter {
  const { numbers, codes } = rows;
  const fieldsFrom = keyAt + 1;
  const indexer = createKeyInserter(rows);
  const levels: (string | null)[][] = codes.map(() => [null]);
  const kinds = codes.map(() => 0);
  const codesOf = codes.map(() => new Map<unknown, number>([[null, 0]]));
  const codeOf = (field: number, value: unknown) => {
    const known = codesOf[field].get(value);
    if (known !== undefined) return known;
    if (typeof value !== "string" && typeof value !== "number") return undefined;
    kinds[field] |= kindBitOf(value);
    const code = writtenCode(levels[field].push(tableLevelOf(value)) - 1, thread, threadCount);
    codesOf[field].set(value, code);
    return code;
  };
  return {
    levels,
    kinds,
    write(batch) {
      const from = reserveRows(rows, batch.length);
      if (from === undefined) return false;
      for (let i = 0; i < batch.length; i++) {
        const key = batch[i][keyAt];
        if (typeof key !== "string" || !indexer.add(key, from + i)) return false;
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

/** Threads code on their own: what they write says which of them it was. @param code Above 0. */
function writtenCode(code: number, thread: number, threadCount: number): number {
  return (code - 1) * threadCount + thread + 1;
}

/** The level that a thread has written as a code. @param levels Per thread. */
export function writtenLevel(
  written: number,
  levels: readonly (readonly (string | null)[])[],
): string | null {
  if (written === 0) return null;
  const threadCount = levels.length;
  return levels[(written - 1) % threadCount][Math.floor((written - 1) / threadCount) + 1];
}
