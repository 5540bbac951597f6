import { basename } from "node:path";
import { allRejected, checkCounts } from "./accounting.ts";
import type { MemoryBudget } from "../chunks/memory_budget.ts";
import type { ColumnMapping } from "../files/columns/column_source.ts";
import { type FileHashing, openHashing } from "../files/content_hash.ts";
import { requireDiskSpaceToCommit } from "../store/disk_space.ts";
import { fileInvalid } from "../failure.ts";
import type { RowFault } from "../files/columns/batch.ts";
import { type FileState, fileState, isSameState } from "../files/file_state.ts";
import { type OnConflict, openInsertion } from "./insertion.ts";
import { countRows, findLoad, firstNumberFor, recordLoad } from "./load_log.ts";
import { createProgress, type LoadProgress } from "./load_progress.ts";
import { deferredKeyFailure } from "./insertion_failure.ts";
import { createOrphanRejects } from "./orphans.ts";
import { createQualityCounter, type FileReport } from "./quality.ts";
import type { FileBatch, OpenedFile, ReaderJob } from "./reader_job.ts";
import { type FileReading, openHere, openReading, type Reading } from "./reading.ts";
import type { Reference } from "./reference.ts";
import type { RejectsFile } from "./rejects.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";
import { dropIndexes, NotUnique } from "../store/later_indexes.ts";
import { asFailure } from "../store/sqlite_failure.ts";
import { forceCollection } from "../runtime/shared_memory_gc.ts";
import type { Store } from "../store/store.ts";
import { beginWriting } from "../store/writing.ts";
import { comparesBytes, type Table, type TableColumn } from "../store/table.ts";
import type { Threads } from "../runtime/thread_pool.ts";

/** Options of the load of a file, apart from how it is read. */
export interface LoadSettings {
  /** Columns whose parents are looked up. */
  readonly references: readonly Reference[];
  /** Whether other tables refer to the rows. */
  readonly areParents: boolean;
  readonly onConflict: OnConflict;
  readonly mapping: ColumnMapping;
  readonly rejects: RejectsFile | undefined;
  /** Whether a file that was loaded before stays as it was loaded, without the rows that were rejected or discarded then. */
  readonly takesLoaded: boolean;
  readonly signal: AbortSignal | undefined;
  /** How long to wait for the locks of other processes. */
  readonly lockTimeoutMs: number;
  readonly observe: (progress: LoadProgress) => void;
  /** Rows of each table that has been loaded into, by name: counting them again would read the table. */
  readonly rowCounts: Map<string, number>;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
}

export interface LoadOptions extends LoadSettings {
  readonly threads: Threads;
  /** Reads the file if there is no reader thread. */
  readonly localReader: FileReading;
  /** Bytes that may be read before they are inserted; a few batches in any case. */
  readonly aheadBytes: () => number;
  /** The file's reading if it was started during another file's load. */
  readonly prefetched?: Promise<Reading | undefined>;
  /** Called when the file has been read; its last rows are still to be inserted. @param rows undefined if not known. */
  readonly onRead?: (rows: number | undefined) => void;
  /** Called when the file is being read, before its rows are inserted. */
  readonly whileReading?: (() => Promise<void> | void) | undefined;
  /** Whether the table is empty, and the reader of the file knows all keys that its rows may refer to. */
  readonly isSelfContained: boolean;
  /** Its folder holds sorted runs of rows; without it, each is inserted for itself. */
  readonly budget?: MemoryBudget;
}

/** A file and the table that it is loaded into. */
export interface FileLoad {
  readonly table: Table;
  readonly path: string;
}

/**
 * Loads one file into its table, in one transaction: all of its rows or none.
 *
 * @throws {Failure} `file-missing`, `file-invalid`, `row-rejected`, `row-conflict`, `store-busy`, `store-full`,
 *   `interrupted`.
 */
export async function loadFile(store: Store, load: FileLoad, options: LoadOptions): Promise<FileReport> {
  const { table, path } = load;
  options.signal?.throwIfAborted();
  const before = fileState(path);
  const hashing = openHashing(path);
  try {
    // The first file of a table cannot have been loaded before: it is read at once, and hashed while the reader is behind.
    const isFirst = !hasLoads(store, table);
    const firstReading = isFirst ? await startReading(store, load, options) : undefined;
    const { mapping, signal, takesLoaded } = options;
    const known = isFirst
      ? undefined
      : findLoad(store, table, { contentHash: await hashing.finish(signal), mapping, takesLoaded });
    if (known) return { ...known, file: basename(path) };
    const reading = firstReading ?? await startReading(store, load, options);
    await options.whileReading?.();
    const opened = { table, path, before, hashing, reading };
    try {
      return await insertFile(store, opened, options);
    } catch (error) {
      if (!(error instanceof NotUnique)) throw error;
      // Again, with the index in its place: then the failure names the row.
      const again = openHere(options.localReader, readerJobOf(store, load, options));
      return await insertFile(store, { ...opened, reading: again, keepsUnique: true }, options);
    }
  } finally {
    hashing.close();
  }
}

/** Returns whether anything has been loaded into the table; if not, no content can have been loaded before. */
export function hasLoads({ db }: Store, { name }: Table): boolean {
  return db.prepare("SELECT 1 FROM loads WHERE table_name = ? LIMIT 1").get(name) !== undefined;
}

/** @throws {Failure} as `openReader` does. */
async function startReading(store: Store, load: FileLoad, options: LoadOptions): Promise<Reading> {
  const { threads, onRead = () => {} } = options;
  const settings = { ...options, onEnd: ({ rowCount }: OpenedFile) => onRead(rowCount) };
  const reading = await options.prefetched ??
    await openReading(threads, readerJobOf(store, load, options), settings);
  if (!reading) throw new Error("the reading thread did not open its file");
  return reading;
}

export function readerJobOf(
  store: Store,
  { table, path }: FileLoad,
  { references, mapping, rejects, areParents, isSelfContained, budget }: LoadOptions,
): ReaderJob {
  return {
    storePath: isSelfContained ? undefined : store.path,
    references,
    path,
    table,
    mapping,
    collectFaults: rejects !== undefined,
    // A row that is read may still be rejected, and then is not a parent.
    areParents: areParents && rejects === undefined,
    // In another order than that of bytes, rows of equal keys would leave the order of the file.
    ...(budget && comparesBytes(store, table) ? { budget } : {}),
  };
}

interface OpenedLoad extends FileLoad {
  readonly before: FileState;
  readonly hashing: FileHashing;
  readonly reading: Reading;
  /** Leave UNIQUE indexes in place. */
  readonly keepsUnique?: boolean;
}

async function insertFile(store: Store, load: OpenedLoad, options: LoadOptions): Promise<FileReport> {
  const { table, path, before, hashing } = load;
  const { mapping, onConflict, rejects, now, signal, lockTimeoutMs } = options;
  try {
    await beginWriting(store, {
      lockTimeoutMs,
      action: `load ${path} into ${store.path}`,
      beforeAttempt: () => signal?.throwIfAborted(),
    });
    const rowsBefore = countRows(store, table);
    const canBeLater = !load.keepsUnique && !rejects && onConflict !== "replace";
    const indexes = rowsBefore === 0 ? dropIndexes(store, table, { keepsUnique: !canBeLater }) : undefined;
    const progress = createProgress(load, options.observe);
    const report = await insertAll(store, load, options, progress);
    indexes?.create((index) => {
      signal?.throwIfAborted();
      requireDiskSpaceToCommit(store);
      progress(report.read, before.size, `index ${index}`);
    });
    const contentHash = await hashing.finish(signal);
    if (!isSameState(before, fileState(path))) {
      throw fileInvalid(`Cannot load ${path}: it changed while it was read. Load it when it is complete.`);
    }
    requireDiskSpaceToCommit(store);
    const tableRows = rowsBefore + report.inserted;
    recordLoad(store, table, { contentHash, onConflict, mapping, report, tableRows, loadedAt: now() });
    commitLoad(store, load);
    options.rowCounts.set(table.name, tableRows);
    rejects?.commit();
    return report;
  } catch (error) {
    if (store.db.isTransaction) store.db.exec("ROLLBACK");
    rejects?.rollback();
    throw asFailure(error, `load ${path} into ${store.path}`);
  }
}

/** @throws {Failure} `row-rejected` for rows that violate a deferred foreign key, which SQLite checks at commit. */
function commitLoad({ db }: Store, { table, path }: FileLoad): void {
  try {
    db.exec("COMMIT");
  } catch (error) {
    throw deferredKeyFailure(db, table, path) ?? error;
  }
}

/** Batches between two checks of the free disk space: about a quarter of a million rows. */
const batchesPerSpaceCheck = 32;
/** Batches between two garbage collections. Without them, garbage of inserted texts grows with the file, up to a limit. */
const batchesPerCollection = 96;
/** Batches between two yields to the event loop, which reports that a file has been read, so that the next can be opened. */
const batchesPerYield = 16;

async function insertAll(
  store: Store,
  { table, path, hashing, reading }: OpenedLoad,
  { onConflict, references, rejects, signal }: LoadOptions,
  progress: ReturnType<typeof createProgress>,
): Promise<FileReport> {
  const { columns, leftOut } = reading.opened;
  const file = basename(path);
  const quality = createQualityCounter(columns);
  let firstRejected: RowFault | undefined;
  const orphanRejects = createOrphanRejects(store.db, references, columns);
  const onReject = rejects && ((fault: RowFault) => {
    if (!firstRejected || fault.row < firstRejected.row) firstRejected = fault;
    quality.addRejected(fault);
    if (fault.isRead) orphanRejects.add(fault.cells);
    rejects.add(fault, { table: table.name, file, columns });
  });
  const firstRowNumber = lacksRowNumber(table, columns)
    // Another process may have loaded the file while this one waited for the lock.
    ? firstNumberFor(store, table, hasLoads(store, table) ? await hashing.finish(signal) : undefined)
    : undefined;
  const insertion = openInsertion(store, table, {
    columns,
    onConflict,
    onReject,
    fileName: path,
    firstRowNumber,
  });
  try {
    let batches = 0;
    let orphans: readonly number[] = [];
    let rowsRead = 0;
    for (let next = await nextBatch(reading, hashing); next; next = await nextBatch(reading, hashing)) {
      signal?.throwIfAborted();
      if (batches % batchesPerSpaceCheck === 0) requireDiskSpaceToCommit(store);
      if (++batches % batchesPerCollection === 0) await forceCollection();
      if (batches % batchesPerYield === 0) await yieldToEventLoop();
      quality.addBatch(next.batch);
      insertion.add(next.batch);
      orphans = next.orphans ?? orphans;
      rowsRead = next.rowsRead ?? rowsRead;
      if (next.rowsSorted === undefined) progress(insertion.counts.read, next.bytesRead);
      else progress(next.rowsSorted, next.bytesRead, "sorting");
    }
    const { counts } = insertion;
    checkCounts(counts, rowsRead, path);
    if (rejects && firstRejected && counts.rejected === counts.read) {
      // The load fails, but the user needs the rejected rows.
      rejects.commit();
      throw allRejected(counts, firstRejected, { fileName: path, rejectsPath: rejects.path });
    }
    return {
      table: table.name,
      file,
      ...counts,
      loadedBefore: false,
      ...(firstRowNumber === undefined ? {} : { firstRowNumber }),
      duplicates: insertion.duplicates(),
      nulls: quality.nulls(),
      times: quality.times(),
      outOfRange: quality.outOfRange(),
      orphans: Object.fromEntries(references.map(({ column }, i) => [
        column,
        (orphans[i] ?? 0) - orphanRejects.counts[i],
      ])),
      leftOut,
      missing: table.columns.map(({ name }) => name).filter((name) =>
        !columns.some((column) => column.name === name) &&
        (firstRowNumber === undefined || name !== table.key[0])
      ),
    };
  } finally {
    insertion.close();
  }
}

/** Whether the store numbers the rows, of a file that has these columns of the table. */
function lacksRowNumber({ isNumbered, key }: Table, columns: readonly TableColumn[]): boolean {
  return isNumbered && !columns.some(({ name }) => name === key[0]);
}

/** Returns the next rows to insert, and hashes the file while waiting for them. */
async function nextBatch(reading: Reading, hashing: FileHashing): Promise<FileBatch | undefined> {
  let isSettled = false;
  const next = reading.next().finally(() => isSettled = true);
  // A failure during hashing is thrown by the `await` below.
  next.catch(() => {});
  while (!isSettled && hashing.advance()) await yieldToEventLoop();
  return await next;
}
