import { gatherPlanOf } from "./plan.ts";
import type { JoinPlan } from "../../examples/join_plan.ts";
import { fileState } from "../../files/file_state.ts";
import { ingest, type IngestOptions, type IngestReport } from "../../ingest/ingest.ts";
import type { Models } from "../../model/registry.ts";
import type { Store } from "../../store/store.ts";
import { findTable, listTables, type Table } from "../../store/table.ts";
import { availableParallelism, startThreads, type Threads } from "../../runtime/thread_pool.ts";
import type { ChildKeysJob, Gathered, GatheredJob, GatherJob } from "./collector_state.ts";
import { defaultMemoryBytes } from "../training_resources.ts";
import { register, train, trainModel, type TrainOptions, type TrainReport } from "../train.ts";
import { trainWorkerUrl } from "../training_resources.ts";

export interface LoadAndTrainOptions {
  readonly load: Omit<IngestOptions, "reader">;
  readonly train: TrainOptions;
  /** Smaller files are loaded before the examples could be gathered beside. */
  readonly gatherBytesMin?: number;
}

export interface LoadAndTrainReport {
  readonly load: IngestReport;
  readonly trained: TrainReport;
  /** Whether the examples were gathered beside the loading, and not read from the store. */
  readonly gathered: boolean;
}

const gatherBytesMinDefault = 4 * 2 ** 20;
/** Rows that wait to be inserted while those behind them are gathered already. */
const aheadBytes = 64 * 2 ** 20;

/**
 * Loads files into the store, then trains on its examples. Where the view is a join by keys and the store had none of its
 * rows, the thread that reads the files joins the examples and learns from them while the rows are inserted; a model is
 * written only when all of them are in the store. It is the same, bit for bit, either way.
 *
 * @throws {Failure} as `ingest` and `train`. What was loaded before a failure stays in the store.
 */
export async function loadAndTrain(
  store: Store,
  models: Models,
  options: LoadAndTrainOptions,
): Promise<LoadAndTrainReport> {
  // The plan finds the tables empty. Without a change by another connection, they hold what is loaded and no more.
  const before = store.journal.externalChanges();
  const plan = planOf(store, options);
  if (!plan) {
    const load = await ingest(store, options.load);
    return { load, trained: await train(store, models, options.train), gathered: false };
  }
  const threads = startThreads(2, trainWorkerUrl());
  try {
    await askReader(threads, gatherJobOf(plan, store, options));
    const lastKeys = askReader<Float64Array>(threads, { kind: "childKeys" } satisfies ChildKeysJob);
    // Where the load fails before they are read, nobody waits for them.
    lastKeys.catch(() => {});
    const reader = { threads, lastTable: plan.child, lastKeys: () => lastKeys, aheadBytes };
    const load = await ingest(store, { ...options.load, reader });
    const isAllThereIs = store.journal.externalChanges() === before && areAllNew(load);
    const gathered = isAllThereIs
      ? await askReader<Gathered>(threads, { kind: "gathered" } satisfies GatheredJob)
      : undefined;
    for (const event of gathered?.iterations ?? []) options.train.observe?.iteration?.(event);
    const learnt = gathered?.learnt ?? await trainModel(store, options.train, gathered?.prepared);
    return {
      load,
      trained: await register(models, learnt, options.train),
      gathered: gathered !== undefined,
    };
  } finally {
    threads.close();
  }
}

function planOf(store: Store, options: LoadAndTrainOptions): JoinPlan | undefined {
  const { load: { files, rejectsPath }, train: { spec } } = options;
  const paths = Object.values(files).flat();
  const byteCount = paths.reduce((sum, path) => sum + fileState(path).size, 0);
  const isWorthIt = byteCount >= (options.gatherBytesMin ?? gatherBytesMinDefault);
  if (threadsOf(options.train) < 2 || !isWorthIt || rejectsPath !== undefined) return undefined;
  const plan = gatherPlanOf(store, spec, listTables(store.db));
  // Without files of the child, nothing would say when its rows have been read.
  return plan && (files[plan.child] ?? []).length > 0 ? plan : undefined;
}

function threadsOf({ threads = availableParallelism() }: TrainOptions): number {
  return threads;
}

function gatherJobOf(plan: JoinPlan, store: Store, { load, train }: LoadAndTrainOptions): GatherJob {
  const { files, columnNames = {}, allowMissing = false, format } = load;
  const table: Table = findTable(listTables(store.db), plan.label.table);
  return {
    kind: "gather",
    plan,
    hyperParameters: train.hyperParameters,
    // Twice what they take as examples, less what is then known only once for each parent.
    bytesMax: 1.5 * (train.memoryBytes ?? defaultMemoryBytes),
    // One thread inserts. Mini-batches take many times as long as a load: they wait, and have all threads.
    learningThreads: train.hyperParameters.optimizer === undefined ? threadsOf(train) - 1 : 0,
    childFileCount: files[plan.child].length,
    labels: {
      table,
      paths: files[table.name] ?? [],
      mapping: { names: columnNames[table.name] ?? {}, allowMissing, ...(format ? { format } : {}) },
    },
  };
}

/** Whether each row that was read was inserted. */
function areAllNew({ files }: IngestReport): boolean {
  return files.every(({ read, inserted, loadedBefore }) => !loadedBefore && inserted === read);
}

/** The answer of the reading thread. */
async function askReader<Result>(
  threads: Threads,
  job: GatherJob | ChildKeysJob | GatheredJob,
): Promise<Result | undefined> {
  const [, result] = await threads.run<Result | undefined>(job, () => undefined);
  return result;
}
