import assert from "node:assert/strict";
import { createRandom } from "../../../pipeline/math/random.ts";
import { sharedInt32 } from "../../../pipeline/runtime/shared_memory.ts";
import { yieldToEventLoop } from "../../../pipeline/runtime/event_loop.ts";
import { runCooperatively } from "../../../pipeline/runtime/steps.ts";
import { startThreads, type Threads } from "../../../pipeline/runtime/thread_pool.ts";
import { defaultHyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { prepare, prepareInSteps } from "../../../pipeline/train/prepare.ts";
import { trainWorkerUrl } from "../../../pipeline/train/training_resources.ts";
import { rawExamplesOf, specOf } from "../../support/example_rows.ts";

const spec = specOf(
  [
    { name: "x", type: "numeric", transform: "log1p" },
    { name: "z", type: "numeric", bins: 7 },
    { name: "c", type: "categorical", minCount: 3 },
    { name: "d", type: "categorical" },
  ],
  { crosses: [{ of: ["c", "d"] }] },
);

function makeRows() {
  const random = createRandom(11);
  return Array.from({ length: 600 }, (_, id) => ({
    id,
    who: `who-${id >> 1}`,
    clicked: random.below(2),
    x: random.below(9_000) / 4,
    z: random.below(10) === 0 ? null : random.below(200),
    c: `level ${random.below(20)}`,
    d: random.below(5),
  }));
}

Deno.test("prepare: a thread that joins between two steps of encoding takes part, and the examples stay the same", async () => {
  const expected = prepare(rawExamplesOf(spec, makeRows()), spec, defaultHyperParameters);
  const isOneMoreFree = sharedInt32(1);
  const pool = startThreads(1, trainWorkerUrl(), { isOneMoreFree });
  /** Number of threads of each step. */
  const counts: number[] = [];
  const join = async () => {
    Atomics.store(isOneMoreFree, 0, 1);
    while ((await pool.run({ kind: "collect" }, () => yieldToEventLoop())).length < 2);
  };
  const threads: Threads = {
    ...pool,
    async run(job, local) {
      const results = await pool.run(job, local);
      // After the chunks have been given to the threads that are there.
      if (counts.push(results.length) === 1) await join();
      return results;
    },
  };
  try {
    const steps = prepareInSteps(rawExamplesOf(spec, makeRows()), spec, defaultHyperParameters);
    assert.deepEqual(await runCooperatively(steps, undefined, threads), expected);
  } finally {
    pool.close();
  }
  assert(counts.length > 5);
  assert.deepEqual(new Set(counts.slice(1)), new Set([2]));
});
