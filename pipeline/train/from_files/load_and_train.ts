import { dirname } from "node:path";
import { createMemoryBudget, freeMemory } from "../../chunks/memory_budget.ts";
import { openSpillFolder } from "../../chunks/spill_folder.ts";
import { memberOf } from "../../exact_json.ts";
import { type JoinPlan, planOfFiles } from "../../examples/join_plan.ts";
import type { FeatureSpec } from "../../examples/spec.ts";
import { fileState } from "../../files/file_state.ts";
import { formatAmong } from "../../files/open_file.ts";
import { ingest, type IngestOptions, type IngestReport } from "../../ingest/ingest.ts";
import type { IntegerSet } from "../../ingest/integer_set.ts";
import { countRows } from "../../ingest/load_log.ts";
import type { FileReport } from "../../ingest/quality.ts";
import { parentsFirst } from "../../ingest/reference.ts";
import type { Models } from "../../model/registry.ts";
import { availableParallelism, startThreads, type Threads } from "../../runtime/thread_pool.ts";
import { sharedInt32 } from "../../runtime/shared_memory.ts";
import type { Store } from "../../store/store.ts";
import { findTable, listTables, type Table } from "../../store/table.ts";
import { makesTables } from "../hyper_parameters.ts";
import { register, type TrainReport } from "../register.ts";
import { train, trainModel, type TrainOptions } from "../train.ts";
import { defaultMemoryBytes, trainWorkerUrl } from "../training_resources.ts";
import type {
  ChildKeysJob,
  CollectedExamples,
  CollectedExamplesJob,
  CollectExamplesJob,
  FinalSpecJob,
} from "./collector_state.ts";
import { once } from "../../once.ts";

export interface LoadAndTrainOptions {
  readonly load: Omit<IngestOptions, "reader" | "whileReading">;
  readonly train: TrainOptions;
  /**
   * Finds what to train with in the end: features of `train.spec` may be missing from its spec. Called once, while the first file is being
   * read: it may block for a tenth of a second at a time.
   *
   * @param threads The calling thread and one that runs the jobs of `train_worker.ts` between those that read the files, if there is one.
   */
  readonly finalTrain?: (threads?: Threads) => Promise<TrainOptions>;
  /** Two threads, of which the other runs the jobs of `train_worker.ts`; closed. Default: started if they are needed. */
  readonly threads?: Threads | undefined;
  /** Smaller files are loaded first, and the examples are then read from the store. */
  readonly collectBytesMin?: number;
}

export interface LoadAndTrainReport {
  readonly load: IngestReport;
  readonly trained: TrainReport;
  /** Whether the examples were collected from the files while they were loaded, and not read from the store. */
  readonly collected: boolean;
}

const defaultCollectBytesMin = 4 * 2 ** 20;
/**
 * Size of the rows that may wait for insertion while the reader thread goes on, if the examples leave less of their memory free. A
 * training begins when all rows are read, and insertion takes longer than reading.
 */
const aheadBytesMin = 64 * 2 ** 20;

/**
 * Loads files into the store, then trains on its examples. If the view is a join by keys and the store has none of its
 * rows, the thread that reads the files joins the examples and trains on them while the rows are inserted; the model is
 * written only after all rows are in the store. The model is the same, bit for bit, either way.
 *
 * @throws {Failure} as `ingest` and `train`. Rows that were loaded before a failure stay in the store.
 */
export async function loadAndTrain(
  store: Store,
  models: Models,
  options: LoadAndTrainOptions,
): Promise<LoadAndTrainReport> {
  // The plan requires empty tables: if no other connection changes them, they then hold only the loaded rows.
  const before = store.journal.externalChanges();
  const plan = planOf(store, options);
  const finalBy = (threads?: Threads) =>
    once(() => options.finalTrain?.(threads) ?? Promise.resolve(options.train));
  if (!plan) {
    options.threads?.close();
    const finalTrain = finalBy();
    const load = await ingest(store, { ...options.load, whileReading: async () => void await finalTrain() });
    return { load, trained: await train(store, models, await finalTrain()), collected: false };
  }
  const folder = openSpillFolder(dirname(store.path));
  const budget = createMemoryBudget(folder.path, options.train.memoryBytes ?? defaultMemoryBytes);
  const { threads = startThreads(2, trainWorkerUrl()) } = options;
  const finalTrain = finalBy(threads);
  let finding: Promise<unknown> = Promise.resolve();
  try {
    const isLoaded = sharedInt32(1);
    await askReader(threads, { ...collectJobOf(plan, store, options), budget, isLoaded });
    const lastKeys = askReader<IntegerSet>(threads, { kind: "childKeys" } satisfies ChildKeysJob);
    // If the load fails first, this promise is never awaited.
    lastKeys.catch(() => {});
    const keptTables = plan.parents.map(({ table }) => table);
    const reader = {
      threads,
      lastTable: plan.child,
      keptTables,
      lastKeys: () => lastKeys,
      aheadBytes: () => Math.max(aheadBytesMin, freeMemory(budget)),
      budget,
    };
    const whileReading = () => {
      finding = finalTrain().then(({ spec }) =>
        askReader(threads, { kind: "finalSpec", spec } satisfies FinalSpecJob)
      );
      // Insertion does not wait for it.
      finding.catch(() => {});
    };
    const load = await ingest(store, { ...options.load, reader, whileReading });
    Atomics.store(isLoaded, 0, 1);
    const hasAllRows = store.journal.externalChanges() === before &&
      load.files.every(({ read, inserted, loadedBefore }) => !loadedBefore && inserted === read) &&
      areNumberedFromOne(load.files.filter(({ table }) => table === plan.child));
    const final = await finalTrain();
    const collected = hasAllRows
      ? await askReader<CollectedExamples>(
        threads,
        { kind: "collectedExamples" } satisfies CollectedExamplesJob,
      )
      : undefined;
    for (const event of collected?.iterations ?? []) final.observe?.iteration?.(event);
    const trained = collected?.trained ?? await trainModel(store, final, collected?.prepared);
    return {
      load,
      trained: await register(models, trained, final),
      collected: collected !== undefined,
    };
  } finally {
    // After a load that failed, the caller may need what was found.
    if (!options.load.signal?.aborted) await finding.catch(() => {});
    threads.close();
    folder.close();
  }
}

function planOf(store: Store, options: LoadAndTrainOptions): JoinPlan | undefined {
  const { load: { files, rejectsPath }, train: { spec, hyperParameters } } = options;
  // The reader of files hashes groups by `hashOf` alone.
  if (hyperParameters.splitHash !== undefined) return undefined;
  const paths = Object.values(files).flat();
  const byteCount = paths.reduce((sum, path) => sum + fileState(path).size, 0);
  const isWorthIt = byteCount >= (options.collectBytesMin ?? defaultCollectBytesMin);
  if (threadsOf(options.train) < 2 || !isWorthIt || rejectsPath !== undefined) return undefined;
  const plan = emptyJoinPlanOf(store, spec, listTables(store.db));
  // Without files of the child table, nothing would signal that its rows have been read.
  return plan && (memberOf(files, plan.child) ?? []).length > 0 ? plan : undefined;
}

/** Returns the view's join; undefined if it is not known to be a join by keys, or if the store has rows of it already. */
function emptyJoinPlanOf(
  store: Store,
  spec: FeatureSpec,
  tables: readonly Table[],
): JoinPlan | undefined {
  const plan = planOfFiles(store, spec, tables);
  if (!plan) return undefined;
  const child = findTable(tables, plan.child);
  const label = findTable(tables, plan.label.table);
  const parents = plan.parents.map(({ table }) => findTable(tables, table));
  if ([child, ...parents, label].some((table) => countRows(store, table) > 0)) return undefined;
  // Parents must be loaded before the child, and labels after it.
  const order = parentsFirst(tables);
  const childAt = order.indexOf(child);
  const isInOrder = parents.every((parent) => order.indexOf(parent) < childAt);
  return isInOrder && (label === child || order.indexOf(label) > childAt) ? plan : undefined;
}

/** Whether the files have their keys, or the store numbered all of their rows from 1, as the collector does. */
function areNumberedFromOne(files: readonly FileReport[]): boolean {
  let next = 1;
  return files.every(({ firstRowNumber }) => firstRowNumber === undefined) ||
    files.every(({ firstRowNumber, read }) => {
      const isNext = firstRowNumber === next;
      next += read;
      return isNext;
    });
}

function threadsOf({ threads = availableParallelism() }: TrainOptions): number {
  return threads;
}

function collectJobOf(
  plan: JoinPlan,
  store: Store,
  { load, train, finalTrain }: LoadAndTrainOptions,
): Omit<CollectExamplesJob, "budget" | "isLoaded"> {
  const { files, columnNames = {}, allowMissing = false } = load;
  const table: Table = findTable(listTables(store.db), plan.label.table);
  const format = formatAmong(files[table.name] ?? [], Object.values(files).flat(), load.format);
  return {
    kind: "collectExamples",
    plan,
    isProvisional: finalTrain !== undefined,
    hyperParameters: train.hyperParameters,
    // One thread inserts. Mini-batches and tables take many times as long as a load: they are trained afterwards, on all threads.
    trainingThreads:
      train.hyperParameters.optimizer === undefined && !makesTables(train.spec, train.hyperParameters)
        ? threadsOf(train) - 1
        : 0,
    childFileCount: files[plan.child].length,
    labels: {
      table,
      paths: table.name === plan.child ? [] : memberOf(files, table.name) ?? [],
      mapping: {
        names: memberOf(columnNames, table.name) ?? {},
        allowMissing,
        ...(format ? { format } : {}),
      },
    },
  };
}

/** Runs a job on the reader thread and returns its result. */
async function askReader<Result>(
  threads: Threads,
  job: CollectExamplesJob | FinalSpecJob | ChildKeysJob | CollectedExamplesJob,
): Promise<Result | undefined> {
  const [, result] = await threads.run<Result | undefined>(job, () => undefined);
  return result;
}
