import { createChunkStore } from "../../chunks/chunk_store.ts";
import { createExampleCollector, type ExampleCollector } from "./example_collector.ts";
import type { ColumnRef, JoinPlan } from "../../examples/join_plan.ts";
import type { RawExamples } from "../../examples/raw_examples.ts";
import { type ColumnMapping, columnSources } from "../../files/columns/column_source.ts";
import { openFile } from "../../files/open_file.ts";
import { createRowRun } from "../../files/columns/row_run.ts";
import type { IterationEvent } from "../../fit/penalised.ts";
import type { RowObserver } from "../../ingest/reading.ts";
import type { Table, TableColumn } from "../../store/table.ts";
import { type Job, startThreads } from "../../runtime/thread_pool.ts";
import { prepare, type Prepared } from "../prepare.ts";
import type { HyperParameters } from "../hyper_parameters.ts";
import { startClock } from "../stage_clock.ts";
import { type TrainedModel, trainPrepared } from "../train.ts";
import { trainWorkerUrl } from "../training_resources.ts";
import { yieldToEventLoop } from "../../runtime/event_loop.ts";

/** Gathers the examples out of the files that the thread reads from now on, and learns from them. */
export interface GatherJob extends Job {
  readonly kind: "gather";
  readonly plan: JoinPlan;
  readonly hyperParameters: HyperParameters;
  /** What the rows may take, until they are examples. */
  readonly bytesMax: number;
  /** Threads to learn on; where there is none, the examples are prepared and handed on. */
  readonly learningThreads: number;
  /** How many files the thread will read of the table with a row for each example. */
  readonly childFileCount: number;
  /** Read by the thread on its own, as soon as it has those. */
  readonly labels: LabelFiles;
}

export interface LabelFiles {
  readonly table: Table;
  readonly paths: readonly string[];
  readonly mapping: ColumnMapping;
}

/** What has become of the examples. */
export interface Gathered {
  /** Where they are to be learnt from by who asked. */
  readonly prepared?: Prepared;
  readonly learnt?: TrainedModel;
  readonly iterations: readonly IterationEvent[];
}

/** Asks for it. */
export interface GatheredJob extends Job {
  readonly kind: "gathered";
}

/** Asks for the keys of the table with a row for each example, as soon as they have been read. */
export interface ChildKeysJob extends Job {
  readonly kind: "childKeys";
}

export interface GatherState {
  gather(job: GatherJob): void;
  /**
   * @returns undefined where the examples could not be gathered.
   * @throws {Failure} as `prepare` and `learn`.
   */
  gathered(job: GatheredJob): Promise<Gathered | undefined>;
  childKeys(job: ChildKeysJob): Promise<Float64Array | undefined>;
  onlooker(): RowObserver | undefined;
}

/** One thread's gathering. */
export function createGatherState(): GatherState {
  let gathering: ExampleCollector | undefined;
  let result: Promise<Gathered | undefined> = Promise.resolve(undefined);
  let onlooker: RowObserver | undefined;
  const childKeys = Promise.withResolvers<Float64Array | undefined>();
  return {
    gather(job) {
      const { plan, bytesMax, childFileCount, labels } = job;
      const started = createExampleCollector(plan, bytesMax);
      gathering = started;
      let filesLeft = childFileCount;
      onlooker = {
        keysOf: started.keysOf,
        isComplete: started.isComplete,
        onRows: started.add,
        onEnd(table) {
          if (table !== plan.child || --filesLeft > 0) return;
          childKeys.resolve(started.childIds());
          // Behind the answer that the file has ended: its rows are inserted meanwhile.
          result = yieldToEventLoop().then(() => {
            readLabels(started, plan.label, labels);
            const raw = started.build();
            return raw && learnFrom(raw, job);
          });
          // Whether it failed is for who asks for it.
          result.catch(() => {});
        },
      };
    },
    gathered: () => result,
    childKeys: () => childKeys.promise,
    onlooker: () => gathering && onlooker,
  };
}

async function learnFrom(
  raw: RawExamples,
  { plan: { spec }, hyperParameters, learningThreads }: GatherJob,
): Promise<Gathered> {
  const clock = startClock();
  const keeper = createChunkStore();
  const prepared = prepare(raw, spec, hyperParameters, keeper);
  if (learningThreads === 0) return { prepared, iterations: [] };
  const threads = startThreads(learningThreads, trainWorkerUrl());
  const iterations: IterationEvent[] = [];
  try {
    const learnt = await trainPrepared(prepared, { threads, chunks: keeper, clock }, {
      spec,
      hyperParameters,
      observe: { iteration: (event) => iterations.push(event) },
    });
    return { learnt, iterations };
  } finally {
    threads.close();
  }
}

const stepRows = 65_536;

/** Only the column that names the examples. */
function readLabels(
  { add }: ExampleCollector,
  label: ColumnRef,
  { table, paths, mapping }: LabelFiles,
): void {
  for (const path of paths) {
    let columns: readonly TableColumn[] = [];
    const reader = openFile(path, (fileColumns) => {
      const sources = columnSources(table, fileColumns, { ...mapping, fileName: path })
        .filter(({ column }) => column.name === label.column);
      columns = sources.map(({ column }) => column);
      return sources;
    }, mapping.format);
    try {
      const run = createRowRun(columns);
      while (reader.read(run, stepRows) > 0);
      add(table.name, run);
    } finally {
      reader.close();
    }
  }
}
