import { takeCensus } from "./census.ts";
import type { Census } from "./census.ts";
import { findTable, listTables } from "./table.ts";
import { Failure } from "./failure.ts";
import type { OnConflict, RowCounts } from "./insertion.ts";
import { fileState } from "./file_state.ts";
import { loadFile, type LoadProgress } from "./load.ts";
import { type FileReport, sumCounts } from "./quality.ts";
import { createFileReading } from "./reading.ts";
import { openRejects } from "./rejects.ts";
import type { Store } from "./store.ts";
import { startThreads } from "./threads.ts";

export interface IngestOptions {
  /** Files to load, by table. Tables are loaded in the order in which the schema makes them: parents first. */
  readonly files: Readonly<Record<string, readonly string[]>>;
  readonly onConflict?: OnConflict;
  /** Set rows that cannot be loaded aside in this file; without it, the first of them fails its file. */
  readonly rejectsPath?: string;
  /** What columns are called in the files where it is not their own name: by table, then by column. */
  readonly columnNames?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Load a column that a file lacks as NULL, where the table allows it. */
  readonly allowMissing?: boolean;
  readonly signal?: AbortSignal;
  readonly observe?: (progress: LoadProgress) => void;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly now?: () => number;
}

/** What was loaded, and the quality of what is in the store. Its keys are relied on by scripts. */
export interface IngestReport extends Census {
  /** By table, for each table that was given files. */
  readonly tables: Readonly<Record<string, RowCounts>>;
  readonly files: readonly FileReport[];
}

/**
 * Loads files into the store, one transaction each. A failure leaves the files before it loaded, and its own not.
 *
 * @throws {Failure} `table-unknown`, `usage-invalid` for a column that a table does not have, `file-unwritable` for the
 *   file of rejects, and as `loadFile` does.
 */
export async function ingest(store: Store, options: IngestOptions): Promise<IngestReport> {
  const { files, onConflict = "fail", columnNames = {}, allowMissing = false, signal, observe = () => {} } =
    options;
  const tables = listTables(store.db);
  for (const name of [...Object.keys(files), ...Object.keys(columnNames)]) {
    const { columns } = findTable(tables, name);
    for (const column of Object.keys(columnNames[name] ?? {})) {
      if (!columns.some((known) => known.name === column)) {
        throw unknownColumn(
          name,
          column,
          columns.map((known) => known.name),
        );
      }
    }
  }
  const rejects = options.rejectsPath === undefined ? undefined : openRejects(options.rejectsPath);
  const here = createFileReading();
  const threads = startThreads(isLarge(Object.values(files).flat()) ? 2 : 1, workerUrl);
  const now = options.now ?? (() => Date.now() * 1_000);
  const reports: FileReport[] = [];
  try {
    for (const table of tables.filter(({ name }) => Object.hasOwn(files, name))) {
      const mapping = { names: columnNames[table.name] ?? {}, allowMissing };
      const loadOptions = { threads, here, onConflict, mapping, rejects, signal, observe, now };
      for (const path of files[table.name]) {
        signal?.throwIfAborted();
        reports.push(await inBulk(store, () => loadFile(store, table, path, loadOptions)));
      }
    }
    const countsOf = (table: string) => sumCounts(reports.filter((report) => report.table === table));
    return {
      tables: Object.fromEntries(Object.keys(files).map((name) => [name, countsOf(name)])),
      ...await takeCensus(store, tables, threads),
      files: reports,
    };
  } finally {
    threads.close();
    here.close();
    rejects?.close();
  }
}

const workerUrl = new URL(
  import.meta.url.endsWith(".ts") ? "./ingest_worker.ts" : "./ingest_worker.js",
  import.meta.url,
);

/** Less is loaded before a thread has started. */
const threadBytesMin = 2 * 2 ** 20;

/** A file that is missing is found before any is loaded. */
function isLarge(paths: readonly string[]): boolean {
  return paths.reduce((sum, path) => sum + fileState(path).size, 0) >= threadBytesMin;
}

/**
 * With the log synced when it is folded into the database, not at each of its writes; the fold comes right behind, so
 * that what has been reported as loaded survives a power cut.
 */
async function inBulk<Result>({ db }: Store, load: () => Promise<Result>): Promise<Result> {
  db.exec("PRAGMA synchronous = NORMAL");
  try {
    return await load();
  } finally {
    // A reader can hold the fold up; it is not worth waiting for: the log has been synced before.
    const timeout = Number(db.prepare("PRAGMA busy_timeout").get()?.timeout);
    db.exec("PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint(TRUNCATE)");
    db.exec(`PRAGMA busy_timeout = ${timeout}; PRAGMA synchronous = FULL`);
  }
}

function unknownColumn(table: string, column: string, columns: readonly string[]): Failure {
  return new Failure("usage-invalid", `${table} has no column "${column}": it has ${columns.join(", ")}.`);
}
