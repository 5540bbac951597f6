import { type Batch, emptyBatch } from "../files/columns/batch.ts";
import { type ColumnMapping, columnSources } from "../files/columns/column_source.ts";
import { openFile } from "../files/open_file.ts";
import { openOrphanCounter, type OrphanCounter } from "./orphans.ts";
import { createKeySet, type KeySet } from "./key_set.ts";
import type { Reference } from "./reference.ts";
import { readBatches, type RowReader, type RowRun } from "../files/columns/row_run.ts";
import type { Table, TableColumn } from "../store/table.ts";

/** A file to read for a table: plain data, which a thread can be given. */
export interface ReaderJob {
  readonly path: string;
  readonly table: Table;
  readonly mapping: ColumnMapping;
  /** Hand rows that cannot be loaded on, instead of failing at the first. */
  readonly collectFaults: boolean;
  /** Where parents are looked up; undefined where there are no others than those whose keys are known. */
  readonly storePath: string | undefined;
  readonly references: readonly Reference[];
  /** Whether other tables refer to the rows, all of which will be in the store. */
  readonly areParents: boolean;
}

/** What is known of a file once it is open. */
export interface OpenedFile {
  /** The columns of the table that are loaded, in the order of each batch. */
  readonly columns: readonly TableColumn[];
  /** Columns of the file that the table does not have. */
  readonly leftOut: readonly string[];
  readonly rowCount: number | undefined;
}

/** Some of the file's rows, and how far reading is. */
export interface FileBatch {
  readonly batch: Batch;
  readonly bytesRead: number;
  /** In the last step: for each reference, the rows whose parent is not in the store. */
  readonly orphans?: readonly number[];
  /** In the last step: rows of the file, those that cannot be loaded among them. */
  readonly rowsRead?: number;
}

export interface OpenReader {
  readonly opened: OpenedFile;
  /** @throws {Failure} as `openFile` and `readBatches` do. */
  batches(): Generator<FileBatch>;
  close(): void;
}

/** Keys that are in the store, by table. */
export type KnownKeys = ReadonlyMap<string, Pick<KeySet, "has">>;

/**
 * @param known Keys of parents that have been read, by table: this file's are added.
 * @param options.elsewhere Keys that are known elsewhere, by table.
 * @param options.see Sees the rows, when their keys have been added.
 */
export function openReader(
  job: ReaderJob,
  known: Map<string, KeySet>,
  options: { elsewhere?: KnownKeys; see?: (table: string, run: RowRun) => void } = {},
): OpenReader {
  const { elsewhere = new Map(), see = () => {} } = options;
  const { path, table, mapping, collectFaults, storePath, references } = job;
  let columns: readonly TableColumn[] = [];
  let names: readonly string[] = [];
  let orphans: OrphanCounter | undefined;
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
    *batches() {
      orphans = openOrphanCounter({ storePath, references, known: new Map([...elsewhere, ...known]) });
      const key = columns.findIndex(({ name }) => name === table.key[0]);
      // Integers are found in the store in a third of the time that texts take: they are not worth the memory.
      const isKept = job.areParents && columns[key].type === "TEXT";
      const keys = isKept ? known.get(table.name) ?? createKeySet(reader.rowCount) : undefined;
      let rowsRead = 0;
      const onRun = (run: RowRun) => {
        rowsRead += run.buffers[0].length;
        orphans?.add(run);
        keys?.addAll(run.buffers[key]);
        see(table.name, run);
      };
      const options = { columns, key: table.key[0], collectFaults, fileName: path, onRun };
      for (const batch of readBatches(reader, options)) {
        yield { batch, bytesRead: reader.bytesRead() };
      }
      if (keys) known.set(table.name, keys);
      yield {
        batch: emptyBatch,
        bytesRead: reader.bytesRead(),
        orphans: orphans.finish(),
        rowsRead: reader.rowCount ?? rowsRead,
      };
    },
    close() {
      reader.close();
      orphans?.close();
    },
  };
}
