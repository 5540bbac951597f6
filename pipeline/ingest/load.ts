import { basename } from "node:path";
import { allRejected, checkCounts } from "./accounting.ts";
import type { ColumnMapping } from "../files/columns/column_source.ts";
import { type FileHashing, openHashing } from "../files/content_hash.ts";
import { requireDiskSpaceToCommit } from "../store/disk_space.ts";
import { Failure } from "../failure.ts";
import type { RowFault } from "../files/columns/batch.ts";
import { type FileState, fileState, isSameState } from "../files/file_state.ts";
import { type OnConflict, openInsertion } from "./insertion.ts";
import { countRows, findLoad, recordLoad } from "./load_log.ts";
import { createOrphanRejects } from "./orphans.ts";
import { createQualityCounter, type FileReport } from "./quality.ts";
import type { FileBatch, OpenedFile, ReaderJob } from "./reader_job.ts";
import { type FileReading, openReading, type Reading } from "./reading.ts";
import type { Reference } from "./reference.ts";
import type { RejectsFile } from "./rejects.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";
import { asFailure } from "../store/sqlite_failure.ts";
import { forceCollection } from "../runtime/shared_memory_gc.ts";
import type { Store } from "../store/store.ts";
import { beginWriting } from "../store/writing.ts";
import type { Table } from "../store/table.ts";
import type { Threads } from "../runtime/thread_pool.ts";

/** How far the load of a file is. */
export interface LoadProgress {
  readonly table: string;
  readonly file: string;
  readonly rows: number;
  /** Rows of the whole file; an estimate where its format does not say. */
  readonly rowsTotal: number;
  /** Whether the file says so itself: a small one may have millions of rows that are alike. */
  readonly isCounted: boolean;
}

export interface LoadOptions {
  readonly threads: Threads;
  /** Reads files where there is no second thread. */
  readonly localReader: FileReading;
  /** How much may be read before it is inserted, beyond a few batches. */
  readonly aheadBytes: number;
  /** The file's reading, where it has begun while another one was loaded. */
  readonly early?: Promise<Reading | undefined> | undefined;
  /** Called when the file has been read, whose last rows are still to be inserted. @param rows Where it says how many. */
  readonly onRead?: (rows: number | undefined) => void;
  /** Columns whose parents are looked up. */
  readonly references: readonly Reference[];
  /** Whether the table is empty, and whoever reads the file knows all keys that its rows may refer to. */
  readonly isSelfContained: boolean;
  /** Whether other tables refer to the rows. */
  readonly areParents: boolean;
  readonly onConflict: OnConflict;
  readonly mapping: ColumnMapping;
  readonly rejects: RejectsFile | undefined;
  readonly signal: AbortSignal | undefined;
  /** How long it waits for another process that writes, or reads and must not be disturbed. */
  readonly patienceMs: number;
  readonly observe: (progress: LoadProgress) => void;
  /** Rows of each table that has been loaded into, by its name: counting them anew reads the table. */
  readonly rowCounts: Map<string, number>;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
}

/**
 * Loads one file into its table, in one transaction: all its rows are there afterwards, or the store is as it was.
 *
 * @throws {Failure} `file-missing`, `file-invalid`, `row-rejected`, `row-conflict`, `store-busy`, `store-full`,
 *   `interrupted`.
 */
export async function loadFile(
  store: Store,
  table: Table,
  path: string,
  options: LoadOptions,
): Promise<FileReport> {
  options.signal?.throwIfAborted();
  const before = fileState(path);
  const hashing = openHashing(path);
  try {
    // What nothing can be the same as is read at once, and hashed when there is nothing to insert.
    const isFirst = !hasLoads(store, table);
    const early = isFirst ? await startReading(store, table, path, options) : undefined;
    const { mapping, signal } = options;
    const known = isFirst
      ? undefined
      : findLoad(store, table, { contentHash: await hashing.finish(signal), mapping });
    if (known) return { ...known, file: basename(path) };
    const reading = early ?? await startReading(store, table, path, options);
    return await insertFile(store, table, { path, before, hashing, reading }, options);
  } finally {
    hashing.close();
  }
}

/** Whether anything has been loaded into the table: else no content can have been loaded before. */
export function hasLoads({ db }: Store, { name }: Table): boolean {
  return db.prepare("SELECT 1 FROM loads WHERE table_name = ? LIMIT 1").get(name) !== undefined;
}

/** @throws {Failure} as `openReader` does. */
async function startReading(
  store: Store,
  table: Table,
  path: string,
  options: LoadOptions,
): Promise<Reading> {
  const { threads, localReader, aheadBytes, onRead } = options;
  const job = readerJobOf(store, table, path, options);
  const settings = {
    localReader,
    aheadBytes,
    ...(onRead ? { onEnd: ({ rowCount }: OpenedFile) => onRead(rowCount) } : {}),
  };
  const reading = await options.early ?? await openReading(threads, job, settings);
  if (!reading) throw new Error("the reading thread did not open its file");
  return reading;
}

export function readerJobOf(
  store: Store,
  table: Table,
  path: string,
  { references, mapping, rejects, areParents, isSelfContained }: LoadOptions,
): ReaderJob {
  return {
    storePath: isSelfContained ? undefined : store.path,
    references,
    path,
    table,
    mapping,
    collectFaults: rejects !== undefined,
    // A rejected row is read, and is no parent.
    areParents: areParents && rejects === undefined,
  };
}

interface OpenedLoad {
  readonly path: string;
  readonly before: FileState;
  readonly hashing: FileHashing;
  readonly reading: Reading;
}

async function insertFile(
  store: Store,
  table: Table,
  { path, before, hashing, reading }: OpenedLoad,
  options: LoadOptions,
): Promise<FileReport> {
  const { db } = store;
  const { mapping, onConflict, rejects, now, signal, patienceMs } = options;
  try {
    await beginWriting(store, {
      patienceMs,
      action: `load ${path} into ${store.path}`,
      pause: () => signal?.throwIfAborted(),
    });
    const rowsBefore = countRows(store, table);
    const report = await insertAll(store, table, { path, before, hashing, reading }, options);
    const contentHash = await hashing.finish(signal);
    if (!isSameState(before, fileState(path))) {
      throw new Failure(
        "file-invalid",
        `Cannot load ${path}: it changed while it was read. Load it when it is whole.`,
      );
    }
    requireDiskSpaceToCommit(store);
    const tableRows = rowsBefore + report.inserted;
    recordLoad(store, table, { contentHash, onConflict, mapping, report, tableRows, loadedAt: now() });
    commitLoad(store, table, path);
    options.rowCounts.set(table.name, tableRows);
    rejects?.keep();
    return report;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    rejects?.takeBack();
    throw asFailure(error, `load ${path} into ${store.path}`);
  }
}

/** @throws {Failure} `row-rejected` for a row that a deferred foreign key refuses: only now is it known that it does. */
function commitLoad({ db }: Store, { name }: Table, path: string): void {
  try {
    db.exec("COMMIT");
  } catch (error) {
    const broken = db.prepare("SELECT parent, count(*) AS n FROM pragma_foreign_key_check(?) GROUP BY parent")
      .all(name);
    if (broken.length === 0) throw error;
    const found = broken.map(({ parent, n }) => `${n} row(s) refer to what is not in ${parent}`).join(", ");
    throw new Failure(
      "row-rejected",
      `Cannot load ${path}: ${found}, which a deferred foreign key of ${name} refuses. Load those rows first, or correct the file.`,
    );
  }
}

/** Batches between two looks at the free space: about a quarter of a million rows. */
const batchesPerLook = 32;
/** After so many the garbage of texts that were inserted is given back: else it grows with the file, up to a point. */
const batchesPerCollection = 96;

/** After so many the event loop has a turn: only there is heard that a file has been read, and another can be opened. */
const batchesPerTurn = 16;

async function insertAll(
  store: Store,
  table: Table,
  { path, before, hashing, reading }: OpenedLoad,
  { onConflict, references, rejects, signal, observe }: LoadOptions,
): Promise<FileReport> {
  const { columns, leftOut, rowCount } = reading.opened;
  const file = basename(path);
  const tally = createQualityCounter(columns);
  let firstRejected: RowFault | undefined;
  const orphanRejects = createOrphanRejects(store.db, references, columns);
  const onReject = rejects && ((fault: RowFault) => {
    if (!firstRejected || fault.row < firstRejected.row) firstRejected = fault;
    tally.addRejected(fault);
    if (fault.isRead) orphanRejects.add(fault.cells);
    rejects.add(fault, { table: table.name, file, columns });
  });
  const insertion = openInsertion(store, table, { columns, onConflict, onReject, fileName: path });
  try {
    let batches = 0;
    let orphans: readonly number[] = [];
    let rowsRead = 0;
    const next = () => nextStep(reading, hashing);
    for (let step = await next(); step; step = await next()) {
      signal?.throwIfAborted();
      if (batches % batchesPerLook === 0) requireDiskSpaceToCommit(store);
      if (++batches % batchesPerCollection === 0) await forceCollection();
      if (batches % batchesPerTurn === 0) await yieldToEventLoop();
      tally.addBatch(step.batch);
      insertion.add(step.batch);
      orphans = step.orphans ?? orphans;
      rowsRead = step.rowsRead ?? rowsRead;
      const rows = insertion.counts.read;
      observe({
        table: table.name,
        file,
        rows,
        rowsTotal: rowCount ?? Math.round(rows * before.size / Math.max(1, step.bytesRead)),
        isCounted: rowCount !== undefined,
      });
    }
    const { counts } = insertion;
    checkCounts(counts, rowsRead, path);
    if (rejects && firstRejected && counts.rejected === counts.read) {
      // Nothing is loaded, and yet the rows are what the user has to see.
      rejects.keep();
      throw allRejected(counts, firstRejected, { fileName: path, rejectsPath: rejects.path });
    }
    return {
      table: table.name,
      file,
      ...counts,
      loadedBefore: false,
      duplicates: insertion.duplicates(),
      nulls: tally.nulls(),
      times: tally.times(),
      outOfRange: tally.outOfRange(),
      orphans: Object.fromEntries(references.map(({ column }, i) => [
        column,
        (orphans[i] ?? 0) - orphanRejects.counts[i],
      ])),
      leftOut,
      missing: table.columns.filter((column) => !columns.some(({ name }) => name === column.name)).map((
        { name },
      ) => name),
    };
  } finally {
    insertion.close();
  }
}

/** The next rows to insert. As long as there are none, the file is hashed. */
async function nextStep(reading: Reading, hashing: FileHashing): Promise<FileBatch | undefined> {
  let isThere = false;
  const step = reading.next().finally(() => isThere = true);
  // Where it fails while the file is hashed, it is told below.
  step.catch(() => {});
  while (!isThere && hashing.advance()) await yieldToEventLoop();
  return await step;
}
