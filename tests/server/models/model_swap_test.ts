import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { assignmentHistory, assignModel } from "../../../pipeline/model/registry_queries.ts";
import { inRegistry } from "../../support/registry_file.ts";
import { registryFileName } from "../../../pipeline/store/layout.ts";
import { openStore, type Store } from "../../../pipeline/store/store.ts";
import { runServer } from "../../support/running_server.ts";
import { probabilityOf, row } from "../../support/served_models.ts";

Deno.test("model swap: no request fails, and none that begins after the answer to the assignment gets the old model", async () => {
  await using running = await runServer();
  const { ask, models: { first, second } } = running;
  const probabilities = { [first.id]: probabilityOf(first), [second.id]: probabilityOf(second) };
  let assigned = first.id;
  /** Odd during an assignment. */
  let turn = 0;
  let done = false;

  async function keepAsking(): Promise<number> {
    let count = 0;
    for (; !done; count++) {
      const before = turn;
      const { status, json } = await ask("/predict", row);
      assert.equal(status, 200);
      assert.equal(
        json.probability,
        probabilities[String(json.model_id)],
        "by one model, not a mixture of two",
      );
      // During an assignment, either model is right.
      if (before === turn && turn % 2 === 0) assert.equal(json.model_id, assigned);
    }
    return count;
  }

  const clients = Array.from({ length: 16 }, keepAsking);
  for (let i = 0; i < 30; i++) {
    const modelId = i % 2 === 0 ? second.id : first.id;
    turn++;
    const { status, json } = await ask("/model", { model_id: modelId });
    assert.deepEqual([status, json.model_id], [200, modelId]);
    assigned = modelId;
    turn++;
    assert.equal((await ask("/predict", row)).json.model_id, modelId);
  }
  done = true;
  assert.ok((await Promise.all(clients)).every((count) => count > 0));
});

Deno.test("model swap: concurrent assignments run one after the other, and the last one in the history answers", async () => {
  await using running = await runServer();
  const { ask, models: { dataDir, first, second } } = running;
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, i) => ask("/model", { model_id: i % 3 === 0 ? second.id : first.id })),
  );
  assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
  const history = inRegistry(dataDir, (file) => assignmentHistory(file));
  assert.equal(history.length, 11);
  assert.equal((await ask("/predict", row)).json.model_id, history[0].modelId);
});

Deno.test("model swap: of two assignments that expect the same model, one succeeds", async () => {
  await using running = await runServer();
  const { ask, models: { first, second } } = running;
  const request = { model_id: second.id, expected_current: first.id };
  const answers = await Promise.all([ask("/model", request), ask("/model", request)]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
});

Deno.test("model swap: while another process writes to the store, predictions are answered and an assignment waits", async () => {
  await using running = await runServer();
  const { ask, models: { dataDir, second } } = running;
  const writer = new DatabaseSync(join(dataDir, registryFileName));
  writer.exec("BEGIN IMMEDIATE");
  let assigned = false;
  const assignment = ask("/model", { model_id: second.id }).finally(() => assigned = true);
  for (let i = 0; i < 50; i++) assert.equal((await ask("/predict", row)).status, 200);
  assert.equal(assigned, false);
  writer.exec("COMMIT");
  writer.close();
  assert.equal((await assignment).json.model_id, second.id);
});

Deno.test("predictions continue without store and models folder", async () => {
  await using running = await runServer();
  const { ask, models: { dataDir, modelsDir, first, second } } = running;
  Deno.removeSync(dataDir, { recursive: true });
  Deno.removeSync(modelsDir, { recursive: true });
  assert.equal((await ask("/model", { model_id: second.id })).status, 503);
  assert.equal((await ask("/predict", row)).json.probability, probabilityOf(first));
  assert.equal((await ask("/readyz")).status, 200);
});

Deno.test("model swap: a model that another process assigns becomes active", async () => {
  await using running = await runServer();
  const { ask, models: { dataDir, second } } = running;
  assignElsewhere(dataDir, second.id);
  await eventually(async () => (await ask("/model")).json.model_id === second.id);
  assert.equal((await ask("/model")).json.assigned_by, "elsewhere");
});

Deno.test("during an initial load by another process, which locks the store, a server starts without a model", async () => {
  let filling: Store | undefined;
  await using running = await runServer({}, ({ dataDir }) => {
    Deno.removeSync(dataDir, { recursive: true });
    filling = openStore(dataDir, { mode: "create" });
    assert.equal(filling.journal.use("rollback", 0), true);
    filling.db.exec("BEGIN EXCLUSIVE");
  });
  const { ask } = running;
  try {
    assert.match(String((await ask("/readyz")).json.detail), /Train one with clickwell train/);
    assert.deepEqual((await ask("/models")).json, { models: [] });
  } finally {
    filling?.close();
  }
});

Deno.test("model swap: if another process assigns a damaged model, the old one continues to answer and a line is logged", async () => {
  await using running = await runServer();
  const { ask, log, models: { dataDir, modelsDir, first, second } } = running;
  Deno.truncateSync(join(modelsDir, second.id, "model.json"), 1_000);
  assignElsewhere(dataDir, second.id);
  await eventually(() => Promise.resolve(log.some((line) => line.includes("no change of model"))));
  assert.match(
    log.find((line) => line.includes("no change of model")) ?? "",
    /artifact-corrupt.*cannot be used/,
  );
  assert.equal((await ask("/predict", row)).json.model_id, first.id);
});

Deno.test("a server whose active model is damaged starts, reports why it is not ready, and accepts another model", async () => {
  const broken = await runServer();
  const { dataDir, modelsDir, first, second } = broken.models;
  await broken.server.stop();
  Deno.removeSync(join(modelsDir, first.id, "weights.bin"));

  await using running = await runServer({ dataDir, modelsDir });
  const ready = await running.ask("/readyz");
  assert.equal(ready.status, 503);
  assert.match(String(ready.json.detail), /weights\.bin is missing/);
  assert.equal((await running.ask("/predict", row)).status, 503);
  assert.equal((await running.ask("/model", { model_id: second.id })).status, 200);
  assert.equal((await running.ask("/readyz")).status, 200);
  broken.models.remove();
});

function assignElsewhere(dataDir: string, modelId: string): void {
  inRegistry(
    dataDir,
    (file) => assignModel(file, { modelId, assignedAt: 4_000_000, assignedBy: "elsewhere" }),
  );
}

/** Waits until the condition holds. */
async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 5_000; performance.now() < deadline;) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail("not within 5 s");
}
