import { basename } from "node:path";
import type { ColumnMapping } from "../files/column_source.ts";
import { hashFile } from "../files/content_hash.ts";
import { requireRoomToCommit } from "../store/disk_room.ts";
import { Failure } from "../failure.ts";
import { fileState, isSameState } from "../files/file_state.ts";
import { type OnConflict, openInsertion } from "./insertion.ts";
import { countRows, findLoad, recordLoad } from "./load_log.ts";
import { createTally, type FileReport } from "./quality.ts";
import type { ReaderJob } from "./reader_job.ts";
import { type FileReading, openReading, type Reading } from "./reading.ts";
import type { Reference } from "./reference.ts";
import type { RejectsFile } from "./rejects.ts";
import { asFailure } from "../store/sqlite_failure.ts";
import { collect } from "../shared_memory.ts";
import type { Store } from "../store/store.ts";
import type { Table } from "../store/table.ts";
import type { Threads } from "../threads.ts";

/** How far the load of a file is. */
export interface LoadProgress {
  readonly table: string;
  readonly file: string;
  readonly rows: number;
  /** Rows of the whole file; an estimate where its format does not say. */
  readonly rowsTotal: number;
}

export interface LoadOptions {
  readonly threads: Threads;
  /** Reads files where there is no second thread. */
  readonly here: FileReading;
  /** How much may be read before it is inserted, beyond a few batches. */
  readonly aheadBytes: number;
  /** Columns whose parents are looked up. */
  readonly references: readonly Reference[];
  /** Whether other tables refer to the rows. */
  readonly areParents: boolean;
  readonly onConflict: OnConflict;
  readonly mapping: ColumnMapping;
  readonly rejects: RejectsFile | undefined;
  readonly signal: AbortSignal | undefined;
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
  const contentHash = await hashFile(path, options.signal);
  const { mapping, onConflict, rejects, now, threads, here, references } = options;
  const known = findLoad(store, table, { contentHash, mapping });
  if (known) return { ...known, file: basename(path) };

  const { db } = store;
  const readerJob: ReaderJob = {
    storePath: store.path,
    references,
    path,
    table,
    mapping,
    collectFaults: rejects !== undefined,
    // A rejected row is read, and is no parent.
    areParents: options.areParents && rejects === undefined,
  };
  const reading = await openReading(threads, here, readerJob, options.aheadBytes);
  try {
    db.exec("BEGIN IMMEDIATE");
    const rowsBefore = countRows(store, table);
    const report = await insertAll(store, table, { path, reading, fileBytes: before.size }, options);
    if (!isSameState(before, fileState(path))) {
      throw new Failure(
        "file-invalid",
        `Cannot load ${path}: it changed while it was read. Load it when it is whole.`,
      );
    }
    requireRoomToCommit(store);
    const tableRows = rowsBefore + report.inserted;
    recordLoad(store, table, { contentHash, onConflict, mapping, report, tableRows, loadedAt: now() });
    db.exec("COMMIT");
    options.rowCounts.set(table.name, tableRows);
    rejects?.keep();
    return report;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    rejects?.takeBack();
    throw asFailure(error, `load ${path} into ${store.path}`);
  }
}

/** Batches between two looks at the free space: about a quarter of a million rows. */
const batchesPerLook = 32;
/** After so many the garbage of texts that were inserted is given back: else it grows with the file, up to a point. */
const batchesPerCollection = 96;

interface Source {
  readonly path: string;
  readonly reading: Reading;
  readonly fileBytes: number;
}

async function insertAll(
  store: Store,
  table: Table,
  { path, reading, fileBytes }: Source,
  { onConflict, references, rejects, signal, observe }: LoadOptions,
): Promise<FileReport> {
  const { columns, leftOut, rowCount } = reading.opened;
  const file = basename(path);
  const tally = createTally(columns);
  const onReject = rejects && ((fault: Parameters<RejectsFile["add"]>[0]) => {
    tally.addRejected(fault);
    rejects.add(fault, { table: table.name, file, columns });
  });
  const insertion = openInsertion(store, table, { columns, onConflict, onReject, fileName: path });
  try {
    let batches = 0;
    let orphans: readonly number[] = [];
    for (let step = await reading.next(); step; step = await reading.next()) {
      signal?.throwIfAborted();
      if (batches % batchesPerLook === 0) requireRoomToCommit(store);
      if (++batches % batchesPerCollection === 0) await collect();
      tally.addBatch(step.batch);
      insertion.add(step.batch);
      orphans = step.orphans ?? orphans;
      const rows = insertion.counts.read;
      observe({
        table: table.name,
        file,
        rows,
        rowsTotal: rowCount ?? Math.round(rows * fileBytes / Math.max(1, step.bytesRead)),
      });
    }
    return {
      table: table.name,
      file,
      ...insertion.counts,
      loadedBefore: false,
      duplicates: insertion.duplicates(),
      nulls: tally.nulls(),
      outOfRange: tally.outOfRange(),
      orphans: Object.fromEntries(references.map(({ column }, i) => [column, orphans[i] ?? 0])),
      leftOut,
      missing: table.columns.filter((column) => !columns.some(({ name }) => name === column.name)).map((
        { name },
      ) => name),
    };
  } finally {
    insertion.close();
  }
}
