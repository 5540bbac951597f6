import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { Failure } from "../../pipeline/failure.ts";
import { assignModel } from "../../pipeline/model/registry_queries.ts";
import { openRegistry } from "../../pipeline/model/sqlite_registry.ts";
import { registryFileName } from "../../pipeline/store/layout.ts";
import { downgradeStore } from "../support/downgraded_store.ts";
import { inRegistry } from "../support/registry_file.ts";
import type { Artifact } from "../../pipeline/model/artifact.ts";
import { type Scenario, type ScenarioContext, send } from "./scenario.ts";

/** The first model's assignment, the third second of 1970. */
const firstTag = `"1-${(3_000_000).toString(36)}"`;
/** Members of the assignment made by {@link assignSecond}, without the model's id. */
const second4 = {
  version: 2,
  assigned_at: "1970-01-01T00:00:04.000Z",
  assigned_by: "test",
  reason: "better",
  assignment_id: 2,
};

/** Puts the second model in production, a second after the first. */
async function assignSecond({ dataDir, second, service }: ScenarioContext): Promise<void> {
  const entry = { modelId: second.id, assignedAt: 4_000_000, assignedBy: "test", reason: "better" };
  inRegistry(dataDir, (file) => assignModel(file, entry));
  await service.production.sync();
}

function aliasSecond(context: ScenarioContext): Promise<void> {
  return alias(context, 2, "challenger");
}

async function alias({ service }: ScenarioContext, version: number, name: string): Promise<void> {
  const response = await send(service, { method: "PUT", path: `/models/${version}/aliases/${name}` });
  assert.equal(response.status, 200);
  await response.body?.cancel();
}

/** Options of a server whose registry takes no assignment. */
function failingToAssign(failure: Failure): NonNullable<Scenario["options"]> {
  return ({ dataDir }) => ({
    registry: { ...openRegistry(dataDir), assign: () => Promise.reject(failure) },
  });
}

export const modelScenarios: readonly Scenario[] = [
  {
    name: "GET /model returns when and by whom the model was assigned",
    path: "/model",
    status: 200,
    answer: ({ first }) => ({
      model_id: first.id,
      version: 1,
      assigned_at: "1970-01-01T00:00:03.000Z",
      assigned_by: "test",
      reason: null,
      assignment_id: 1,
    }),
    responseHeaders: { etag: firstTag },
  },
  {
    name: "with If-None-Match of the model in production, the answer is 304",
    path: "/model",
    headers: { "if-none-match": `"other", W/${firstTag}` },
    status: 304,
    responseHeaders: { etag: firstTag },
  },
  {
    name: "with If-None-Match of another model, the model in production is returned",
    path: "/model",
    headers: { "if-none-match": '"1-other"' },
    status: 200,
    answer: ({ first }) => ({ model_id: first.id }),
  },
  {
    name: "the model of an earlier time is returned",
    path: "/model?at=1970-01-01T02:00:03%2B02:00",
    given: assignSecond,
    status: 200,
    answer: ({ first }) => ({ model_id: first.id, assignment_id: 1 }),
  },
  {
    name: "an unescaped plus sign in a time zone is accepted",
    path: "/model?at=1970-01-01T02:00:04.5+02:00",
    status: 200,
    answer: ({ first }) => ({ model_id: first.id }),
  },
  {
    name: "before the first assignment no model was in production",
    path: "/model?at=1970-01-01T00:00:02.999Z",
    status: 404,
    problem: "assignment-missing",
  },
  {
    name: "a time without a time zone is rejected",
    path: "/model?at=1970-01-01T00:00:03",
    status: 422,
    problem: "input-invalid",
    pointers: ["#/at"],
  },
  {
    name: "an unknown query parameter is rejected",
    path: "/model?add=1970-01-01T00:00:03Z",
    status: 422,
    problem: "input-invalid",
    pointers: ["#/add"],
  },
  {
    name: "without a model, GET /model answers model-missing",
    path: "/model",
    given: ({ service }) => {
      service.slot.current = undefined;
    },
    status: 503,
    problem: "model-missing",
  },
  {
    name: "a model is assigned by its version",
    method: "POST",
    path: "/model",
    body: { model_id: 2, reason: "better" },
    status: 200,
    answer: ({ second }) => ({
      model_id: second.id,
      version: 2,
      assigned_by: "http 192.0.2.1",
      reason: "better",
    }),
  },
  {
    name: "an assignment that expects another model is rejected",
    method: "POST",
    path: "/model",
    body: { model_id: "2", expected_current: "cw-0000000000000000" },
    status: 409,
    problem: "assignment-conflict",
  },
  {
    name: "an assignment may name the expected model by its version",
    method: "POST",
    path: "/model",
    body: { model_id: "2", expected_current: 1 },
    status: 200,
    answer: ({ second }) => ({ model_id: second.id, assignment_id: 2 }),
  },
  {
    name: "an assignment with a matching If-Match is accepted",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: { "if-match": `"other", ${firstTag}` },
    status: 200,
    answer: ({ second }) => ({ model_id: second.id }),
  },
  {
    name: "an assignment with an outdated If-Match is rejected",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: { "if-match": '"1-old"' },
    status: 412,
    problem: "precondition-failed",
  },
  {
    name: "an If-Match with a weak tag never matches",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: { "if-match": `W/${firstTag}` },
    status: 412,
    problem: "precondition-failed",
  },
  {
    name: "If-Match: * matches any model in production",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: { "if-match": "*" },
    status: 200,
  },
  {
    name: "a rollback restores the previous model and records a reason",
    method: "POST",
    path: "/model/rollback",
    given: assignSecond,
    status: 200,
    answer: ({ first }) => ({ model_id: first.id, reason: "rollback", assignment_id: 3 }),
  },
  {
    name: "a rollback may have a reason and a condition",
    method: "POST",
    path: "/model/rollback",
    body: { reason: "clicks fell", expected_current: 2 },
    given: assignSecond,
    status: 200,
    answer: ({ first }) => ({ model_id: first.id, reason: "clicks fell" }),
  },
  {
    name: "a rollback that expects another model is rejected",
    method: "POST",
    path: "/model/rollback",
    body: { expected_current: 1 },
    given: assignSecond,
    status: 409,
    problem: "assignment-conflict",
  },
  {
    name: "the first model cannot be rolled back",
    method: "POST",
    path: "/model/rollback",
    status: 409,
    problem: "rollback-impossible",
  },
  {
    name: "bad fields of a rollback are reported with pointers",
    method: "POST",
    path: "/model/rollback",
    body: { model_id: 2 },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/model_id"],
  },
  {
    name: "the history lists the newest assignment first",
    path: "/model/history",
    given: assignSecond,
    status: 200,
    answer: ({ first, second }) => ({
      history: [
        { ...second4, model_id: second.id },
        {
          model_id: first.id,
          version: 1,
          assigned_at: "1970-01-01T00:00:03.000Z",
          assigned_by: "test",
          reason: null,
          assignment_id: 1,
        },
      ],
      next: null,
    }),
  },
  {
    name: "a page of the history links to the next one",
    path: "/model/history?limit=1",
    given: assignSecond,
    status: 200,
    answer: ({ second }) => ({
      history: [{ ...second4, model_id: second.id }],
      next: "/model/history?limit=1&before=2",
    }),
  },
  {
    name: "the last page of the history has no link",
    path: "/model/history?limit=1&before=2",
    given: assignSecond,
    status: 200,
    answer: () => ({ next: null }),
  },
  {
    name: "a page of the history may start at any exact integer",
    path: `/model/history?before=${Number.MAX_SAFE_INTEGER}`,
    status: 200,
    answer: () => ({ next: null }),
  },
  {
    name: "the limit of the history has a maximum",
    path: "/model/history?limit=501&before=0&limit=2",
    status: 422,
    problem: "input-invalid",
    pointers: ["#/limit"],
  },
  {
    name: "an unregistered model answers model-unknown",
    method: "POST",
    path: "/model",
    body: { model_id: "cw-0123456789abcdef" },
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "an id that could be a path is unknown",
    method: "POST",
    path: "/model",
    body: { model_id: "../../etc" },
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "bad fields of an assignment are reported with pointers",
    method: "POST",
    path: "/model",
    body: { model_id: 0, reson: "" },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/model_id", "#/reson"],
  },
  {
    name: "an assignment that is not JSON is malformed",
    method: "POST",
    path: "/model",
    body: "{",
    status: 400,
    problem: "body-malformed",
  },
  {
    name: "an assignment with another content type is rejected, even if it is JSON",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: { "content-type": "text/plain" },
    status: 415,
    problem: "media-type-invalid",
  },
  {
    name: "an assignment of more than 64 KiB is too long",
    method: "POST",
    path: "/model",
    body: { model_id: 2, reason: "x".repeat(65 * 1024) },
    status: 413,
    problem: "body-oversized",
  },
  {
    name: "a model with changed weights is not assigned",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    given: ({ modelsDir, second }) => {
      const path = join(modelsDir, second.id, "weights.bin");
      const bytes = Deno.readFileSync(path);
      bytes[0] ^= 1;
      Deno.writeFileSync(path, bytes);
    },
    status: 409,
    problem: "artifact-corrupt",
  },
  {
    name: "a model with another model's files is not assigned",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    given: ({ dataDir, second }) => {
      const db = new DatabaseSync(join(dataDir, registryFileName));
      db.prepare("UPDATE models SET checksum = 'other' WHERE model_id = ?").run(second.id);
      db.close();
    },
    status: 409,
    problem: "artifact-corrupt",
  },
  {
    name: "a model without its folder is unknown",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    given: ({ modelsDir, second }) => Deno.removeSync(join(modelsDir, second.id), { recursive: true }),
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "all models are listed, newest first, and the active one is marked",
    path: "/models",
    status: 200,
    answer: ({ first, second }) => ({
      models: [
        described(second, { version: 2, active: false, created_at: "1970-01-01T00:00:02.000Z" }),
        described(first, { version: 1, active: true, created_at: "1970-01-01T00:00:01.000Z" }),
      ],
    }),
  },
  {
    name: "one model is shown by its version",
    path: "/models/2",
    status: 200,
    answer: ({ second }) => ({ model_id: second.id, version: 2, active: false, checksum: second.checksum }),
  },
  {
    name: "one model is shown by its alias",
    path: "/models/challenger",
    given: aliasSecond,
    status: 200,
    answer: ({ second }) => ({ model_id: second.id, aliases: ["challenger"] }),
  },
  {
    name: "a model is assigned by its alias",
    method: "POST",
    path: "/model",
    body: { model_id: "challenger", expected_current: "champion" },
    given: async (context) => {
      await aliasSecond(context);
      await alias(context, 1, "champion");
    },
    status: 200,
    answer: ({ second }) => ({ model_id: second.id, version: 2 }),
  },
  {
    name: "an alias moves from one model to another",
    method: "PUT",
    path: "/models/1/aliases/challenger",
    given: aliasSecond,
    status: 200,
    answer: ({ first }) => ({ model_id: first.id, aliases: ["challenger"], active: true }),
  },
  {
    name: "an alias cannot look like a version",
    method: "PUT",
    path: "/models/1/aliases/3",
    status: 422,
    problem: "input-invalid",
    pointers: ["#/alias"],
  },
  {
    name: "an alias cannot be set for an unknown model",
    method: "PUT",
    path: "/models/3/aliases/champion",
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "an alias is removed from its model",
    method: "DELETE",
    path: "/models/2/aliases/challenger",
    given: aliasSecond,
    status: 200,
    answer: ({ second }) => ({ model_id: second.id, aliases: [] }),
  },
  {
    name: "an alias is not removed from another model",
    method: "DELETE",
    path: "/models/1/aliases/challenger",
    given: aliasSecond,
    status: 404,
    problem: "alias-unknown",
  },
  {
    name: "a model that has no report answers report-missing",
    path: "/models/1/report",
    status: 404,
    problem: "report-missing",
  },
  {
    name: "an unknown model has no report",
    path: "/models/3/report",
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "an unknown model cannot be shown",
    path: "/models/3",
    status: 404,
    problem: "model-unknown",
  },
];

/** Problems of the store, as clients receive them. */
export const storeScenarios: readonly Scenario[] = [
  {
    name: "without a store, models cannot be listed",
    path: "/models",
    given: ({ dataDir }) => Deno.removeSync(dataDir, { recursive: true }),
    status: 503,
    problem: "store-missing",
  },
  {
    name: "a store to which another process writes is busy",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    options: ({ dataDir }) => ({ registry: openRegistry(dataDir, { patienceMs: 60 }) }),
    given: ({ dataDir, dispose }) => {
      const db = new DatabaseSync(join(dataDir, registryFileName));
      db.exec("BEGIN IMMEDIATE");
      dispose.push(() => db.close());
    },
    status: 503,
    problem: "store-busy",
    responseHeaders: { "retry-after": "1" },
  },
  {
    name: "a registry elsewhere that does not answer is reported without its place",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    options: failingToAssign(new Failure("store-unreachable", "postgres://db.secret/srv: no answer")),
    status: 503,
    problem: "store-unreachable",
    responseHeaders: { "retry-after": "1" },
  },
  {
    name: "a full disk is reported without the store's path",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    options: failingToAssign(new Failure("store-full", "Cannot write /srv/secret/clickwell.db")),
    status: 507,
    problem: "store-full",
  },
  {
    name: "a store that is not a database cannot be used",
    path: "/models",
    given: ({ dataDir }) => {
      Deno.removeSync(dataDir, { recursive: true });
      Deno.mkdirSync(dataDir);
      Deno.writeTextFileSync(
        join(dataDir, registryFileName),
        "not a database, and long enough to look like one".repeat(99),
      );
    },
    status: 503,
    problem: "store-invalid",
  },
  {
    name: "a store of a later version cannot be used",
    path: "/models",
    given: ({ dataDir }) => {
      const db = new DatabaseSync(join(dataDir, registryFileName));
      db.exec("PRAGMA user_version = 999");
      db.close();
    },
    status: 503,
    problem: "store-newer",
  },
  {
    name: "a store of an earlier version is read without an upgrade",
    path: "/model/history?limit=1",
    given: ({ dataDir }) => downgradeStore(dataDir, { version: 1 }),
    status: 200,
  },
  {
    name: "a registry of an earlier version that needs an upgrade cannot be read before it",
    path: "/models",
    options: ({ dataDir }) => ({
      registry: {
        ...openRegistry(dataDir),
        listModels: () => Promise.reject(new Failure("store-older", "Cannot read /srv/secret/clickwell.db")),
      },
    }),
    status: 503,
    problem: "store-older",
  },
  {
    name: "a bug is reported as such, without its cause",
    path: "/models",
    options: ({ dataDir }) => ({
      registry: {
        ...openRegistry(dataDir),
        listModels: () => Promise.reject(new Error("at /srv/secret/server.ts")),
      },
    }),
    status: 500,
  },
];

function described({ id, checksum, metadata }: Artifact, others: Readonly<Record<string, unknown>>) {
  const { hyperParameters, metrics } = metadata;
  return { model_id: id, aliases: [], hyper_parameters: hyperParameters, metrics, checksum, ...others };
}
