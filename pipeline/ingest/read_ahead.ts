import type { MemoryBudget } from "../chunks/memory_budget.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import type { Store } from "../store/store.ts";
import type { Table } from "../store/table.ts";
import type { InitialLoad } from "./initial_load.ts";
import { integerKeys, type IntegerSet } from "./integer_set.ts";
import { type FileLoad, hasLoads, type LoadOptions, type LoadSettings, readerJobOf } from "./load.ts";
import { type FileReading, openReading } from "./reading.ts";

/** A reader thread supplied by the caller, which also observes the rows. */
export interface SharedReader {
  /** Two threads: the calling one, and one that runs the jobs of `ingest_worker.ts`. */
  readonly threads: Threads;
  /** The last table that the thread reads. Files of later tables are read by the calling thread. */
  readonly lastTable: string;
  /** Tables of which the thread remembers all keys. */
  readonly keptTables: readonly string[];
  /** Resolves to the keys of the last table when they have been read; to undefined if they are not kept. */
  lastKeys(): Promise<IntegerSet | undefined>;
  /** Bytes that the thread may read before they are inserted. */
  readonly aheadBytes: () => number;
  /** Whose folder holds sorted runs of rows. */
  readonly budget: MemoryBudget;
}

interface Readers {
  /** Read files that no shared reader reads. */
  readonly ownThreads: Threads;
  readonly localReader: FileReading;
  readonly sharedReader: SharedReader | undefined;
}

type State =
  /** The current file, if there is one, has been read to its end, and no other is being read. */
  | { readonly is: "idle" }
  /** The current file is being read. */
  | { readonly is: "reading" }
  /** The current file has been read to its end, and the next one is being read. */
  | { readonly is: "prefetching"; readonly options: LoadOptions };

/**
 * A schedule of readings. A shared reader opens the next table's first file while rows of the current file are inserted.
 *
 * @param loads The files in the order in which they are loaded.
 */
export function createReadAhead(
  store: Store,
  loads: readonly FileLoad[],
  { ownThreads, localReader, sharedReader }: Readers,
  { initialLoad, settingsOf, budget }: {
    initialLoad: InitialLoad;
    settingsOf: (table: Table) => LoadSettings;
    budget: MemoryBudget;
  },
) {
  for (const table of sharedReader?.keptTables ?? []) initialLoad.addKnownKeys(table);
  let threads = sharedReader?.threads ?? ownThreads;
  let state: State = { is: "idle" };
  let started = 0;

  const optionsOf = (table: Table, settings = settingsOf(table)): LoadOptions => ({
    ...settings,
    // Of the last table, the caller has the keys for the thread that reads the tables after it.
    areParents: settings.areParents && table.name !== sharedReader?.lastTable,
    threads,
    localReader,
    aheadBytes: sharedReader?.aheadBytes ?? (() => 0),
    isSelfContained: initialLoad.isSelfContained(table),
    budget,
  });
  const prefetch = (load: FileLoad): State => {
    // The file's load has to use the same options as its reader.
    const options = optionsOf(load.table);
    const job = readerJobOf(store, load, options);
    const prefetched = openReading(threads, job, { ...options, isPrefetch: true });
    // A failure is reported when the file is loaded.
    prefetched.catch(() => {});
    return { is: "prefetching", options: { ...options, prefetched } };
  };
  return {
    /** Returns the options of the next file's load, with its reading if that was prefetched. */
    start(): LoadOptions {
      const { table } = loads[started];
      const next: FileLoad | undefined = loads[++started];
      const fileOptions = state.is === "prefetching" ? state.options : optionsOf(table);
      const reading: State = state = { is: "reading" };
      const onRead = (rows: number | undefined) => {
        if (state !== reading) return;
        initialLoad.addRowsRead(table, rows);
        const canPrefetch = sharedReader && table.name !== sharedReader.lastTable &&
          next && next.table !== table && !hasLoads(store, next.table);
        state = canPrefetch ? prefetch(next) : { is: "idle" };
      };
      return { ...fileOptions, onRead };
    },
    /** Ends the load of the file. @param rows Rows of the file. */
    async finish(rows: number): Promise<void> {
      const { table } = loads[started - 1];
      if (state.is === "reading") {
        initialLoad.addRowsRead(table, rows);
        state = { is: "idle" };
      }
      if (table.name !== sharedReader?.lastTable || loads[started]?.table === table) return;
      threads = ownThreads;
      const keys = await sharedReader.lastKeys();
      if (!keys) return;
      localReader.addKnownKeys(table.name, integerKeys(keys));
      initialLoad.addKnownKeys(table.name);
    },
  };
}
