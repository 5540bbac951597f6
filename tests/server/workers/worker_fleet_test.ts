import assert from "node:assert/strict";
import { join } from "node:path";
import { downgradeStore } from "../../support/downgraded_store.ts";
import { registryFileName } from "../../../pipeline/store/layout.ts";
import { sharingFault } from "../../../server/runtime/shared_port.ts";
import { type ServeProcess, startServe } from "../../support/serve_process.ts";
import { makeServedModels, probabilityOf, row, type ServedModels } from "../../support/served_models.ts";

/** Tests servers in separate processes, with several threads each if the system can share a port. */
function fleetTest(
  name: string,
  run: (models: ServedModels, flags: readonly string[]) => Promise<void>,
): void {
  Deno.test(`fleet: ${name}`, async () => {
    const models = makeServedModels();
    try {
      await run(models, ["--data", models.dataDir, "--models", models.modelsDir, "--workers", "3"]);
    } finally {
      models.remove();
    }
  });
}

async function ask(
  { origin }: ServeProcess,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const init = body === undefined
    ? {}
    : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await fetch(origin + path, init);
  return { status: response.status, json: await response.json() };
}

const threadCount = sharingFault() === undefined ? 3 : 1;

/** Starts a server and waits until all its threads answer. */
async function startAll(flags: readonly string[]): Promise<ServeProcess> {
  const serve = await startServe(flags);
  const threads = new Set<unknown>();
  await eventually(async () => {
    for (const { request_id } of await askApart(serve, 8)) threads.add(String(request_id).split(".")[0]);
    return threads.size === threadCount;
  });
  return serve;
}

/** Returns the ids of the models that answer, over all threads. */
async function modelsOf(serve: ServeProcess, connections = 24): Promise<Set<unknown>> {
  return new Set((await askApart(serve, connections)).map(({ model_id }) => model_id));
}

/** Sends each request on a new connection, so that all threads take part. */
async function askApart(serve: ServeProcess, connections: number): Promise<Record<string, unknown>[]> {
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    return await Promise.all(Array.from({ length: connections }, async () => {
      const response = await fetch(`${serve.origin}/predict`, {
        client,
        method: "POST",
        body: JSON.stringify(row),
      });
      assert.equal(response.status, 200);
      return await response.json();
    }));
  } finally {
    client.close();
  }
}

async function eventually(holds: () => Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, "the condition did not hold in time");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const body = JSON.stringify(row);
const request = new TextEncoder().encode(
  `POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
);

/** Sends a request on an open connection, so that the same thread answers. */
async function predictOn(connection: Deno.Conn) {
  await connection.write(request);
  let received = "";
  const buffer = new Uint8Array(4_096);
  while (!received.endsWith("}")) {
    const length = await connection.read(buffer);
    if (length === null) throw new Error(`the server closed the connection after ${received}`);
    received += new TextDecoder().decode(buffer.subarray(0, length));
  }
  assert.match(received, /^HTTP\/1\.1 200 /);
  return JSON.parse(received.slice(received.indexOf("\r\n\r\n")));
}

fleetTest(
  "under load, each response is from the model assigned last, and no request fails",
  async (models, flags) => {
    const { first, second } = models;
    await using serve = await startAll(flags);
    const probabilities = new Map([first, second].map((model) => [model.id, probabilityOf(model)]));
    const connections = await Promise.all(
      Array.from({ length: 32 }, () => Deno.connect({ hostname: "127.0.0.1", port: serve.port })),
    );
    const threads = new Set<string>();
    let assigned = first.id;
    /** Odd while an assignment is in progress. */
    let turn = 0;
    let done = false;
    let count = 0;

    const clients = connections.map(async (connection) => {
      for (; !done; count++) {
        const before = turn;
        const answer = await predictOn(connection);
        assert.equal(answer.probability, probabilities.get(answer.model_id), "from one model, not a mixture");
        if (before === turn && turn % 2 === 0) assert.equal(answer.model_id, assigned);
        threads.add(answer.request_id.split(".")[0]);
      }
    });
    for (let i = 0; i < 40; i++) {
      const modelId = i % 2 === 0 ? second.id : first.id;
      turn++;
      const { status, json } = await ask(serve, "/model", { model_id: modelId });
      assert.deepEqual([status, json.model_id], [200, modelId]);
      assigned = modelId;
      turn++;
      assert.deepEqual(await modelsOf(serve, 8), new Set([modelId]));
    }
    done = true;
    await Promise.all(clients);
    for (const connection of connections) connection.close();
    assert.ok(count > 0);
    assert.equal(threads.size, threadCount);
    serve.kill("SIGINT");
    assert.equal((await serve.ended()).code, 0);
  },
);

fleetTest(
  "two servers on one store follow each other's assignments, in all their threads",
  async ({ first, second }, flags) => {
    await using one = await startAll(flags);
    await using other = await startAll(flags);
    for (const [changed, follower, model] of [[one, other, second], [other, one, first]] as const) {
      assert.equal((await ask(changed, "/model", { model_id: model.id })).status, 200);
      assert.deepEqual(
        await modelsOf(changed),
        new Set([model.id]),
        "at once, on the server where it was assigned",
      );
      await eventually(async () => (await ask(follower, "/model")).json.model_id === model.id);
      assert.deepEqual(await modelsOf(follower), new Set([model.id]), "in all threads, on the other server");
    }
    const { json } = await ask(one, "/model");
    assert.deepEqual((await ask(other, "/model")).json, json);
  },
);

fleetTest(
  "two servers that assign at the same time write one history and end with the same model",
  async (_, flags) => {
    await using one = await startAll(flags);
    await using other = await startAll(flags);
    const answers = await Promise.all(
      Array.from(
        { length: 20 },
        (_, i) => ask(i % 2 === 0 ? one : other, "/model", { model_id: 1 + i % 3 % 2 }),
      ),
    );
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array(20).fill(200),
    );
    const ids = answers.map(({ json }) => Number(json.assignment_id)).sort((a, b) => a - b);
    assert.deepEqual(ids, Array.from({ length: 20 }, (_, i) => i + 2));
    const [{ model_id }] = (await ask(one, "/model/history?limit=1")).json.history as [{ model_id: string }];
    for (const serve of [one, other]) {
      await eventually(async () => (await ask(serve, "/model")).json.assignment_id === 21);
      assert.deepEqual(await modelsOf(serve), new Set([model_id]));
    }
  },
);

fleetTest("the server upgrades a store of version 1 and serves it", async (models, flags) => {
  downgradeStore(models.dataDir, { version: 1 });
  await using serve = await startServe(flags);
  assert.equal(serve.ready.model_id, models.first.id);
  assert.equal((await ask(serve, "/models")).status, 200);
  const response = await fetch(`${serve.origin}/models/2/aliases/challenger`, { method: "PUT" });
  assert.deepEqual((await response.json()).aliases, ["challenger"]);
  serve.kill("SIGINT");
  assert.match((await serve.ended()).stderr, /store brought up to date/);
});

fleetTest(
  "the server upgrades and serves a store of version 1 that appears while it runs",
  async (models, flags) => {
    downgradeStore(models.dataDir, { version: 1 });
    const path = join(models.dataDir, registryFileName);
    Deno.renameSync(path, `${path}.moved`);
    await using serve = await startServe(flags);
    assert.equal(serve.ready.model_id, null);
    Deno.renameSync(`${path}.moved`, path);
    await eventually(async () => (await ask(serve, "/readyz")).status === 200);
    assert.deepEqual(await modelsOf(serve), new Set([models.first.id]));
  },
);
