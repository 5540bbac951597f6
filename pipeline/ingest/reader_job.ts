import type { MemoryBudget } from "../chunks/memory_budget.ts";
import { type Batch, emptyBatch } from "../files/columns/batch.ts";
import { type ColumnMapping, columnSources } from "../files/columns/column_source.ts";
import { fileState } from "../files/file_state.ts";
import { openFile } from "../files/open_file.ts";
import { openOrphanCounter, type OrphanCounter } from "./orphans.ts";
import { createIntegerKeys } from "./integer_set.ts";
import { createKeySet, type KnownKeys, type ReadKeys } from "./key_set.ts";
import type { Reference } from "./reference.ts";
import { createSortedRuns, type ReaderRuns, type SortedRun } from "./sorted_runs.ts";
import { type OrderedRun, readBatches, type RowReader, type RowRun } from "../files/columns/row_run.ts";
import type { ColumnType, Table, TableColumn } from "../store/table.ts";

/** A file to read for a table: plain data that can be posted to a thread. */
export interface ReaderJob {
  readonly path: string;
  readonly table: Table;
  readonly mapping: ColumnMapping;
  /** Return rows that cannot be loaded as faults, instead of failing at the first. */
  readonly collectFaults: boolean;
  /** The store in which parents are looked up; undefined if the keys of all parents are known. */
  readonly storePath: string | undefined;
  readonly references: readonly Reference[];
  /** Whether other tables refer to the rows, and all rows will be in the store. */
  readonly areParents: boolean;
  /** Its folder holds sorted runs of a long file; absent if the table does not order texts by their bytes. */
  readonly budget?: MemoryBudget;
}

/** Facts about a file that are known once it is open. */
export interface OpenedFile {
  /** The columns of the table that are loaded, in the order of each batch. */
  readonly columns: readonly TableColumn[];
  /** Columns of the file that the table does not have. */
  readonly leftOut: readonly string[];
  readonly rowCount: number | undefined;
}

/** A batch of a file's rows, with the progress of the reading. */
export interface FileBatch {
  readonly batch: Batch;
  readonly bytesRead: number;
  /** In the last batch: for each reference, the number of rows whose parent is not in the store. */
  readonly orphans?: readonly number[];
  /** In the last batch: number of rows of the file, including those that cannot be loaded. */
  readonly rowsRead?: number;
  /** In a batch without rows: number of rows that have been read to be sorted. */
  readonly rowsSorted?: number;
  /** A run for the other thread to write: see {@link OpenReader.addWritten}. */
  readonly unwritten?: OrderedRun;
}

export type OpenReader = ReturnType<typeof openReader>;

/** Called with each run of rows of a table. */
type RowListener = (table: string, run: RowRun) => void;

/** Keys that are in the store, by table. */
type KeysByTable = ReadonlyMap<string, KnownKeys>;

/**
 * Opens a file for a table.
 *
 * @param readKeys Keys of parents that have been read, by table: those of this file are added.
 * @param options.knownKeys Other keys that are known, by table.
 * @param options.onRows Called with each run of rows after their keys have been added.
 * @param options.isOtherIdle As in `SortedRunsOptions`.
 */
export function openReader(
  job: ReaderJob,
  readKeys: Map<string, ReadKeys>,
  options: {
    knownKeys?: KeysByTable;
    onRows?: RowListener | undefined;
    isOtherIdle?: (() => boolean) | undefined;
  } = {},
) {
  const { knownKeys = new Map(), onRows = () => {}, isOtherIdle } = options;
  const { path, table, mapping, collectFaults, storePath, references } = job;
  let columns: readonly TableColumn[] = [];
  let names: readonly string[] = [];
  let orphans: OrphanCounter | undefined;
  let sortedRuns: ReaderRuns | undefined;
  const reader: RowReader = openFile(path, (fileColumns, remark) => {
    const sources = columnSources(table, fileColumns, { ...mapping, fileName: path, remark });
    columns = sources.map(({ column }) => column);
    names = sources.map(({ name }) => name);
    return sources;
  }, mapping.format);
  return {
    opened: {
      columns,
      leftOut: reader.columnNames.filter((name) => !names.includes(name)),
      rowCount: reader.rowCount,
    },
    /** @throws {Failure} as `openFile` and `readBatches` do. */
    *batches(): Generator<FileBatch> {
      orphans = openOrphanCounter({ storePath, references, known: new Map([...readKeys, ...knownKeys]) });
      const key = columns.findIndex(({ name }) => name === table.key[0]);
      const keys = job.areParents && key >= 0
        ? readKeys.get(table.name) ?? createKeys(columns[key].type, reader.rowCount)
        : undefined;
      let rowsRead = 0;
      const onRun = (run: RowRun) => {
        rowsRead += run.buffers[0].length;
        orphans?.add(run);
        keys?.addAll(run.buffers[key]);
        onRows(table.name, run);
      };
      const runKey = key < 0 ? undefined : table.key[0];
      const shareRead = () => reader.bytesRead() / Math.max(1, fileState(path).size);
      sortedRuns = job.budget && key >= 0
        ? createSortedRuns({
          ...{ columns, key, budget: job.budget, shareRead },
          ...isOtherIdle ? { isOtherIdle } : {},
        })
        : undefined;
      const options = { columns, key: runKey, collectFaults, fileName: path, onRun, sortedRuns };
      for (const batch of readBatches(reader, options)) {
        const unwritten = sortedRuns?.takeUnwritten();
        yield {
          ...{ batch, bytesRead: reader.bytesRead() },
          ...batch === emptyBatch ? { rowsSorted: rowsRead } : {},
          ...unwritten ? { unwritten } : {},
        };
      }
      if (keys) readKeys.set(table.name, keys);
      yield {
        batch: emptyBatch,
        bytesRead: reader.bytesRead(),
        orphans: orphans.finish(),
        rowsRead: reader.rowCount ?? rowsRead,
      };
    },
    /** Adds the run of the last batch with an unwritten one. */
    addWritten: (run: SortedRun) => sortedRuns?.addWritten(run),
    close(): void {
      reader.close();
      orphans?.close();
    },
  };
}

/** @param expected Number of keys, if it is known. @returns undefined for reals, which are looked up in the store. */
function createKeys(type: ColumnType, expected: number | undefined): ReadKeys | undefined {
  if (type === "TEXT") return createKeySet(expected);
  return type === "INTEGER" ? createIntegerKeys() : undefined;
}
