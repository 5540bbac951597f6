import assert from "node:assert/strict";
import { boost } from "../../../../pipeline/fit/tables/boost.ts";
import { poolLevels } from "../../../../pipeline/fit/tables/boost_fields.ts";
import {
  boostAll,
  type BoostJob,
  createBoostTables,
  createRunsAhead,
} from "../../../../pipeline/fit/tables/boost_jobs.ts";
import type { BoostRows, BoostTask } from "../../../../pipeline/fit/tables/boost_rows.ts";
import { sharedUint8 } from "../../../../pipeline/runtime/shared_memory.ts";
import { runToEnd } from "../../../../pipeline/runtime/steps.ts";
import type { Threads } from "../../../../pipeline/runtime/thread_pool.ts";
import { binnedRows } from "../../../support/binned_rows.ts";

const made = binnedRows(3000, [
  { name: "x", kind: "numeric", bins: 200 },
  { name: "c", kind: "categorical", bins: 12 },
], { logit: ([x, c]) => x / 100 - 1 + (c % 3 - 1) * (x > 90 ? 1 : -1) });
const rows: BoostRows = { ...poolLevels(made), labels: made.labels, blocks: sharedUint8(3000) };
rows.blocks.forEach((_, i) => rows.blocks[i] = i % 3);

const taskOf = (fold: number, leaves: number): BoostTask => ({
  fittedTo: [0, 1, 2].filter((block) => block !== fold),
  scoredOn: fold,
  mode: "sorted",
  leaves,
  pairs: "all",
  treesMax: 400,
  patience: 400,
  seed: fold,
});
const now = [0, 1, 2].map((fold) => taskOf(fold, 4));
const next = [0, 1, 2].map((fold) => taskOf(fold, 8));

const alone = (task: BoostTask) => runToEnd(boost(rows, task));
const [stateDone, stateTaken] = [1, 2];

/** A pool with one more thread, which works when it is told to. */
function poolOf(other: (job: BoostJob) => Promise<unknown>): Threads {
  return {
    count: 2,
    run: async (job: never, local: () => unknown) => {
      const theirs = other(job);
      return [await local(), await theirs];
    },
    close: () => {},
  } as unknown as Threads;
}

/** Takes the last needed task from the others, and is done with it when these are at what comes next. */
const slowOther = poolOf(async (job) => {
  const task = job.needed - 1;
  Atomics.store(job.state, stateTaken + task, 1);
  while (
    !Array.from({ length: job.tasks.length }, (_, i) => i).slice(0, task + 2).every((i) =>
      job.state[stateTaken + i] === 1
    )
  ) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  Atomics.add(job.state, stateDone, 1);
  return { runs: [[task, alone(job.tasks[task])]], paused: [] };
});

Deno.test("a thread without a needed run begins a likely one, pauses it when the needed ones are done, and goes on with it", async () => {
  const ahead = createRunsAhead();
  const first = await boostAll(rows, now, slowOther, { ahead: { runs: ahead, likely: next } });
  assert.deepEqual(first, now.map(alone));
  assert.deepEqual([...ahead.begun], [JSON.stringify(next[0])], "one run is paused");
  let trees = 0;
  const second = await boostAll(rows, next, slowOther, {
    ahead: { runs: ahead, likely: [] },
    observe: (count) => trees = count,
  });
  assert.deepEqual(second, next.map(alone));
  assert.ok(trees > 0);
});

Deno.test("a run that is done ahead is not done again, and one that proves needless is dropped", async () => {
  const ahead = createRunsAhead();
  const patient = poolOf(async (job) => {
    const task = job.needed - 1;
    Atomics.store(job.state, stateTaken + task, 1);
    while (job.state[stateTaken + task + 2] !== 1) await new Promise((resolve) => setTimeout(resolve, 1));
    Atomics.add(job.state, stateDone, 1);
    return { runs: [[task, alone(job.tasks[task])]], paused: [] };
  });
  await boostAll(rows, now, patient, { ahead: { runs: ahead, likely: next } });
  assert.deepEqual([...ahead.done.keys()], [JSON.stringify(next[0])]);
  assert.deepEqual([...ahead.begun], [JSON.stringify(next[1])]);
  let jobs = 0;
  const single = poolOf(() => {
    jobs++;
    return Promise.resolve({ runs: [], paused: [] });
  });
  assert.deepEqual(await boostAll(rows, [next[0]], single, { ahead: { runs: ahead, likely: [] } }), [
    alone(next[0]),
  ]);
  assert.equal(jobs, 0);
  await boostAll(rows, [now[0]], single, { ahead: { runs: ahead, likely: [] } });
  assert.equal(ahead.paused.size, 0);
});

Deno.test("a worker begins a likely run only while others are at the needed ones", () => {
  const answer = createBoostTables();
  const job = (
    search: number,
    needed: readonly BoostTask[],
    likely: readonly BoostTask[],
    done: number,
  ): BoostJob => {
    const tasks = [...needed, ...likely];
    const state = new Int32Array(new SharedArrayBuffer(4 * (stateTaken + 2 * tasks.length)));
    // The needed ones are taken by others, of which some are done.
    needed.forEach((_, i) => state[stateTaken + i] = 1);
    state[stateDone] = done;
    return { kind: "boostTables", rows, tasks, needed: needed.length, search, begun: [], state };
  };
  assert.deepEqual(answer(job(1, now, [], 3)), { runs: [], paused: [] });
  const { runs } = answer(job(1, now, [next[0]], 2));
  assert.deepEqual(runs, [[3, alone(next[0])]]);
});
