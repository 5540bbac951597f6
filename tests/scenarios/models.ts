import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { Failure } from "../../pipeline/failure.ts";
import { storeFileName } from "../../pipeline/store/store.ts";
import { createVisits } from "../../server/store_visit.ts";
import type { Artifact } from "../../pipeline/model/artifact.ts";
import type { Scenario } from "./scenario.ts";

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
    }),
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
      const db = new DatabaseSync(join(dataDir, storeFileName));
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
    options: ({ dataDir }) => ({ visitStore: createVisits(dataDir, 60) }),
    given: ({ dataDir, dispose }) => {
      const db = new DatabaseSync(join(dataDir, storeFileName));
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
    options: () => ({
      visitStore: () => Promise.reject(new Failure("store-full", "Cannot write /srv/secret/clickwell.db")),
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
        join(dataDir, storeFileName),
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
      const db = new DatabaseSync(join(dataDir, storeFileName));
      db.exec("PRAGMA user_version = 999");
      db.close();
    },
    status: 503,
    problem: "store-newer",
  },
  {
    name: "a bug is told as one, without its cause",
    path: "/models",
    options: () => ({ visitStore: () => Promise.reject(new Error("at /srv/secret/server.ts")) }),
    status: 500,
  },
];

function described({ id, checksum, metadata }: Artifact, others: Readonly<Record<string, unknown>>) {
  const { hyperParameters, metrics } = metadata;
  return { model_id: id, hyper_parameters: hyperParameters, metrics, checksum, ...others };
}
