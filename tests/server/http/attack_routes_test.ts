import assert from "node:assert/strict";
import { join } from "node:path";
import { registryFileName, tablesFileName } from "../../../pipeline/store/layout.ts";
import { createLog } from "../../../server/runtime/log.ts";
import type { Route } from "../../../server/http/route.ts";
import { createService, type Service } from "../../../server/service/service.ts";
import { oddBodies, oddHeaders, oddIds, oddQueries } from "../../support/edge_case_inputs.ts";
import { send } from "../../scenarios/scenario.ts";
import { makeServedModels, row, type ServedModels } from "../../support/served_models.ts";

const token = "a-secret-token";
const bearer = { authorization: `Bearer ${token}` };
const json = { "content-type": "application/json" };

interface Target {
  readonly service: Service;
  readonly models: ServedModels;
  readonly log: readonly string[];
}

function attackTest(name: string, attack: (target: Target) => Promise<void>): void {
  Deno.test(`attack: ${name}`, async () => {
    const models = makeServedModels();
    const log: string[] = [];
    const service = createService({
      dataDir: models.dataDir,
      modelsDir: models.modelsDir,
      token,
      insecure: false,
      log: createLog({ format: "json", level: "debug", write: (line) => log.push(line) }),
    });
    try {
      await service.production.sync();
      await attack({ service, models, log });
      const { status } = await send(service, { method: "POST", path: "/predict", body: row });
      assert.equal(status, 200, "the server still answers");
    } finally {
      service.rejectionLog.flush();
      service.storedRows.close();
      models.remove();
    }
  });
}

/** What no answer may contain: names of files and folders of the server, a stack trace, the token. */
const leaks =
  /\/tmp\/|\.ts\b|\.ts:|\.db\b|\bat [A-Za-z.<]+ \(|node:|ext:|file:\/\/\/(?!etc)|SQLITE|Deno\.|the-token-that/;

async function checkAnswer(response: Response, what: string): Promise<void> {
  // An id ends in a count, which may look like a file extension.
  const text = (await response.text()).replace(/"request_id":"[^"]*"/, "");
  assert.ok(
    response.status !== 500 && response.status < 600,
    `${what}: ${response.status} ${text.slice(0, 500)}`,
  );
  if (response.status < 400) return;
  assert.doesNotMatch(text, leaks, `${what}: ${text.slice(0, 500)}`);
  const headers = [...response.headers].filter(([name]) => name !== "x-request-id");
  assert.doesNotMatch(JSON.stringify(headers), leaks, what);
  assert.ok(text.length < 60_000, `${what}: an answer of ${text.length} characters to a bad request`);
}

function pathsOf({ path }: Route): string[] {
  if (!path.includes(":")) return [path];
  return oddIds.map((id) => path.replace(/(?<=\/):\w+/g, id));
}

/** The whole state of the server as one text. */
function stateOf({ models, service }: Target): string {
  const names = [registryFileName, tablesFileName].flatMap((name) => [name, `${name}-wal`]);
  const stored = names.map((name) => {
    try {
      return Deno.readFileSync(join(models.dataDir, name)).join();
    } catch {
      return "";
    }
  });
  const files = [...Deno.readDirSync(models.modelsDir)].map(({ name }) => name).sort();
  return JSON.stringify([stored, files, service.slot.current?.assignment]);
}

function noBugIn(log: readonly string[]): void {
  assert.deepEqual(log.filter((line) => line.includes('"event":"bug"')), []);
}

attackTest(
  "unusual bodies to every route with a body, with the token: no bug, no leak, the model stays",
  async (target) => {
    const { service, models, log } = target;
    for (const route of service.routes.filter(({ method }) => method !== "GET")) {
      for (const [name, body] of Object.entries(oddBodies)) {
        for (
          const headers of [{ ...json, ...bearer }, { ...bearer, "content-type": "application/x-ndjson" }]
        ) {
          const path = route.path.replace(/(?<=\/):\w+/g, models.first.id);
          // These routes change the state by design.
          if (route.write && !/^\/model$/.test(path)) continue;
          const response = await send(service, { method: route.method, path, body, headers });
          await checkAnswer(response, `${route.method} ${path}, ${name}`);
        }
      }
    }
    noBugIn(log);
    assert.equal(Reflect.get({}, "polluted"), undefined);
    assert.equal(service.slot.current?.modelId, models.first.id);
  },
);

attackTest("odd ids, queries and headers on every route: no bug, no leak", async (target) => {
  const { service, log } = target;
  for (const route of service.routes) {
    const body = route.method === "GET" ? {} : { body: row };
    for (const path of pathsOf(route)) {
      const response = await send(service, {
        method: route.method,
        path,
        ...body,
        headers: { ...json, ...bearer },
      });
      await checkAnswer(response, `${route.method} ${path}`);
    }
    const path = route.path.replace(/(?<=\/):\w+/g, "1");
    for (const query of oddQueries) {
      const response = await send(service, {
        method: route.method,
        path: path + query,
        ...body,
        headers: json,
      });
      await checkAnswer(response, `${route.method} ${path}${query.slice(0, 80)}`);
    }
    for (const headers of oddHeaders) {
      const response = await send(service, { method: route.method, path, ...body, headers });
      await checkAnswer(response, `${route.method} ${path} with ${JSON.stringify(headers)}`);
      assert.doesNotMatch(response.headers.get("x-request-id") ?? "", /[<>]/);
    }
  }
  noBugIn(log);
});

attackTest("without the token, no route changes anything, whatever it is sent", async (target) => {
  const { service } = target;
  const before = stateOf(target);
  for (const route of service.routes) {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
      for (const body of [undefined, { model_id: 2 }, row]) {
        const path = route.path.replace(":id", "2").replace(/(?<=\/):\w+/g, "champion");
        const response = await send(service, {
          method,
          path,
          ...(method === "GET" ? {} : { body }),
          headers: { ...json, "x-http-method-override": "PUT", authorization: "Basic dG9rZW46dG9rZW4=" },
        });
        await response.body?.cancel();
        const isWrite = service.routes.some((other) =>
          other.path === route.path && other.method === method && other.write
        );
        if (isWrite) assert.equal(response.status, 401, `${method} ${path}`);
      }
    }
  }
  assert.equal(stateOf(target), before);
});

attackTest("thousands of bad requests leave a handful of lines in the log", async ({ service, log }) => {
  const before = log.length;
  for (let i = 0; i < 3_000; i++) {
    const bad = i % 3 === 0
      ? { method: "POST", path: "/predict", body: `{"apr":"${i}"}` }
      : i % 3 === 1
      ? { path: `/nowhere-${i}` }
      : { method: "POST", path: "/model", body: "{}", headers: { authorization: `Bearer guess-${i}` } };
    const response = await send(service, bad);
    assert.ok(response.status >= 400 && response.status < 500);
    await response.body?.cancel();
  }
  service.rejectionLog.flush();
  assert.ok(log.length - before <= 5, `${log.length - before} lines`);
  noBugIn(log);
});

attackTest(
  "of a field that is sent twice, the last value counts",
  async ({ service }) => {
    const twice = JSON.stringify(row).replace("{", '{"apr":99,');
    const answers = await Promise.all(
      [twice, JSON.stringify(row)].map((body) =>
        send(service, { method: "POST", path: "/predict", body }).then((response) => response.json())
      ),
    );
    assert.equal(answers[0].probability, answers[1].probability);
  },
);
