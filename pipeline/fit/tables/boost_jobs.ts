import { runToEnd } from "../../runtime/steps.ts";
import { sharedInt32 } from "../../runtime/shared_memory.ts";
import type { Job, Threads } from "../../runtime/thread_pool.ts";
import { boost } from "./boost.ts";
import type { BoostRows, BoostRun, BoostTask, KeptRuns } from "./boost_rows.ts";
import { createPause, runWithPauses } from "./pauses.ts";

/** Job that takes runs of boosting, one by one, until none is left. */
export interface BoostJob extends Job {
  readonly kind: "boostTables";
  readonly rows: BoostRows;
  readonly tasks: readonly BoostTask[];
  /** Shared by the threads: whether to stop, the next task, then per task its trees so far. */
  readonly state: Int32Array<SharedArrayBuffer>;
}

const [stopAt, nextAt, treesAt] = [0, 1, 2];
/** Progress is reported, and a stop noticed, after this time. */
const watchMs = 100;

export interface BoostJobOptions {
  /** Called with the number of trees of all runs so far. */
  readonly observe?: ((trees: number) => void) | undefined;
  /** Throws to end the runs early. */
  readonly checkpoint?: (() => void) | undefined;
  /** The runs are taken from there, or else kept there. */
  readonly kept?: KeptRuns | undefined;
}

/**
 * Does runs of boosting on all threads. Each is done by one thread, so that results do not depend on their number.
 *
 * @param threads Their workers answer `boostTables` by {@link boostTables}.
 * @returns The runs, in the order of the tasks.
 */
export async function boostAll(
  rows: BoostRows,
  tasks: readonly BoostTask[],
  threads: Threads,
  { observe, checkpoint, kept }: BoostJobOptions = {},
): Promise<BoostRun[]> {
  const rowCount = rows.labels.length;
  const known = kept?.find(rowCount, tasks);
  if (known) return [...known];
  const state = sharedInt32(treesAt + tasks.length);
  const job: BoostJob = { kind: "boostTables", rows, tasks, state };
  let failure: { readonly cause: unknown } | undefined;
  const watch = () => {
    try {
      checkpoint?.();
      let trees = 0;
      for (let i = treesAt; i < state.length; i++) trees += Atomics.load(state, i);
      observe?.(trees);
    } catch (cause) {
      failure = { cause };
      Atomics.store(state, stopAt, 1);
    }
  };
  const timer = setInterval(watch, watchMs);
  try {
    const parts = await threads.run(job, () => runWithPauses(takeTasks(job), createPause()));
    watch();
    if (failure) throw failure.cause;
    const byTask = new Map(parts.flat());
    const runs = tasks.map((_, i) => {
      const run = byTask.get(i);
      if (!run) throw new Error("a run of boosting was lost");
      return run;
    });
    kept?.keep(rowCount, tasks, runs);
    return runs;
  } finally {
    clearInterval(timer);
  }
}

type NumberedRun = readonly [task: number, run: BoostRun];

/** Answers a {@link BoostJob} in a worker. */
export function boostTables(job: BoostJob): NumberedRun[] {
  return runToEnd(takeTasks(job));
}

function* takeTasks({ rows, tasks, state }: BoostJob): Generator<void, NumberedRun[]> {
  const runs: NumberedRun[] = [];
  for (;;) {
    const task = Atomics.add(state, nextAt, 1);
    if (task >= tasks.length) return runs;
    const steps = boost(rows, tasks[task], (trees) => Atomics.store(state, treesAt + task, trees));
    for (;;) {
      const { done, value } = steps.next();
      if (Atomics.load(state, stopAt) === 1) return runs;
      if (done) {
        runs.push([task, value]);
        break;
      }
      yield;
    }
  }
}
