import { runToEnd } from "../../runtime/steps.ts";
import { sharedInt32 } from "../../runtime/shared_memory.ts";
import type { Job, Threads } from "../../runtime/thread_pool.ts";
import { boost } from "./boost.ts";
import type { BoostRows, BoostRun, BoostTask, KeptRuns } from "./boost_rows.ts";
import { createPause, runWithPauses } from "./pauses.ts";

/** Job that takes runs of boosting, one by one, until those that are needed are done. */
export interface BoostJob extends Job {
  readonly kind: "boostTables";
  readonly rows: BoostRows;
  /** First those that are needed; then those that are begun only while other threads are at the needed ones. */
  readonly tasks: readonly BoostTask[];
  readonly needed: number;
  /** The search that they are of: a thread goes on with runs of the same one that it has paused. */
  readonly search: number;
  /** Tasks of which some thread has a paused run. */
  readonly begun: readonly number[];
  /** Shared by the threads: whether to stop, how many needed tasks are done, then per task whether it is taken, then its trees so far. */
  readonly state: Int32Array<SharedArrayBuffer>;
}

const [stopAt, doneAt, takenAt] = [0, 1, 2];
/** Progress is reported, and a stop noticed, after this time. */
const watchMs = 100;

export interface BoostJobOptions {
  /** Called with the number of trees of all runs so far. */
  readonly observe?: ((trees: number) => void) | undefined;
  /** Throws to end the runs early. */
  readonly checkpoint?: (() => void) | undefined;
  /** The runs are taken from there, or else kept there. */
  readonly kept?: KeptRuns | undefined;
  /** Threads that find no run of these tasks begin runs that are likely to be needed next. */
  readonly ahead?: { readonly runs: RunsAhead; readonly likely: readonly BoostTask[] } | undefined;
}

/** Runs of a search that threads did ahead, by {@link keyOf}. What a search finds does not depend on them. */
export interface RunsAhead {
  readonly search: number;
  readonly done: Map<string, BoostRun>;
  /** Those that some thread has paused. */
  begun: ReadonlySet<string>;
  /** Those that the calling thread has paused. */
  readonly paused: PausedRuns;
}

interface PausedRun {
  readonly steps: Generator<void, BoostRun>;
  onTree: (trees: number) => void;
}
type PausedRuns = Map<string, PausedRun>;

let searches = 0;

/** Returns where a search has runs that are done ahead: none yet. */
export function createRunsAhead(): RunsAhead {
  searches++;
  return { search: searches, done: new Map(), begun: new Set(), paused: new Map() };
}

function keyOf(task: BoostTask): string {
  return JSON.stringify(task);
}

/**
 * Does runs of boosting on all threads. Each is done by one thread, so that results do not depend on their number.
 *
 * @param threads Their workers answer `boostTables` by {@link createBoostTables}.
 * @returns The runs, in the order of the tasks.
 */
export async function boostAll(
  rows: BoostRows,
  tasks: readonly BoostTask[],
  threads: Threads,
  { observe, checkpoint, kept, ahead }: BoostJobOptions = {},
): Promise<BoostRun[]> {
  const rowCount = rows.labels.length;
  const known = kept?.find(rowCount, tasks);
  if (known) return [...known];
  const { runs: runsAhead, likely } = ahead ?? { runs: createRunsAhead(), likely: [] };
  const { done, begun, paused, search } = runsAhead;
  const isMissing = (task: BoostTask) => !done.has(keyOf(task));
  const needed = tasks.filter(isMissing);
  const all = [
    ...new Map([...needed, ...likely.filter(isMissing)].map((task) => [keyOf(task), task])).values(),
  ];
  const state = sharedInt32(takenAt + 2 * all.length);
  const job: BoostJob = {
    kind: "boostTables",
    ...{ rows, search, state },
    tasks: all,
    needed: needed.length,
    begun: all.flatMap((task, i) => begun.has(keyOf(task)) ? i : []),
  };
  let failure: { readonly cause: unknown } | undefined;
  const watch = () => {
    try {
      checkpoint?.();
      let trees = 0;
      for (let i = 0; i < needed.length; i++) trees += Atomics.load(state, takenAt + all.length + i);
      observe?.(trees);
    } catch (cause) {
      failure = { cause };
      Atomics.store(state, stopAt, 1);
    }
  };
  const timer = setInterval(watch, watchMs);
  try {
    const parts = needed.length === 0
      ? []
      : await threads.run(job, () => runWithPauses(takeTasks(job, paused), createPause()));
    watch();
    if (failure) throw failure.cause;
    for (const [i, run] of parts.flatMap((part) => part.runs)) done.set(keyOf(all[i]), run);
    runsAhead.begun = new Set(parts.flatMap((part) => part.paused));
    const runs = tasks.map((task) => {
      const run = done.get(keyOf(task));
      if (!run) throw new Error("a run of boosting was lost");
      return run;
    });
    for (const task of tasks) done.delete(keyOf(task));
    kept?.keep(rowCount, tasks, runs);
    return runs;
  } finally {
    clearInterval(timer);
  }
}

/** What a thread has done of a job. */
interface TakenRuns {
  /** By the number of their task. */
  readonly runs: readonly (readonly [task: number, run: BoostRun])[];
  /** The keys of those that it has paused. */
  readonly paused: readonly string[];
}

/** Creates what answers a {@link BoostJob} in a worker, and keeps its paused runs. */
export function createBoostTables(): (job: BoostJob) => TakenRuns {
  const paused: PausedRuns = new Map();
  let search: number | undefined;
  return (job) => {
    if (job.search !== search) paused.clear();
    search = job.search;
    return runToEnd(takeTasks(job, paused));
  };
}

function* takeTasks(job: BoostJob, paused: PausedRuns): Generator<void, TakenRuns> {
  const { rows, tasks, needed, begun, state } = job;
  const keys = tasks.map(keyOf);
  for (const key of paused.keys()) if (!keys.includes(key)) paused.delete(key);
  const runs: (readonly [number, BoostRun])[] = [];
  const result = () => ({ runs, paused: [...paused.keys()] });
  const isOver = () => Atomics.load(state, doneAt) >= needed;
  // What this thread has paused first, and what others have paused last.
  const rank = (task: number) => paused.has(keys[task]) ? 0 : begun.includes(task) ? 2 : 1;
  const isAhead = (task: number) => task >= needed ? 1 : 0;
  const order = [...keys.keys()].sort((a, b) => isAhead(a) - isAhead(b) || rank(a) - rank(b) || a - b);
  for (const task of order) {
    if (task >= needed && isOver()) break;
    if (Atomics.exchange(state, takenAt + task, 1) === 1) continue;
    const run = paused.get(keys[task]) ?? begin(rows, tasks[task]);
    paused.delete(keys[task]);
    run.onTree = (trees) => Atomics.store(state, takenAt + tasks.length + task, trees);
    for (;;) {
      const { done, value } = run.steps.next();
      if (Atomics.load(state, stopAt) === 1) return result();
      if (done) {
        runs.push([task, value]);
        if (task < needed) Atomics.add(state, doneAt, 1);
        break;
      }
      if (task >= needed && isOver()) {
        paused.set(keys[task], run);
        return result();
      }
      yield;
    }
  }
  return result();
}

function begin(rows: BoostRows, task: BoostTask): PausedRun {
  const run: PausedRun = {
    steps: boost(rows, task, (trees) => run.onTree(trees)),
    onTree: () => {},
  };
  return run;
}
