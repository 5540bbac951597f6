import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeArtifact } from "../support/written_artifact.ts";
import { removeArtifact } from "../../pipeline/model/artifact_folder.ts";
import { openRegistry } from "../../pipeline/model/sqlite_registry.ts";
import { type Outcome, run } from "../support/program.ts";
import { runServer } from "../support/running_server.ts";
import { makeServedModels, type ServedModels } from "../support/served_models.ts";

/** Runs `clickwell models` with a store of two models, of which the first is active. */
type Models = (words: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Outcome>;

async function withModels(test: (models: Models, served: ServedModels) => Promise<void>): Promise<void> {
  const served = makeServedModels();
  const where = ["--data", served.dataDir, "--models", served.modelsDir];
  try {
    await test((words, env = {}) => run(["models", ...words, ...where], { env }), served);
  } finally {
    served.remove();
  }
}

function parsed({ code, stdout, stderr }: Outcome) {
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test("clickwell models delete: removes the files; the history and a running server go on naming the model", async () => {
  await using running = await runServer();
  const { dataDir, modelsDir, second } = running.models;
  const where = ["--data", dataDir, "--models", modelsDir, "--json"];
  assert.equal((await running.ask("/model", { model_id: "2" })).status, 200);
  assert.equal((await running.ask("/model", { model_id: "1" })).status, 200);
  const deleted = parsed(await run(["models", "delete", second.id, ...where]));
  assert.deepEqual(deleted, { deleted: [{ model_id: second.id, version: 2 }] });
  assert.deepEqual([...Deno.readDirSync(modelsDir)].map(({ name }) => name), [running.models.first.id]);
  const { history } = parsed(await run(["models", "history", ...where]));
  assert.deepEqual(history.map(({ version }: { version: number }) => version), [1, 2, 1]);
  const answer = await running.ask("/models/2");
  assert.equal(answer.status, 404);
  assert.match(String(answer.json.detail), /version 2, was deleted at/);
  assert.equal((await running.ask("/model", { model_id: "2" })).status, 404);
  const { json } = await running.ask("/model/history");
  assert.ok(JSON.stringify(json).includes(second.id));
});

Deno.test("clickwell models delete: is refused for the model in production and for one with an alias", () =>
  withModels(async (models, { first, second, modelsDir }) => {
    const active = await models(["delete", "1"]);
    assert.deepEqual([active.code, /it is in production/.test(active.stderr)], [1, true], active.stderr);
    await models(["alias", "2", "champion"]);
    const named = await models(["delete", "champion"]);
    assert.deepEqual([named.code, /champion is an alias of it/.test(named.stderr)], [1, true], named.stderr);
    for (const { id } of [first, second]) assert.ok(existsSync(join(modelsDir, id, "model.json")));
  }));

Deno.test("clickwell models delete: leaves the model as it is if its files cannot be removed", {
  // Root may remove files of any folder.
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
}, () =>
  withModels(async (models, { modelsDir }) => {
    Deno.chmodSync(modelsDir, 0o500);
    try {
      const { code, stderr } = await models(["delete", "2"]);
      assert.deepEqual([code, /Cannot remove/.test(stderr)], [1, true], stderr);
    } finally {
      Deno.chmodSync(modelsDir, 0o700);
    }
    assert.equal(parsed(await models(["show", "2", "--json"])).version, 2);
  }));

Deno.test("clickwell models prune: keeps the newest, the one in production, the one before it and those with an alias", () =>
  withModels(async (models, { modelsDir, dataDir, second }) => {
    const dry = parsed(await models(["prune", "--keep", "0", "--dry-run", "--json"]));
    assert.deepEqual(dry, { deleted: [{ model_id: second.id, version: 2 }], applied: false });
    assert.ok(existsSync(join(modelsDir, second.id)));
    assert.deepEqual(parsed(await models(["prune", "--keep", "1", "--json"])).deleted, []);
    const registry = openRegistry(dataDir);
    const assign = (modelId: string) =>
      registry.assign({ modelId, assignedAt: 4_000_000, assignedBy: "a test" });
    await assign("2");
    await assign("1");
    assert.deepEqual(
      parsed(await models(["prune", "--keep", "0", "--json"])).deleted,
      [],
      "a rollback needs it",
    );
    const { code, stderr } = await models(["prune"]);
    assert.deepEqual([code, /needs --keep N/.test(stderr)], [2, true], stderr);
  }));

Deno.test("clickwell models prune: deletes the files of the others", () =>
  withModels(async (models, { modelsDir, second }) => {
    const { deleted } = parsed(await models(["prune", "--keep", "0", "--json"]));
    assert.deepEqual(deleted, [{ model_id: second.id, version: 2 }]);
    assert.equal(existsSync(join(modelsDir, second.id)), false);
    assert.equal(removeArtifact(modelsDir, second.id), false);
  }));

Deno.test("clickwell models name and note: are shown and listed, and removed by an empty text", () =>
  withModels(async (models) => {
    assert.equal(parsed(await models(["name", "2", "spring offers", "--json"])).name, "spring offers");
    assert.equal((await models(["note", "2", "without apr\nsecond line"])).code, 0);
    const { models: listed } = parsed(await models(["list", "--json"]));
    assert.deepEqual(listed.map(({ name }: { name: unknown }) => name), ["spring offers", null]);
    const { stderr } = await models(["show", "2"]);
    assert.match(stderr, /name +spring offers\n[^]*without apr\n[^]*second line/);
    assert.equal(parsed(await models(["note", "2", "", "--json"])).note, null);
    const missing = await models(["note", "2"]);
    assert.deepEqual([missing.code, /needs a text/.test(missing.stderr)], [2, true], missing.stderr);
  }));

Deno.test("clickwell models show --spec: prints the feature spec; the setting of that name in the environment is another one", () =>
  withModels(async (models, { second }) => {
    assert.deepEqual(parsed(await models(["show", "2", "--spec"])), second.metadata.spec);
    assert.deepEqual(parsed(await models(["show", "2", "--spec", "--json"])), second.metadata.spec);
    const shown = await models(["show", "2", "--json"], { CLICKWELL_SPEC: "features.json" });
    assert.equal(parsed(shown).version, 2);
  }));

Deno.test("clickwell models compare: metrics, settings, features and coefficients of two models", () =>
  withModels(async (models, { modelsDir, dataDir, first }) => {
    const { metadata } = first;
    const third = writeArtifact(modelsDir, {
      ...metadata,
      spec: { ...metadata.spec, features: [{ name: "apr", type: "numeric" }] },
      coefficients: metadata.coefficients.map((value, i) => i === 4 ? value + 2 : value),
      hyperParameters: { penalty: "l2", C: 0.5 },
      metrics: { ...metadata.metrics, log_loss: 0.45, auc: null },
      golden: [],
    });
    await openRegistry(dataDir).registerModel(third, 5_000_000);
    const compared = parsed(await models(["compare", "1", "3", "--json"]));
    assert.deepEqual(compared.models.map(({ version }: { version: number }) => version), [1, 3]);
    assert.equal(compared.same_rows, true);
    assert.deepEqual([compared.metrics.log_loss.a, compared.metrics.log_loss.b], [0.5, 0.45]);
    assert.equal(compared.metrics.auc.difference, null);
    assert.deepEqual(compared.hyper_parameters, { C: { a: 1, b: 0.5 } });
    assert.deepEqual(compared.features, { only_a: [], only_b: ["apr"], changed: [] });
    assert.deepEqual(compared.coefficients.map(({ name }: { name: string }) => name), ["apr"]);
    const { stderr } = await models(["compare", "1", "3"]);
    assert.match(stderr, /log loss +0\.5000 +0\.4500 +-0\.0500 {2}B is better\n/);
    assert.match(stderr, /setting +C: 1 → 0\.5\n/);
    const same = parsed(await models(["compare", "1", "1", "--json"]));
    assert.deepEqual([same.coefficients, same.hyper_parameters], [[], {}]);
  }));

Deno.test("clickwell models compare: models of other rows are compared with a word about it", () =>
  withModels(async (models, { modelsDir, dataDir, first }) => {
    const data = { ...first.metadata.data, fingerprint: "other" };
    const third = writeArtifact(modelsDir, { ...first.metadata, data });
    await openRegistry(dataDir).registerModel(third, 5_000_000);
    const { code, stderr } = await models(["compare", "1", "3"]);
    assert.deepEqual([code, /different held-out rows: clickwell evaluate A --against B/.test(stderr)], [
      0,
      true,
    ], stderr);
    const one = await models(["compare", "1"]);
    assert.deepEqual([one.code, /needs another model/.test(one.stderr)], [2, true], one.stderr);
  }));
