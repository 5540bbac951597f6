import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolderName } from "../../../pipeline/model/open_artifacts.ts";
import { assignModel } from "../../../pipeline/model/registry_queries.ts";
import type { Fault, ObjectServer } from "../../support/object_server.ts";
import { serveS3 } from "../../support/object_server.ts";
import { artifactsAt, testKeys, testSecret } from "../../support/object_stores.ts";
import { inRegistry } from "../../support/registry_file.ts";
import { startTestServer } from "../../support/running_server.ts";
import { makeServedModels, probabilityOf, row, type ServedModels } from "../../support/served_models.ts";
import type { ServerOptions } from "../../../server/server.ts";

// As the environment of a server has them; the same values in every test of this process.
for (const [name, value] of Object.entries(testKeys)) Deno.env.set(name, value);

interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

interface Running extends AsyncDisposable {
  ask(path: string, body?: unknown): Promise<Answer>;
  readonly log: readonly string[];
  text(path: string): Promise<string>;
}

interface Fixture {
  readonly models: ServedModels;
  readonly objects: ObjectServer;
  /** Starts a server with the models in the object store. */
  start(options?: Partial<ServerOptions>): Promise<Running>;
}

/** Runs a test with two models in an object store, of which the first is active. */
async function withModels(test: (fixture: Fixture) => Promise<void>): Promise<void> {
  const models = makeServedModels();
  await using objects = serveS3();
  const url = `s3://bucket/models?endpoint=${objects.origin}`;
  for (const artifact of [models.first, models.second]) await artifactsAt(url).write(artifact);
  // No server must find them there.
  await Deno.remove(models.modelsDir, { recursive: true });
  try {
    await test({ models, objects, start: (options) => start({ ...models, modelsDir: url }, options) });
  } finally {
    objects.fault = undefined;
    models.remove();
  }
}

async function start(models: ServedModels, options: Partial<ServerOptions> = {}): Promise<Running> {
  const { server, log } = await startTestServer(models, options);
  await server.complete;
  const send = async (path: string, body?: unknown) =>
    await fetch(
      server.origin + path,
      body === undefined ? {} : {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      },
    );
  return {
    log,
    async ask(path, body) {
      const response = await send(path, body);
      return { status: response.status, json: await response.json() };
    },
    text: async (path) => await (await send(path)).text(),
    [Symbol.asyncDispose]: () => server.stop({ withoutDelay: true }),
  };
}

/** Predicts again and again until the end of the block. Fails if a prediction fails or another model answers. */
function keepPredicting({ ask }: Running, probability: number): AsyncDisposable {
  let done = false;
  const running = (async () => {
    while (!done) {
      const { status, json } = await ask("/predict", row);
      assert.deepEqual([status, json.probability], [200, probability]);
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      done = true;
      await running;
    },
  };
}

async function until(what: string, limitMs: number, holds: () => Promise<boolean>): Promise<number> {
  const start = performance.now();
  while (!await holds()) {
    assert.ok(performance.now() - start < limitMs, `${what} within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - start;
}

const page = () => new Response("<!DOCTYPE html><title>Sign in</title>", { headers: { etag: '"1"' } });

Deno.test("models in an object store: a server fetches the active one, and others when they are asked for", () =>
  withModels(async ({ models: { dataDir, first, second }, objects, start }) => {
    await using running = await start({ workers: 2 });
    const copies = () => [...Deno.readDirSync(join(dataDir, cacheFolderName))].map(({ name }) => name).sort();
    assert.deepEqual(copies(), [first.id]);
    assert.equal((await running.ask("/predict", row)).json.probability, probabilityOf(first));
    const named = Array.from(
      { length: 8 },
      () => running.ask(`/v1/models/${second.id}:predict`, { instances: [row] }),
    );
    for (const { status, json } of await Promise.all(named)) {
      assert.equal(status, 200, JSON.stringify(json));
    }
    assert.deepEqual(copies(), [first.id, second.id].sort());
    assert.equal((await running.ask("/model", { model_id: second.id })).status, 200);
    assert.equal((await running.ask("/predict", row)).json.probability, probabilityOf(second));
    await until("ready", 2_000, async () => (await running.ask("/readyz")).json.artifacts === "reachable");
    assert.match(await running.text("/metrics"), /^clickwell_artifacts_reachable 1$/m);
    assert.ok(objects.seen.every(({ headers }) => !JSON.stringify([...headers]).includes(testSecret)));
  }));

Deno.test("an object store that answers nonsense: predictions go on, an assignment fails and says why, and nothing is changed", () =>
  withModels(async ({ models: { first, second }, objects, start }) => {
    await using running = await start();
    const { ask } = running;
    const weights = objects.objects.get(`bucket/models/${second.id}/weights.bin`);
    assert.ok(weights);
    const faults: readonly [string, Fault, number, string, RegExp][] = [
      ["a page", page, 409, "artifact-corrupt", /were changed.*s3:\/\/bucket\/models\/cw-/],
      [
        "a page, not found",
        () => new Response("<html>", { status: 404 }),
        503,
        "artifacts-unavailable",
        /which is not S3's protocol/,
      ],
      [
        "denied",
        () => new Response("<Error><Code>AccessDenied</Code></Error>", { status: 403 }),
        503,
        "artifacts-unavailable",
        /access is denied \(AccessDenied\)/,
      ],
      [
        "busy",
        () => new Response("", { status: 503 }),
        503,
        "artifacts-unavailable",
        /Cannot read s3:\/\/bucket\/models\/cw-.*model\.json: .* answered with status 503/,
      ],
      ["nothing", () => new Response(new Uint8Array()), 409, "artifact-corrupt", /were changed/],
      [
        "half of the weights",
        ({ path }) => path.endsWith("weights.bin") ? new Response(weights.slice(0, 20)) : undefined,
        409,
        "artifact-corrupt",
        /were changed/,
      ],
      [
        "other weights",
        ({ path }) => path.endsWith("weights.bin") ? new Response(weights.toReversed()) : undefined,
        409,
        "artifact-corrupt",
        /were changed/,
      ],
    ];
    for (const [what, fault, status, kind, detail] of faults) {
      await using _ = keepPredicting(running, probabilityOf(first));
      objects.fault = fault;
      const answer = await ask("/model", { model_id: second.id });
      assert.deepEqual([answer.status, answer.json.type], [status, `urn:clickwell:problem:${kind}`], what);
      assert.match(String(answer.json.detail), detail);
      assert.ok(!JSON.stringify(answer.json).includes(testSecret));
      objects.fault = undefined;
    }
    assert.equal((await ask("/model", { model_id: second.id })).status, 200);
    assert.equal((await ask("/predict", row)).json.probability, probabilityOf(second));
    assert.ok(!running.log.join("\n").includes(testSecret));
  }));

Deno.test("an object store that does not answer: predictions go on, an assignment fails in bounded time, /readyz and metrics tell it", () =>
  withModels(async ({ models: { dataDir, first, second }, objects, start }) => {
    await using running = await start({ workers: 2 });
    const { ask } = running;
    const held = Promise.withResolvers<Response>();
    {
      await using _ = keepPredicting(running, probabilityOf(first));
      objects.fault = () => held.promise;
      const begin = performance.now();
      const { status, json } = await ask("/model", { model_id: second.id });
      assert.deepEqual([status, json.type], [503, "urn:clickwell:problem:artifacts-unavailable"]);
      assert.match(
        String(json.detail),
        /Cannot read s3:\/\/bucket\/models\/cw-.*: 127\.0\.0\.1:\d+ did not answer in [48] s/,
      );
      assert.ok(performance.now() - begin < 15_000, "in bounded time");
      await until(
        "/readyz tells it",
        15_000,
        async () => (await ask("/readyz")).json.artifacts === "unreachable",
      );
      assert.match(await running.text("/metrics"), /^clickwell_artifacts_reachable 0$/m);
      assert.ok(running.log.some((line) => line.includes("models cannot be fetched")));
      // A model of which the server has a copy can be assigned: to go back is possible.
      assert.equal((await ask("/model", { model_id: first.id })).status, 200);
      // Another process assigns a model that cannot be fetched now.
      inRegistry(
        dataDir,
        (file) =>
          assignModel(file, {
            modelId: second.id,
            assignedAt: Date.now() * 1000,
            assignedBy: "another process",
          }),
      );
      await until(
        "the server has tried",
        15_000,
        () => Promise.resolve(running.log.some((line) => line.includes("no change of model"))),
      );
    }
    objects.fault = undefined;
    await until(
      "the assignment is followed after the return",
      2_000,
      async () => (await ask("/predict", row)).json.model_id === second.id,
    );
    held.resolve(new Response(null, { status: 503 }));
    await until("/readyz tells it", 5_000, async () => (await ask("/readyz")).json.artifacts === "reachable");
  }));

Deno.test("a server that restarts without its object store serves the model that it had; one without a copy waits", () =>
  withModels(async ({ models: { dataDir, first }, objects, start }) => {
    await (await start())[Symbol.asyncDispose]();
    objects.fault = () => new Response("", { status: 503 });
    {
      await using running = await start();
      assert.equal((await running.ask("/predict", row)).json.probability, probabilityOf(first));
    }
    await Deno.remove(join(dataDir, cacheFolderName), { recursive: true });
    await using running = await start();
    const { status, json } = await running.ask("/readyz");
    assert.deepEqual([status, json.type], [503, "urn:clickwell:problem:model-missing"]);
    assert.match(String(json.detail), /Cannot read s3:\/\/bucket\/models\/cw-.* answered with status 503/);
    objects.fault = undefined;
    await until(
      "it is ready after the return",
      2_500,
      async () => (await running.ask("/readyz")).status === 200,
    );
    assert.ok(existsSync(join(dataDir, cacheFolderName, first.id)));
  }));

Deno.test("a server that stops does not wait for an object store that does not answer", () =>
  withModels(async ({ models: { first }, objects, start }) => {
    const asked = Promise.withResolvers<void>();
    const held = Promise.withResolvers<Response>();
    {
      await using running = await start();
      objects.fault = () => {
        asked.resolve();
        return held.promise;
      };
      // The next check of the store, of which a timer that outlives the server would be left.
      await asked.promise;
      assert.equal((await running.ask("/predict", row)).json.probability, probabilityOf(first));
    }
    held.resolve(new Response());
  }));

Deno.test("objects that were removed: who has a copy goes on, and the model is not assigned again", () =>
  withModels(async ({ models: { first, second }, objects, start }) => {
    await using running = await start();
    assert.equal((await running.ask("/model", { model_id: second.id })).status, 200);
    objects.objects.clear();
    assert.equal((await running.ask("/predict", row)).json.probability, probabilityOf(second));
    const { status, json } = await running.ask("/model", { model_id: first.id });
    assert.deepEqual([status, json.type], [404, "urn:clickwell:problem:model-unknown"]);
    assert.match(String(json.detail), /There is no model cw-.* in s3:\/\/bucket\/models/);
    assert.equal((await running.ask("/predict", row)).json.probability, probabilityOf(second));
  }));

Deno.test("a copy that was damaged is fetched again", () =>
  withModels(async ({ models: { dataDir, first }, start }) => {
    await (await start())[Symbol.asyncDispose]();
    const file = join(dataDir, cacheFolderName, first.id, "weights.bin");
    const bytes = await Deno.readFile(file);
    await Deno.writeFile(file, bytes.slice(1));
    await using running = await start();
    assert.equal((await running.ask("/predict", row)).json.probability, probabilityOf(first));
    assert.deepEqual(await Deno.readFile(file), bytes);
  }));
