import assert from "node:assert/strict";
import { Failure } from "../../../pipeline/failure.ts";
import { yieldToEventLoop } from "../../../pipeline/runtime/event_loop.ts";
import { sharedInt32 } from "../../../pipeline/runtime/shared_memory.ts";
import { startThreads, startWorker, workerUrl } from "../../../pipeline/runtime/thread_pool.ts";
import type { KeepJob, TakeJob } from "../../support/counting_worker.ts";

/** Runs a job on one worker and returns the error with which it fails. */
async function errorOf(kind: string): Promise<unknown> {
  const threads = startThreads(2, new URL("../../support/failing_worker.ts", import.meta.url));
  try {
    return await threads.run({ kind }, () => {}).then(
      () => assert.fail("the job succeeded"),
      (error) => error,
    );
  } finally {
    threads.close();
  }
}

Deno.test("thread pool: a failure in a worker keeps its kind, message, errors and report", async () => {
  const error = await errorOf("reject");
  assert(error instanceof Failure);
  assert.deepEqual([error.kind, error.message, error.errors, error.report], [
    "input-invalid",
    "no",
    [{ pointer: "#/apr", detail: "is too high" }],
    { rows: 3 },
  ]);
});

Deno.test("thread pool: a bug in a worker is an error with the worker's stack", async () => {
  assert.match(
    String(await errorOf("crash")),
    /in another thread: TypeError: .* not a row\n.*failing_worker/,
  );
});

Deno.test("thread pool: a result that cannot be posted is a bug of the job", async () => {
  assert.match(String(await errorOf("return")), /in another thread: DataCloneError/);
});

Deno.test("thread pool: a thread that becomes free joins the pool, with the state that the others have", async () => {
  const isOneMoreFree = sharedInt32(1);
  const threads = startThreads(2, new URL("../../support/counting_worker.ts", import.meta.url), {
    isOneMoreFree,
  });
  const keep = (number: number) => {
    const job: KeepJob = { kind: "keep", isState: true, number };
    return threads.run(job, () => {});
  };
  const recalled = () => threads.run({ kind: "recall" }, () => 0);
  try {
    await keep(7);
    assert.deepEqual(await recalled(), [0, 7]);

    Atomics.store(isOneMoreFree, 0, 1);
    let numbers: number[];
    do {
      await yieldToEventLoop();
      numbers = await recalled();
    } while (numbers.length < 3);
    assert.deepEqual(numbers, [0, 7, 7]);

    await keep(8);
    assert.deepEqual(await recalled(), [0, 8, 8]);
  } finally {
    threads.close();
  }
});

Deno.test("thread pool: a thread that becomes free during a job takes part in it", async () => {
  const isOneMoreFree = sharedInt32(1);
  const threads = startThreads(1, new URL("../../support/counting_worker.ts", import.meta.url), {
    isOneMoreFree,
  });
  try {
    const job: TakeJob = { kind: "take", taken: sharedInt32(1) };
    const blocking = () => {
      // As a pass over many rows does, this blocks the thread.
      Atomics.wait(sharedInt32(1), 0, 0, 50);
      assert.equal(job.taken[0], 0);
      assert.equal(threads.count, 1);
      Atomics.store(isOneMoreFree, 0, 1);
      assert.equal(threads.count, 2);
      Atomics.wait(job.taken, 0, 0);
      return 0;
    };
    assert.deepEqual(await threads.run<number>(job, blocking), [0, 1]);
  } finally {
    threads.close();
  }
});

Deno.test("thread pool: a job that ends before another thread is free does not wait for it", async () => {
  const threads = startThreads(1, new URL("../../support/counting_worker.ts", import.meta.url), {
    isOneMoreFree: sharedInt32(1),
  });
  try {
    const job: TakeJob = { kind: "take", taken: sharedInt32(1) };
    for (let i = 0; i < 3; i++) assert.deepEqual(await threads.run(job, () => 0), [0]);
    assert.equal(job.taken[0], 0);
  } finally {
    threads.close();
  }
});

Deno.test("worker thread: each job of one that has died fails, also those that are posted later", async () => {
  const worker = startWorker(new URL("data:text/javascript,setTimeout(() => { throw new Error('ill') })"));
  try {
    await assert.rejects(worker.ask({ kind: "work" }), /a worker thread died: .*ill/);
    await assert.rejects(worker.ask({ kind: "work" }), /a worker thread died: .*ill/);
  } finally {
    worker.terminate();
  }
});

Deno.test("worker URL: TypeScript in the source, JavaScript in the bundle", () => {
  const [source, bundle] = ["file:///a/b.ts", "file:///a/b-1.js"].map((base) => workerUrl("./fit.ts", base));
  assert.deepEqual([source.href, bundle.href], ["file:///a/fit.ts", "file:///a/fit.js"]);
});
