import assert from "node:assert/strict";
import { join } from "node:path";
import { assertRejected } from "../../support/expected_failure.ts";
import { connectRaw } from "../../support/raw_connection.ts";
import { type RunningServer, runServer, startTestServer } from "../../support/running_server.ts";
import { makeServedModels, probabilityOf, row, type ServedModels } from "../../support/served_models.ts";
import { createSharedState } from "../../../server/runtime/shared_state.ts";
import { sharingFault } from "../../../server/runtime/shared_port.ts";
import { createCountersByVersion } from "../../../server/metrics/prediction_counters.ts";
import { createWorkerModelSlot } from "../../../server/workers/worker_model_slot.ts";
import { loadModel } from "../../../server/models/loaded_model.ts";
import { failuresPerMinute } from "../../../server/http/auth_attempts.ts";
import { type ServerOptions, startServer } from "../../../server/server.ts";

const fault = sharingFault();

const url = new URL("../../support/crashing_worker.ts", import.meta.url);
/** For tests that crash workers: detects a lost worker soon, but not by mistake on a busy machine. */
const crashable = { url, heartbeatIntervalMs: 200, heapMegabytesMax: 48 };

/** Tests a server with three threads. All but the primary thread can be crashed. */
function threadsTest(
  name: string,
  test: (running: RunningServer) => Promise<void>,
  options: Partial<ServerOptions> = {},
  arrange: (models: ServedModels) => void = () => {},
): void {
  Deno.test({
    name: `threads: ${name}`,
    ignore: fault !== undefined,
    async fn() {
      await using running = await runServer({ workers: 3, threads: { url }, ...options }, arrange);
      await test(running);
    },
  });
}

/** Sends a request on a new connection, so that any thread may receive it. */
async function askAnyThread(
  { server }: RunningServer,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<{ status: number; json: Record<string, unknown>; thread: string }> {
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    const response = await fetch(server.origin + path, {
      client,
      ...body === undefined ? {} : { method: "POST", body: JSON.stringify(body) },
      headers: { ...body === undefined ? {} : { "content-type": "application/json" }, ...headers },
    });
    const text = await response.text();
    const json = text.startsWith("{") ? JSON.parse(text) : { text };
    // Each thread has its own prefix of request ids.
    const requestId = String(json.request_id ?? response.headers.get("x-request-id"));
    return { status: response.status, json, thread: requestId.split(".")[0] };
  } finally {
    client.close();
  }
}

/** Retries up to three times, as a client does whose connection was on a lost thread. */
async function askWithRetries(...asked: Parameters<typeof askAnyThread>): ReturnType<typeof askAnyThread> {
  for (let i = 0;; i++) {
    try {
      return await askAnyThread(...asked);
    } catch (error) {
      // Requests that wait for a hung thread fail when it exits; later ones do not.
      if (i === 3) throw error;
    }
  }
}

/** Repeats a request until every thread has answered. */
async function askEveryThread(
  running: RunningServer,
  path: string,
  options?: Parameters<typeof askAnyThread>[2],
  ask = askAnyThread,
): Promise<Map<string, Awaited<ReturnType<typeof askAnyThread>>>> {
  const answers = new Map<string, Awaited<ReturnType<typeof askAnyThread>>>();
  // Long: the first worker of a run compiles the server.
  const deadline = performance.now() + 60_000;
  for (let i = 0; answers.size < 3; i++) {
    assert.ok(performance.now() < deadline, `${answers.size} of three threads answer`);
    if (i > 100) await new Promise((resolve) => setTimeout(resolve, 200));
    const answer = await ask(running, path, options);
    answers.set(answer.thread, answer);
  }
  return answers;
}

/** Crashes a worker. The primary thread cannot be crashed: then tries another connection. */
async function crash(running: RunningServer, how: string): Promise<void> {
  for (;;) {
    const connection = await connectRaw(running.server.port);
    await connection.send(`GET /crash/${how} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
    const answer = await connection.receive(/^HTTP\/1\.1 \d+/, 500).catch(() => "");
    connection.close();
    if (!answer.includes(" 404")) return;
  }
}

async function eventually(holds: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, "the condition did not hold in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const linesOf = ({ log }: RunningServer, event: string) =>
  log.filter((line) => line.includes(`"event":"${event}"`));

/** Returns the sum of a metric's samples whose labels match. */
async function sumOf(running: RunningServer, metric: string, labels = /^/): Promise<number> {
  const { json } = await askAnyThread(running, "/metrics");
  return String(json.text).split("\n").filter((line) => line.startsWith(`${metric}{`) && labels.test(line))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

threadsTest("metrics are totals of all threads, whichever thread answers", async (running) => {
  // Before the load, beside which the first worker of a run would compile the server for most of a minute.
  await askEveryThread(running, "/model");
  {
    await using _load = keepPredicting(running);
    await askEveryThread(running, "/predict", { body: row });
  }
  const before = await sumOf(running, "clickwell_http_requests_total", /"\/predict".*"200"/);
  const { size } = await askEveryThread(running, "/predict", { body: row });
  const asked = await sumOf(running, "clickwell_http_requests_total", /"\/predict".*"200"/) - before;
  assert.ok(asked >= size && asked < 300, `${asked} were asked`);
  const predicted = await sumOf(running, "clickwell_predictions_total");
  assert.equal(predicted, await sumOf(running, "clickwell_http_requests_total", /"\/predict".*"200"/));
  // The histogram counts all requests, whether timed or not.
  const durations = await sumOf(running, "clickwell_http_request_duration_seconds_count", /"\/predict"/);
  assert.ok(predicted - durations >= 0 && predicted - durations <= 3 * 31, `${durations} of ${predicted}`);
});

threadsTest(
  "no counter decreases when a thread is lost and replaced",
  async (running) => {
    const counts = async () => ({
      requests: await sumOf(running, "clickwell_http_requests_total"),
      predictions: await sumOf(running, "clickwell_predictions_total"),
      unseen: await sumOf(running, "clickwell_unseen_categories_total"),
    });
    for (let i = 0; i < 3; i++) {
      await askEveryThread(running, "/predict", { body: { ...row, lender_id: "unseen" } });
      const before = await counts();
      await crash(running, "throw");
      await eventually(() => linesOf(running, "thread replaced").length === i + 1);
      const after = await counts();
      for (const [name, count] of Object.entries(before)) {
        assert.ok(
          after[name as keyof typeof after] >= count,
          `${name}: ${count}, then ${JSON.stringify(after)}`,
        );
      }
      assert.equal(after.predictions, before.predictions);
    }
  },
  { threads: crashable },
);

/** Sends predictions on many connections until `stop` is called, which returns the number of responses. */
function keepPredicting(running: RunningServer, clients = 24) {
  let done = false;
  const failures: string[] = [];
  const { origin } = running.server;
  const body = JSON.stringify(row);
  const work = Array.from({ length: clients }, async () => {
    let count = 0;
    for (; !done; count++) {
      try {
        const response = await fetch(`${origin}/predict`, { method: "POST", body });
        if (response.status !== 200) failures.push(await response.text());
        else await response.json();
      } catch (error) {
        failures.push(String(error));
      }
    }
    return count;
  });
  const stop = async () => {
    done = true;
    return (await Promise.all(work)).reduce((sum, count) => sum + count, 0);
  };
  return { failures, stop, [Symbol.asyncDispose]: async () => void await stop() };
}

threadsTest("all threads answer on one port, with the same results", async (running) => {
  const { models: { first } } = running;
  const answers = await askEveryThread(running, "/predict", { body: row });
  for (const { status, json } of answers.values()) {
    assert.deepEqual([status, json.probability, json.model_id], [200, probabilityOf(first), first.id]);
  }
});

threadsTest(
  "after an assignment no thread answers with the old model, and no request fails",
  async (running) => {
    const { ask, models: { first, second } } = running;
    const probabilities = { [first.id]: probabilityOf(first), [second.id]: probabilityOf(second) };
    const threads = new Set<string>();
    let assigned = first.id;
    /** Odd while an assignment is in progress. */
    let turn = 0;
    let done = false;

    async function keepAsking(): Promise<void> {
      while (!done) {
        const before = turn;
        const { status, json } = await ask("/predict", row);
        assert.equal(status, 200);
        assert.equal(json.probability, probabilities[String(json.model_id)], "from one model, not a mixture");
        if (before === turn && turn % 2 === 0) assert.equal(json.model_id, assigned);
        threads.add(String(json.request_id).split(".")[0]);
      }
    }

    const clients = Array.from({ length: 24 }, keepAsking);
    for (let i = 0; i < 60; i++) {
      const modelId = i % 2 === 0 ? second.id : first.id;
      turn++;
      const { status, json } = await ask("/model", { model_id: modelId });
      assert.deepEqual([status, json.model_id], [200, modelId]);
      assigned = modelId;
      turn++;
      for (const { json } of await Promise.all(Array.from({ length: 8 }, () => ask("/model")))) {
        assert.deepEqual([json.model_id, json.assignment_id], [modelId, i + 2]);
      }
    }
    done = true;
    await Promise.all(clients);
    assert.equal(threads.size, 3, "every thread took part");
  },
);

threadsTest(
  "a write received by any thread is executed once, by the primary thread",
  async (running) => {
    const { models: { first, second } } = running;
    const threads = new Set<string>();
    let lastAssignmentId = 1;
    for (let i = 0; threads.size < 3; i++) {
      const { status, json, thread } = await askAnyThread(running, "/model", {
        body: { model_id: 1 + (i + 1) % 2 },
      });
      assert.deepEqual([status, json.assignment_id], [200, ++lastAssignmentId]);
      threads.add(thread);
    }
    const { json } = await askAnyThread(running, `/model/history?limit=500`);
    assert.ok(Array.isArray(json.history));
    assert.equal(json.history.length, lastAssignmentId);
    assert.ok(json.history.every(({ model_id }) => model_id === first.id || model_id === second.id));
  },
);

threadsTest("every thread reports the same problems of a write", async (running) => {
  const bad: [body: unknown, status: number, type: string][] = [
    [{ model_id: 9 }, 404, "model-unknown"],
    [{ model_id: 2, expected_current: 2 }, 409, "assignment-conflict"],
    [{ model_id: [], reson: "" }, 422, "input-invalid"],
    [{ model_id: 2, reason: "x".repeat(70_000) }, 413, "body-oversized"],
    [{ model_id: 2, reason: "x".repeat(1_100_000) }, 413, "body-oversized"],
  ];
  for (const [body, status, kind] of bad) {
    for (const { json, ...answer } of (await askEveryThread(running, "/model", { body })).values()) {
      assert.deepEqual([answer.status, json.type], [status, `urn:clickwell:problem:${kind}`]);
    }
  }
});

threadsTest(
  "wrong tokens are counted over all threads, and an oversized body needs the right token too",
  async (running) => {
    const guess = (token: string, reason: string) =>
      askAnyThread(running, "/model", {
        body: { model_id: 2, reason },
        headers: { authorization: `Bearer ${token}` },
      });
    const threads = new Set<string>();
    for (let i = 0; i < failuresPerMinute; i++) {
      const { status, thread } = await guess(`guess-${i}`, "x".repeat(i % 2 === 0 ? 1 : 1_100_000));
      assert.equal(status, 401);
      threads.add(thread);
    }
    assert.ok(threads.size > 1, "several threads were tried");
    for (let i = 0; i < 10; i++) assert.equal((await guess("right", "because")).status, 429);
  },
  { token: "right" },
);

for (const how of ["throw", "exit", "memory", "pause"]) {
  threadsTest(
    `a worker that crashes (${how}) is replaced, and the other threads keep serving`,
    async (running) => {
      const { models: { second } } = running;
      // A paused worker is detected by missed heartbeats, which this thread sends: keep its load low.
      await using load = keepPredicting(running, how === "pause" ? 3 : 24);
      await crash(running, how);
      await eventually(() => linesOf(running, "thread lost").length > 0);
      // A paused worker keeps listening until it continues and exits.
      assert.equal(
        (await askWithRetries(running, "/model", { body: { model_id: 2 } })).json.model_id,
        second.id,
      );
      await eventually(() => linesOf(running, "thread replaced").length > 0);
      const failed = load.failures.length;
      await load.stop();
      assert.equal(
        await Promise.race([running.server.broken, undefined]),
        undefined,
        "the worker has exited",
      );
      const answers = await askEveryThread(running, "/predict", { body: row }, askWithRetries);
      for (const { json } of answers.values()) assert.equal(json.model_id, second.id);
      assert.ok(failed <= 24, `${failed} requests failed: at most those of the lost worker may`);
    },
    { threads: crashable },
  );
}

threadsTest(
  "a worker that hangs and cannot be terminated is reported, so that the server can be restarted",
  async (running) => {
    await crash(running, "hang");
    const failure = await running.server.broken;
    assert.match(failure.message, /hangs and cannot be terminated.*Restart the server/);
    // Some connections reach the hung worker.
    const asked = Array.from({ length: 16 }, () => askAnyThread(running, "/predict", { body: row }));
    assert.equal((await Promise.any(asked)).status, 200, "the other threads keep serving");
    await Promise.allSettled(asked);
  },
  { threads: crashable },
);

threadsTest("workers that fail to start are retried with increasing delays", async (running) => {
  assert.equal((await running.ask("/predict", row)).status, 200);
  const { length } = linesOf(running, "thread lost");
  assert.ok(length >= 2 && length < 30, `${length} attempts`);
}, { threads: { url: new URL("no_such_module.ts", import.meta.url) } });

threadsTest(
  "without a model, each thread reports the reason, and takes the first model that is assigned",
  async (running) => {
    for (const { status, json } of (await askEveryThread(running, "/readyz")).values()) {
      assert.equal(status, 503);
      assert.match(String(json.detail), /cannot be loaded.*model\.json is missing/);
    }
    assert.equal((await running.ask("/model", { model_id: 2 })).status, 200);
    for (const { status } of (await askEveryThread(running, "/predict", { body: row })).values()) {
      assert.equal(status, 200);
    }
  },
  {},
  ({ modelsDir, first }) => Deno.removeSync(join(modelsDir, first.id, "model.json")),
);

threadsTest(
  "a draining server reports it in every thread, and each finishes its requests in flight",
  async (running) => {
    const { server } = running;
    const body = JSON.stringify(row);
    const slow = await Promise.all(Array.from({ length: 12 }, () => connectRaw(server.port)));
    for (const connection of slow) {
      await connection.send(
        `POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n\r\n${
          body.slice(0, 9)
        }`,
      );
    }
    const stopped = server.stop();
    for (const { status, json } of (await askEveryThread(running, "/readyz")).values()) {
      assert.deepEqual([status, json.type], [503, "urn:clickwell:problem:draining"]);
    }
    for (const connection of slow) await connection.send(body.slice(9));
    for (const connection of slow) await connection.receive(/HTTP\/1\.1 200[^]*"probability"/);
    await stopped;
    for (const connection of slow) connection.close();
    await assert.rejects(fetch(server.origin), "the port is closed");
  },
  { drainDelayMs: 1_000 },
);

threadsTest("clients that stall delay the stop no longer than the drain timeout", async ({ server, log }) => {
  const stalled = await Promise.all(Array.from({ length: 12 }, () => connectRaw(server.port)));
  for (const connection of stalled) {
    await connection.send('POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"apr"');
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  const from = performance.now();
  await server.stop();
  assert.ok(performance.now() - from < 3_000);
  assert.ok(log.some((line) => line.includes("drain ended early")));
  for (const connection of stalled) connection.close();
}, { drainTimeoutMs: 200 });

threadsTest(
  "a port shared by the threads of another server is rejected as in use",
  async ({ server, models, log: _ }) => {
    const { dataDir, modelsDir } = models;
    const options = { dataDir, modelsDir, hostname: "127.0.0.1", port: server.port, token: undefined };
    for (const workers of [1, 2]) {
      await assertRejected(
        startServer({
          ...options,
          workers,
          insecure: false,
          drainDelayMs: 0,
          drainTimeoutMs: 0,
          log: { debug() {}, info() {}, warn() {}, error() {} },
        }),
        "address-unusable",
        /another program uses the port\. Choose another --port/,
      );
    }
  },
);

Deno.test("threads: if the system or the runtime cannot share a port, the reason is returned", () => {
  assert.equal(sharingFault("linux", { listenDatagram() {} }), undefined);
  assert.match(sharingFault("linux", {}) ?? "", /--unstable-net/);
  assert.match(sharingFault("darwin", { listenDatagram() {} }) ?? "", /darwin does not distribute/);
});

Deno.test({
  name: "threads: the primary thread answers while workers start, and can stop cleanly then",
  ignore: fault !== undefined,
  async fn() {
    const models = makeServedModels();
    const { server, log } = await startTestServer(models, { workers: 3 });
    const response = await fetch(`${server.origin}/predict`, { method: "POST", body: JSON.stringify(row) });
    assert.equal(response.status, 200);
    assert.equal((await response.json()).probability, probabilityOf(models.first));
    await server.stop();
    await server.complete;
    models.remove();
    const events = log.map((line) => JSON.parse(line).event);
    assert.ok(!events.includes("threads answer"), events.join());
    assert.deepEqual(events.slice(0, 3), ["model in production", "listening", "draining"]);
  },
});

Deno.test("worker model slot: a worker that missed a change has no model, not the old one", async () => {
  await using running = await runServer();
  const { first, second } = running.models;
  const contents = [first, second].map(({ id, checksum, metadata }, i) => ({
    modelId: id,
    version: i + 1,
    checksum,
    metadata,
  }));
  const [one, two] = contents.map((content) => loadModel(content, createCountersByVersion()));
  const assignment = { assignmentId: 1, assignedAt: 0, assignedBy: "a test", reason: null };
  const sharedState = createSharedState();
  const slot = createWorkerModelSlot(createSharedState(sharedState.memory));
  const activeId = () => slot.current?.modelId;
  slot.prepare(sharedState.generation, one, { ...assignment, ...contents[0] });
  assert.equal(activeId(), first.id);
  slot.prepare(sharedState.generation + 1, two, { ...assignment, ...contents[1] });
  assert.equal(activeId(), first.id, "until the generation changes");
  sharedState.generation++;
  assert.equal(activeId(), second.id, "from the new generation on");
  sharedState.generation++;
  assert.equal(activeId(), undefined);
  assert.equal(slot.unavailableReason.kind, "thread-lost");
  slot.prepare(sharedState.generation, one, { ...assignment, ...contents[0] });
  assert.equal(activeId(), first.id);
  for (const [model, content] of [[two, contents[1]], [one, contents[0]], [two, contents[1]]] as const) {
    slot.prepare(sharedState.generation + 1, model, { ...assignment, ...content });
    sharedState.generation++;
  }
  slot.prepare(sharedState.generation + 1, one, { ...assignment, ...contents[0] });
  assert.equal(activeId(), second.id, "changes without a request in between are not missed");
});

threadsTest(
  "every thread rejects an unloaded model, including a worker that starts later",
  async (running) => {
    const { server } = running;
    const post = async (verb: string) => {
      const response = await fetch(`${server.origin}/v2/repository/models/2/${verb}`, { method: "POST" });
      assert.equal(response.status, 200, await response.text());
    };
    const statuses = async () =>
      [...(await askEveryThread(running, "/v2/models/2/ready", {}))].map(([, { status }]) => status);
    await post("unload");
    assert.deepEqual(await statuses(), [503, 503, 503]);
    await crash(running, "exit");
    await eventually(() => linesOf(running, "thread replaced").length > 0);
    assert.deepEqual(await statuses(), [503, 503, 503]);
    await post("load");
    assert.deepEqual(await statuses(), [200, 200, 200]);
  },
  { threads: crashable },
);

threadsTest(
  "metrics include the counts of workers that have exited",
  async (running) => {
    const counted = async () =>
      [...(await askEveryThread(running, "/metrics")).values()].map(({ json }) =>
        Number(String(json.text).match(/^clickwell_predictions_total\{.*\} (\d+)$/m)?.[1])
      );
    let predictionCount = 0;
    for (const threads = new Set(); threads.size < 3; predictionCount++) {
      threads.add((await askAnyThread(running, "/predict", { body: row })).thread);
    }
    for (const count of await counted()) assert.equal(count, predictionCount);
    await crash(running, "exit");
    await eventually(() => linesOf(running, "thread replaced").length > 0);
    for (const count of await counted()) assert.equal(count, predictionCount);
  },
  { threads: crashable },
);
