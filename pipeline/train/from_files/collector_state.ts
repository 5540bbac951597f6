import { createChunkStore } from "../../chunks/chunk_store.ts";
import type { MemoryBudget } from "../../chunks/memory_budget.ts";
import { createExampleCollector, type ExampleCollector } from "./example_collector.ts";
import type { ColumnRef, JoinPlan } from "../../examples/join_plan.ts";
import type { FeatureSpec } from "../../examples/spec.ts";
import type { RawExamples } from "../../examples/raw_examples.ts";
import { type ColumnMapping, columnSources } from "../../files/columns/column_source.ts";
import { openFile } from "../../files/open_file.ts";
import { clearRowRun, createRowRun } from "../../files/columns/row_run.ts";
import type { IterationEvent } from "../../fit/penalised.ts";
import type { IntegerSet } from "../../ingest/integer_set.ts";
import type { RowObserver } from "../../ingest/reading.ts";
import type { Table, TableColumn } from "../../store/table.ts";
import { runCooperatively } from "../../runtime/steps.ts";
import { type Job, startThreads } from "../../runtime/thread_pool.ts";
import { type Prepared, prepareInSteps } from "../prepare.ts";
import type { HyperParameters } from "../hyper_parameters.ts";
import { startClock } from "../stage_clock.ts";
import type { TrainedModel } from "../register.ts";
import { trainPrepared } from "../train.ts";
import { trainWorkerUrl } from "../training_resources.ts";
import { yieldToEventLoop } from "../../runtime/event_loop.ts";
import { forceCollection } from "../../runtime/shared_memory_gc.ts";

/** Makes the thread collect the examples from the files that it reads next, and train on them. */
export interface CollectExamplesJob extends Job {
  readonly kind: "collectExamples";
  readonly plan: JoinPlan;
  /** Whether features of the plan's spec may be taken out: the spec to train by then follows in a `FinalSpecJob`. */
  readonly isProvisional: boolean;
  readonly hyperParameters: HyperParameters;
  /** Memory for the examples, and the folder for what exceeds it. */
  readonly budget: MemoryBudget;
  /** Threads to train on; if 0, the examples are only prepared and returned. */
  readonly trainingThreads: number;
  /** Shape (1): not 0 as soon as all rows are inserted: another thread can then train, too. */
  readonly isLoaded: Int32Array<SharedArrayBuffer>;
  /** Number of files of the child table that the thread will read. */
  readonly childFileCount: number;
  /** Files that the thread reads itself after the last file of the child table. */
  readonly labels: LabelFiles;
}

export interface LabelFiles {
  readonly table: Table;
  readonly paths: readonly string[];
  readonly mapping: ColumnMapping;
}

/** Examples collected from files, or the model trained on them. */
export interface CollectedExamples {
  /** Set if the caller is to train on the examples. */
  readonly prepared?: Prepared;
  readonly trained?: TrainedModel;
  readonly iterations: readonly IterationEvent[];
}

/** Gives the spec to train by: that of the plan with at most its features. */
export interface FinalSpecJob extends Job {
  readonly kind: "finalSpec";
  readonly spec: FeatureSpec;
}

/** Requests the result of a `CollectExamplesJob`. */
export interface CollectedExamplesJob extends Job {
  readonly kind: "collectedExamples";
}

/** Requests the keys of the child table as soon as its files have been read. */
export interface ChildKeysJob extends Job {
  readonly kind: "childKeys";
}

/** Handlers of a training thread's collector jobs, and the observer of the rows that the thread reads. */
export function createCollectorState() {
  let result: Promise<CollectedExamples | undefined> = Promise.resolve(undefined);
  let observer: RowObserver | undefined;
  const finalSpec = Promise.withResolvers<FeatureSpec>();
  const childKeys = Promise.withResolvers<IntegerSet | undefined>();
  return {
    collectExamples(job: CollectExamplesJob): void {
      const { plan, budget, childFileCount, labels } = job;
      const collector = createExampleCollector(plan, budget);
      let filesLeft = childFileCount;
      if (!job.isProvisional) finalSpec.resolve(plan.spec);
      observer = {
        keysOf: collector.keysOf,
        onStart: collector.start,
        onRows: collector.add,
        onEnd(table) {
          if (table !== plan.child || --filesLeft > 0) return;
          childKeys.resolve(collector.childIds());
          // After the reply that the file has ended, so that its rows are inserted at the same time.
          result = yieldToEventLoop().then(async () => {
            readLabels(collector, plan.label, labels);
            const spec = await finalSpec.promise;
            const raw = collector.build(spec.features);
            // Frees the memory of the tables.
            await forceCollection();
            return raw && await trainOn(raw, spec, job);
          });
          // A rejection is observed by `collectedExamples()`.
          result.catch(() => {});
        },
      };
    },
    finalSpec: ({ spec }: FinalSpecJob): void => finalSpec.resolve(spec),
    /**
     * @returns undefined if the examples could not be collected.
     * @throws {Failure} as `prepare` and `trainPrepared`.
     */
    collectedExamples: (): Promise<CollectedExamples | undefined> => result,
    childKeys: (): Promise<IntegerSet | undefined> => childKeys.promise,
    observer: (): RowObserver | undefined => observer,
  };
}

async function trainOn(
  raw: RawExamples,
  spec: FeatureSpec,
  { budget, hyperParameters, trainingThreads, isLoaded }: CollectExamplesJob,
): Promise<CollectedExamples> {
  const clock = startClock();
  const chunkStore = createChunkStore(budget);
  const threads = startThreads(Math.max(1, trainingThreads), trainWorkerUrl(), { isOneMoreFree: isLoaded });
  const iterations: IterationEvent[] = [];
  try {
    const steps = prepareInSteps(raw, spec, hyperParameters, chunkStore);
    const prepared = await runCooperatively(steps, undefined, threads);
    if (trainingThreads === 0) return { prepared, iterations };
    const trained = await trainPrepared(prepared, { threads, chunkStore, clock }, {
      spec,
      hyperParameters,
      observe: { iteration: (event) => iterations.push(event) },
    });
    return { trained, iterations };
  } finally {
    threads.close();
  }
}

const runRowsMax = 65_536;

/** Reads only the column of the examples' ids. */
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
      while (reader.read(run, runRowsMax) > 0) {
        add(table.name, run);
        clearRowRun(run);
      }
    } finally {
      reader.close();
    }
  }
}
