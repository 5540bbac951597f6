import { countExamples } from "./examples_count.ts";
import { Failure } from "../failure.ts";
import { fileState } from "../files/file_state.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { openBulk } from "../store/bulk.ts";
import { createInitialLoad } from "./initial_load.ts";
import { keySetOf } from "./key_set.ts";
import type { OnConflict, RowCounts } from "./insertion.ts";
import { hasLoads, loadFile, type LoadOptions, type LoadProgress, readerJobOf } from "./load.ts";
import { type FileReport, sumCounts } from "./quality.ts";
import { createFileReading, openReading, type Reading } from "./reading.ts";
import { parentsFirst, type Reference, referencesOf } from "./reference.ts";
import { openRejects } from "./rejects.ts";
import type { Store } from "../store/store.ts";
import { lockTimeoutMsDefault } from "../store/writing.ts";
import { findTable, hasTriggers, listTables, type Table } from "../store/table.ts";
import { startThreads, type Threads } from "../runtime/thread_pool.ts";

export interface IngestOptions {
  /** Files to load, by table. Parents are loaded first: tables whose keys other tables refer to. */
  readonly files: Readonly<Record<string, readonly string[]>>;
  readonly onConflict?: OnConflict;
  /** Set rows that cannot be loaded aside in this file; without it, the first of them fails its file. */
  readonly rejectsPath?: string;
  /** What columns are called in the files where it is not their own name: by table, then by column. */
  readonly columnNames?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Load a column that a file lacks as NULL, where the table allows it. */
  readonly allowMissing?: boolean;
  /** What text files cannot say of themselves. */
  readonly format?: TextFormat | undefined;
  readonly signal?: AbortSignal;
  /** How long each file waits for another process that writes, or reads and must not be disturbed. */
  readonly lockTimeoutMs?: number;
  readonly observe?: (progress: LoadProgress) => void;
  /** Reads on a thread of the caller's, who looks on. */
  readonly reader?: SharedReader;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly now?: () => number;
}

/** A second thread that reads files, and does something else with their rows. */
export interface SharedReader {
  /** Two: this one, and one that answers what `ingest_worker.ts` does. */
  readonly threads: Threads;
  /** The last table that it reads: files of later ones are read here. */
  readonly lastTable: string;
  /** The keys of that table's rows, ascending, when they have been read; undefined where they are not at hand. */
  lastKeys(): Promise<Float64Array | undefined>;
  /** How much it may have read before it is inserted. */
  readonly aheadBytes: number;
}

/** What was loaded, and the quality of it. Scripts rely on its keys. */
export interface IngestReport {
  /** By table, for each table that was given files. */
  readonly tables: Readonly<Record<string, RowCounts>>;
  /** Rows of the view `examples`, whenever they were loaded. */
  readonly examples: number;
  /** Loaded rows whose parent was not in the store when they were read. */
  readonly orphans: readonly (Reference & { readonly rows: number })[];
  readonly files: readonly FileReport[];
}

/**
 * Loads files into the store, one transaction each. A failure leaves the files before it loaded, and its own not.
 *
 * @throws {Failure} `table-unknown`, `usage-invalid` for a column that a table does not have, `file-unwritable` for the
 *   file of rejects, and as `loadFile` does.
 */
export async function ingest(store: Store, options: IngestOptions): Promise<IngestReport> {
  const { files, onConflict = "fail", columnNames = {}, allowMissing = false, format, signal } = options;
  const {
    lockTimeoutMs: patienceMs = lockTimeoutMsDefault,
    observe = () => {},
    now = () => Date.now() * 1_000,
  } = options;
  const tables = parentsFirst(listTables(store.db));
  checkNames(tables, options);
  const isLarge = bytesOf(Object.values(files).flat()) >= threadBytesMin;
  const rejects = options.rejectsPath === undefined ? undefined : openRejects(options.rejectsPath);
  const here = createFileReading();
  const { reader } = options;
  const ownThreads = startThreads(isLarge && !reader ? 2 : 1, workerUrl);
  let threads = reader?.threads ?? ownThreads;
  const reports: FileReport[] = [];
  const rowCounts = new Map<string, number>();
  const before = store.journal.externalChanges();
  const bulk = openBulk(store, { patienceMs });
  const firstFill = createInitialLoad(store, tables, { keepsKeys: rejects === undefined });
  try {
    const optionsOf = (table: Table): LoadOptions => ({
      threads,
      localReader: here,
      aheadBytes: reader?.aheadBytes ?? 0,
      references: referencesOf(table, tables),
      isSelfContained: firstFill.isSelfContained(table),
      areParents: tables.some((other) =>
        referencesOf(other, tables).some(({ parent }) => parent === table.name)
      ),
      onConflict,
      mapping: { names: columnNames[table.name] ?? {}, allowMissing, ...(format ? { format } : {}) },
      rejects,
      signal,
      patienceMs,
      observe,
      rowCounts,
      now,
    });
    const loads = tables.flatMap((table) =>
      (Object.hasOwn(files, table.name) ? files[table.name] : []).map((path) => ({ table, path }))
    );
    let early: { readonly options: LoadOptions; readonly reading: Promise<Reading | undefined> } | undefined;
    for (const [i, { table, path }] of loads.entries()) {
      const following = loads[i + 1];
      const begun = early;
      early = undefined;
      let isRead = false;
      const hasRead = (rows: number | undefined) => {
        if (!isRead) firstFill.addRowsRead(table, rows);
        isRead = true;
      };
      const readFollowing = (rows: number | undefined) => {
        hasRead(rows);
        const isLent = reader !== undefined && table.name !== reader.lastTable;
        if (!isLent || !following || following.table === table || hasLoads(store, following.table)) return;
        const options = optionsOf(following.table);
        const job = readerJobOf(store, following.table, following.path, options);
        early = { options, reading: openReading(threads, job, { ...options, isPrefetch: true }) };
        // Whether it failed is for its own turn.
        early.reading.catch(() => {});
      };
      // What was found when its reading began holds: the reader was told so.
      const options = {
        ...begun?.options ?? optionsOf(table),
        early: begun?.reading,
        onRead: readFollowing,
      };
      const isAlone = options.isSelfContained;
      const report = await bulk.load(() => loadFile(store, table, path, options), { isAlone });
      reports.push(report);
      hasRead(report.read);
      if (table.name === reader?.lastTable && following?.table !== table) {
        threads = ownThreads;
        const keys = await reader.lastKeys();
        if (keys) {
          here.addKnownKeys(table.name, keySetOf(keys));
          firstFill.addKnownKeys(table.name);
        }
      }
    }
    bulk.end();
    // Another process may have added rows, or taken some away, between the files; and so may a trigger.
    if (store.journal.externalChanges() !== before || hasTriggers(store.db)) rowCounts.clear();
    return {
      ...summarise(reports, tables, files),
      examples: await countExamples(store, tables, { threads, rowCounts }),
      files: reports,
    };
  } finally {
    ownThreads.close();
    here.close();
    bulk.end();
    rejects?.close();
  }
}

function checkNames(tables: readonly Table[], { files, columnNames = {} }: IngestOptions): void {
  for (const name of [...Object.keys(files), ...Object.keys(columnNames)]) {
    const known = findTable(tables, name).columns.map((column) => column.name);
    const unknown = Object.keys(columnNames[name] ?? {}).find((column) => !known.includes(column));
    if (unknown === undefined) continue;
    throw new Failure("usage-invalid", `${name} has no column "${unknown}": it has ${known.join(", ")}.`);
  }
}

function summarise(
  reports: readonly FileReport[],
  tables: readonly Table[],
  files: IngestOptions["files"],
): Pick<IngestReport, "tables" | "orphans"> {
  const of = (table: string) => reports.filter((report) => report.table === table);
  return {
    tables: Object.fromEntries(Object.keys(files).map((name) => [name, sumCounts(of(name))])),
    orphans: tables.flatMap((table) => referencesOf(table, tables))
      .filter(({ table }) => of(table).length > 0)
      .map((reference) => ({
        ...reference,
        rows: sum(of(reference.table).map(({ orphans }) => orphans[reference.column])),
      })),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

const workerUrl = new URL(
  import.meta.url.endsWith(".ts") ? "./ingest_worker.ts" : "./ingest_worker.js",
  import.meta.url,
);

/** Less is loaded before a thread has started. */
const threadBytesMin = 2 * 2 ** 20;

/** A file that is missing is found before any is loaded. */
function bytesOf(paths: readonly string[]): number {
  return sum(paths.map((path) => fileState(path).size));
}
