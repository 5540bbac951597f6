import assert from "node:assert/strict";
import { runCooperatively, runToEnd, type Steps } from "../../../pipeline/runtime/steps.ts";
import type { Threads } from "../../../pipeline/runtime/thread_pool.ts";

const job = { kind: "any" };

function* work(log: string[]): Steps<readonly unknown[]> {
  yield;
  const first = yield {
    job,
    *local() {
      log.push("began");
      yield;
      log.push("ended");
      return 1;
    },
  };
  const second = yield { job, local: () => void log.push("at once") };
  return [...first, second.length];
}

Deno.test("steps: without threads the calling one does its part of each shared step", async () => {
  for (
    const run of [runToEnd<readonly unknown[]>, (steps: Steps<readonly unknown[]>) => runCooperatively(steps)]
  ) {
    const log: string[] = [];
    assert.deepEqual(await run(work(log)), [1, 1]);
    assert.deepEqual(log, ["began", "ended", "at once"]);
  }
});

Deno.test("steps: work goes on with the results of all threads", async () => {
  const asked: unknown[] = [];
  const threads = {
    async run(job: unknown, local: () => Promise<unknown>) {
      asked.push(job);
      return [await local(), 2, 3];
    },
  } as unknown as Threads;
  assert.deepEqual(await runCooperatively(work([]), undefined, threads), [1, 2, 3, 3]);
  assert.deepEqual(asked, [job, job]);
});

Deno.test("steps: an interruption ends the work after the part at hand", async () => {
  const abort = new AbortController();
  const log: string[] = [];
  function* steps(): Steps<void> {
    yield { job, local: () => abort.abort(new Error("interrupted")) };
    log.push("went on");
  }
  await assert.rejects(runCooperatively(steps(), abort.signal), /interrupted/);
  assert.deepEqual(log, []);
});
