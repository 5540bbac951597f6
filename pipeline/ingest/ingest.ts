import { dirname } from "node:path";
import { createMemoryBudget } from "../chunks/memory_budget.ts";
import { openSpillFolder } from "../chunks/spill_folder.ts";
import { memberOf } from "../exact_json.ts";
import { startThreads, workerUrl } from "../runtime/thread_pool.ts";
import { usageInvalid } from "../failure.ts";
import { removeCachedExamples } from "../examples/cache/cached_examples.ts";
import { fileState } from "../files/file_state.ts";
import type { ColumnMapping } from "../files/columns/column_source.ts";
import { formatAmong } from "../files/open_file.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { openBulk } from "../store/bulk.ts";
import type { Store } from "../store/store.ts";
import { findTable, hasTriggers, listTables, type Table } from "../store/table.ts";
import { lockTimeoutMsDefault } from "../store/writing.ts";
import { countExamples } from "./examples_count.ts";
import { createInitialLoad } from "./initial_load.ts";
import type { OnConflict, RowCounts } from "./insertion.ts";
import { type FileLoad, loadFile, type LoadSettings } from "./load.ts";
import type { LoadProgress } from "./load_progress.ts";
import { type FileReport, sumCounts } from "./quality.ts";
import { createReadAhead, type SharedReader } from "./read_ahead.ts";
import { createFileReading } from "./reading.ts";
import { parentsFirst, type Reference, referencesOf } from "./reference.ts";
import { openRejects } from "./rejects.ts";
import { withWiderTypes } from "./widening.ts";

export interface IngestOptions {
  /** Files to load, by table. Tables are loaded after those whose keys they refer to. */
  readonly files: Readonly<Record<string, readonly string[]>>;
  readonly onConflict?: OnConflict;
  /** File for rows that cannot be loaded. Without it, the first such row fails its file. */
  readonly rejectsPath?: string;
  /** Leave out rows of a file that its earlier load rejected or discarded, instead of trying to load them again. */
  readonly takesLoaded?: boolean;
  /** Names of columns in the files that differ from those of the table: by table, then by column. */
  readonly columnNames?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Load a column that a file lacks as NULL, if the table allows it. */
  readonly allowMissing?: boolean;
  /** Format of text files, as far as it cannot be detected. */
  readonly format?: TextFormat | undefined;
  readonly signal?: AbortSignal;
  /** How long each file waits for the locks of other processes. */
  readonly lockTimeoutMs?: number;
  readonly observe?: (progress: LoadProgress) => void;
  readonly reader?: SharedReader;
  /** Called as soon as the first file is being read. Insertion of its rows waits for what it returns. Not called without a file to load. */
  readonly whileReading?: (() => Promise<void> | void) | undefined;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly now?: () => number;
}

/** A report of what was loaded, and of its quality. Its keys are a public interface. */
export interface IngestReport {
  /** Counts of each table that was given files. */
  readonly tables: Readonly<Record<string, RowCounts>>;
  /** Rows of the view `examples`, including those of earlier loads. */
  readonly examples: number;
  /** Loaded rows whose parent was not in the store when they were read. */
  readonly orphans: readonly (Reference & { readonly rows: number })[];
  readonly files: readonly FileReport[];
}

/**
 * Loads files into the store, one transaction each. If a file fails, the files before it stay loaded.
 *
 * @throws {Failure} `table-unknown`, `usage-invalid` for a column that a table does not have, `file-unwritable` for the
 *   file of rejects, and as `loadFile` does.
 */
export async function ingest(store: Store, options: IngestOptions): Promise<IngestReport> {
  const { files, lockTimeoutMs = lockTimeoutMsDefault, reader: sharedReader } = options;
  const tables = parentsFirst(listTables(store.db));
  checkNames(tables, options);
  const isLarge = sum(Object.values(files).flat().map((path) => fileState(path).size)) >= threadBytesMin;
  const rejects = options.rejectsPath === undefined ? undefined : openRejects(options.rejectsPath);
  const ownThreads = startThreads(isLarge && !sharedReader ? 2 : 1, ingestWorker);
  const localReader = createFileReading();
  const bulk = openBulk(store, { lockTimeoutMs });
  const changesBefore = store.journal.externalChanges();
  const initialLoad = createInitialLoad(store, tables, { keepsKeys: rejects === undefined });
  const rowCounts = new Map<string, number>();
  const loads = tables.flatMap((table) =>
    (memberOf(files, table.name) ?? []).map((path) => ({ table, path }))
  );
  const settingsOf = (table: Table) => ({ ...loadSettings(table, tables, options), rejects, rowCounts });
  const readers = { ownThreads, localReader, sharedReader };
  const folder = openSpillFolder(dirname(store.path));
  const budget = sharedReader?.budget ?? createMemoryBudget(folder.path, 0);
  const readAhead = createReadAhead(store, loads, readers, { initialLoad, settingsOf, budget });
  const reports: FileReport[] = [];
  let { whileReading } = options;
  try {
    for (const load of loads) {
      const fileOptions = { ...readAhead.start(), whileReading };
      whileReading = undefined;
      const isAlone = fileOptions.isSelfContained;
      const report = await loadWidely(
        load,
        options,
        () => bulk.load(() => loadFile(store, load, fileOptions), { isAlone }),
      );
      reports.push(report);
      await readAhead.finish(report.read);
    }
    bulk.end();
    // Between the files, another process may have added or deleted rows; so may a trigger.
    if (store.journal.externalChanges() !== changesBefore || hasTriggers(store.db)) rowCounts.clear();
    const examples = await countExamples(store, tables, { threads: ownThreads, rowCounts });
    return { ...summarise(reports, tables, files), examples, files: reports };
  } finally {
    ownThreads.close();
    localReader.close();
    folder.close();
    bulk.end();
    rejects?.close();
    if (reports.some(({ loadedBefore }) => !loadedBefore)) removeCachedExamples(dirname(store.path));
  }
}

/** Runs the load of a file. A failure of a value that its column cannot hold names the types that hold all values. */
async function loadWidely(
  { table }: FileLoad,
  options: IngestOptions,
  load: () => Promise<FileReport>,
): Promise<FileReport> {
  try {
    return await load();
  } catch (error) {
    const { files, signal } = options;
    throw await withWiderTypes(error, table, {
      paths: memberOf(files, table.name) ?? [],
      mapping: mappingOf(table, options),
      signal,
    });
  }
}

function mappingOf(
  { name }: Table,
  { files, columnNames = {}, allowMissing = false, ...options }: IngestOptions,
): ColumnMapping {
  const format = formatAmong(memberOf(files, name) ?? [], Object.values(files).flat(), options.format);
  return { names: memberOf(columnNames, name) ?? {}, allowMissing, ...(format ? { format } : {}) };
}

function loadSettings(
  table: Table,
  tables: readonly Table[],
  options: IngestOptions,
): Omit<LoadSettings, "rejects" | "rowCounts"> {
  return {
    references: referencesOf(table, tables),
    areParents: tables.flatMap((other) => referencesOf(other, tables))
      .some(({ parent }) => parent === table.name),
    onConflict: options.onConflict ?? "fail",
    takesLoaded: options.takesLoaded ?? false,
    mapping: mappingOf(table, options),
    signal: options.signal,
    lockTimeoutMs: options.lockTimeoutMs ?? lockTimeoutMsDefault,
    observe: options.observe ?? (() => {}),
    now: options.now ?? (() => Date.now() * 1_000),
  };
}

function checkNames(tables: readonly Table[], { files, columnNames = {} }: IngestOptions): void {
  for (const name of [...Object.keys(files), ...Object.keys(columnNames)]) {
    const known = findTable(tables, name).columns.map((column) => column.name);
    const unknown = Object.keys(memberOf(columnNames, name) ?? {}).find((column) => !known.includes(column));
    if (unknown === undefined) continue;
    throw usageInvalid(`${name} has no column "${unknown}": it has ${known.join(", ")}.`);
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

const ingestWorker = workerUrl("./ingest_worker.ts", import.meta.url);

/** Smaller files are read without a thread: they are loaded before one has started. */
const threadBytesMin = 2 * 2 ** 20;
