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
import { type Scenario, send, type World } from "./scenario.ts";

/** The first model's assignment, the third second of 1970. */
const firstTag = `"1-${(3_000_000).toString(36)}"`;
/** What is told of the assignment that {@link assignSecond} makes, beside its model's id. */
const second4 = {
  version: 2,
  assigned_at: "1970-01-01T00:00:04.000Z",
  assigned_by: "test",
  reason: "better",
  assignment_id: 2,
};

/** Puts the second model in production, a second after the first. */
async function assignSecond({ dataDir, second, service }: World): Promise<void> {
  const entry = { modelId: second.id, assignedAt: 4_000_000, assignedBy: "test", reason: "better" };
  inRegistry(dataDir, (file) => assignModel(file, entry));
  await service.production.sync();
}

function aliasSecond(world: World): Promise<void> {
  return alias(world, 2, "challenger");
}

async function alias({ service }: World, version: number, name: string): Promise<void> {
  const response = await send(service, { method: "PUT", path: `/models/${version}/aliases/${name}` });
  assert.equal(response.status, 200);
  await response.body?.cancel();
}

export const modelScenarios: readonly Scenario[] = [
  {
    name: "the model in production is told with since when and by whom",
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
    name: "who knows which model is in production is told that it still is",
    path: "/model",
    headers: { "if-none-match": `"other", W/${firstTag}` },
    status: 304,
    responseHeaders: { etag: firstTag },
  },
  {
    name: "who knows another model is told the one in production",
    path: "/model",
    headers: { "if-none-match": '"1-other"' },
    status: 200,
    answer: ({ first }) => ({ model_id: first.id }),
  },
  {
    name: "the model of a moment is told",
    path: "/model?at=1970-01-01T02:00:03%2B02:00",
    given: assignSecond,
    status: 200,
    answer: ({ first }) => ({ model_id: first.id, assignment_id: 1 }),
  },
  {
    name: "a plus sign that is not escaped is one all the same",
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
    name: "a moment without its zone could be any",
    path: "/model?at=1970-01-01T00:00:03",
    status: 422,
    problem: "input-invalid",
    pointers: ["#/at"],
  },
  {
    name: "a query that is not known is not passed over",
    path: "/model?add=1970-01-01T00:00:03Z",
    status: 422,
    problem: "input-invalid",
    pointers: ["#/add"],
  },
  {
    name: "without a model, GET /model says so",
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
    name: "an assignment that expects another model in production is not done",
    method: "POST",
    path: "/model",
    body: { model_id: "2", expected_current: "cw-0000000000000000" },
    status: 409,
    problem: "assignment-conflict",
  },
  {
    name: "an assignment that expects the model in production by its version is done",
    method: "POST",
    path: "/model",
    body: { model_id: "2", expected_current: 1 },
    status: 200,
    answer: ({ second }) => ({ model_id: second.id, assignment_id: 2 }),
  },
  {
    name: "an assignment is done if the model in production is the one that its If-Match names",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: { "if-match": `"other", ${firstTag}` },
    status: 200,
    answer: ({ second }) => ({ model_id: second.id }),
  },
  {
    name: "an assignment whose If-Match is out of date is not done",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: { "if-match": '"1-old"' },
    status: 412,
    problem: "precondition-failed",
  },
  {
    name: "an If-Match with a weak tag never holds",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: { "if-match": `W/${firstTag}` },
    status: 412,
    problem: "precondition-failed",
  },
  {
    name: "any model in production is enough for If-Match: *",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: { "if-match": "*" },
    status: 200,
  },
  {
    name: "a rollback puts the model before back, and says why",
    method: "POST",
    path: "/model/rollback",
    given: assignSecond,
    status: 200,
    answer: ({ first }) => ({ model_id: first.id, reason: "rollback", assignment_id: 3 }),
  },
  {
    name: "a rollback can say why in its own words, and on which condition",
    method: "POST",
    path: "/model/rollback",
    body: { reason: "clicks fell", expected_current: 2 },
    given: assignSecond,
    status: 200,
    answer: ({ first }) => ({ model_id: first.id, reason: "clicks fell" }),
  },
  {
    name: "a rollback that expects another model in production is not done",
    method: "POST",
    path: "/model/rollback",
    body: { expected_current: 1 },
    given: assignSecond,
    status: 409,
    problem: "assignment-conflict",
  },
  {
    name: "a rollback of the first model has nowhere to go",
    method: "POST",
    path: "/model/rollback",
    status: 409,
    problem: "rollback-impossible",
  },
  {
    name: "a rollback's bad fields are pointed at",
    method: "POST",
    path: "/model/rollback",
    body: { model_id: 2 },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/model_id"],
  },
  {
    name: "the history is told, the newest first",
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
    name: "a part of the history names the next one",
    path: "/model/history?limit=1",
    given: assignSecond,
    status: 200,
    answer: ({ second }) => ({
      history: [{ ...second4, model_id: second.id }],
      next: "/model/history?limit=1&before=2",
    }),
  },
  {
    name: "the last part of the history names none",
    path: "/model/history?limit=1&before=2",
    given: assignSecond,
    status: 200,
    answer: () => ({ next: null }),
  },
  {
    name: "a part of the history starts at any number that is exact",
    path: `/model/history?before=${Number.MAX_SAFE_INTEGER}`,
    status: 200,
    answer: () => ({ next: null }),
  },
  {
    name: "parts of the history have a bound",
    path: "/model/history?limit=501&before=0&limit=2",
    status: 422,
    problem: "input-invalid",
    pointers: ["#/limit"],
  },
  {
    name: "a model that is not there is unknown",
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
    name: "an assignment's bad fields are pointed at",
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
    name: "an assignment that says it is not JSON is refused even if it is",
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
    name: "a model whose weights were changed is not assigned",
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
    name: "a model whose files are another model's is not assigned",
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
    name: "a model whose folder is gone is unknown",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    given: ({ modelsDir, second }) => Deno.removeSync(join(modelsDir, second.id), { recursive: true }),
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "all models are listed, the newest first, with the one in production",
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
    given: async (world) => {
      await aliasSecond(world);
      await alias(world, 1, "champion");
    },
    status: 200,
    answer: ({ second }) => ({ model_id: second.id, version: 2 }),
  },
  {
    name: "an alias moves to the model that it is set for",
    method: "PUT",
    path: "/models/1/aliases/challenger",
    given: aliasSecond,
    status: 200,
    answer: ({ first }) => ({ model_id: first.id, aliases: ["challenger"], active: true }),
  },
  {
    name: "what could be a version cannot be an alias",
    method: "PUT",
    path: "/models/1/aliases/3",
    status: 422,
    problem: "input-invalid",
    pointers: ["#/alias"],
  },
  {
    name: "an alias of a model that is not there is not set",
    method: "PUT",
    path: "/models/3/aliases/champion",
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "an alias is taken from its model",
    method: "DELETE",
    path: "/models/2/aliases/challenger",
    given: aliasSecond,
    status: 200,
    answer: ({ second }) => ({ model_id: second.id, aliases: [] }),
  },
  {
    name: "an alias is not taken from a model that does not have it",
    method: "DELETE",
    path: "/models/1/aliases/challenger",
    given: aliasSecond,
    status: 404,
    problem: "alias-unknown",
  },
  {
    name: "a model that is not there cannot be shown",
    path: "/models/3",
    status: 404,
    problem: "model-unknown",
  },
];

/** What the store's own troubles look like from outside. */
export const storeScenarios: readonly Scenario[] = [
  {
    name: "without a store, models cannot be listed",
    path: "/models",
    given: ({ dataDir }) => Deno.removeSync(dataDir, { recursive: true }),
    status: 503,
    problem: "store-missing",
  },
  {
    name: "a store that another process writes to is busy in the end",
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
    name: "a store without room says so, and not where it is",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    options: ({ dataDir }) => ({
      registry: {
        ...openRegistry(dataDir),
        assign: () => Promise.reject(new Failure("store-full", "Cannot write /srv/secret/clickwell.db")),
      },
    }),
    status: 507,
    problem: "store-full",
  },
  {
    name: "a store that is none cannot be used",
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
    name: "a store of an earlier version is read as it is",
    path: "/model/history?limit=1",
    given: ({ dataDir }) => downgradeStore(dataDir, { version: 1 }),
    status: 200,
  },
  {
    name: "a registry of an earlier version that has to be brought up to date cannot be read before",
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
    name: "a bug is told as one, without its cause",
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
