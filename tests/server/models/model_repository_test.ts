import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Failure, type FailureKind } from "../../../pipeline/failure.ts";
import { writeArtifact } from "../../support/written_artifact.ts";
import type { Registry } from "../../../pipeline/model/registry.ts";
import { registerModel } from "../../../pipeline/model/registry_queries.ts";
import { createFolderStore } from "../../../pipeline/model/artifact_folder.ts";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { inRegistry } from "../../support/registry_file.ts";
import { createLog } from "../../../server/runtime/log.ts";
import { createModelRepository, type ModelRepository } from "../../../server/models/model_repository.ts";
import { createProductionModel } from "../../../server/models/production_model.ts";
import { createModelSlot, type ModelSlot } from "../../../server/models/loaded_model.ts";
import { createUnloadedModels, type UnloadedModels } from "../../../server/models/unloaded_models.ts";
import { aliasSecond } from "../../scenarios/alias_of.ts";
import { makeServedModels, type ServedModels } from "../../support/served_models.ts";

interface Fixture {
  readonly models: ServedModels;
  readonly slot: ModelSlot;
  readonly repository: ModelRepository;
  /** Creates the repository of another thread. */
  readonly another: () => ModelRepository;
  /** Calls of `Registry.findModel`. */
  readonly lookups: () => number;
  readonly assign: (modelId: string) => Promise<unknown>;
}

function repositoryTest(name: string, test: (fixture: Fixture) => Promise<void>): void {
  Deno.test(`model repository: ${name}`, async () => {
    const models = makeServedModels();
    const artifacts = createFolderStore(models.modelsDir);
    const slot = createModelSlot();
    let count = 0;
    const actual = openRegistry(models.dataDir);
    const registry: Registry = {
      ...actual,
      findModel(name) {
        count++;
        return actual.findModel(name);
      },
    };
    const unloads: UnloadedModels = createUnloadedModels();
    const another = () =>
      createModelRepository({
        artifacts,
        slot,
        registry,
        unloadedModels: createUnloadedModels(unloads.memory),
      });
    const log = createLog({ format: "json", level: "error", write: () => {} });
    const production = createProductionModel({ artifacts, registry: actual, slot, log });
    try {
      await production.sync();
      await test({
        models,
        slot,
        repository: another(),
        another,
        lookups: () => count,
        assign: (modelId) => production.assign({ modelId, assignedBy: "test" }),
      });
    } finally {
      models.remove();
    }
  });
}

async function idOf(repository: ModelRepository, name: string, version?: string): Promise<string> {
  return (await repository.find({ name, version })).modelId;
}

async function assertRejected(kind: FailureKind, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    assert.equal(error instanceof Failure ? error.kind : error, kind);
    return;
  }
  assert.fail(`expected ${kind}`);
}

repositoryTest(
  "the active model is found at once, without reading the store",
  async (fixture) => {
    const { repository, slot, lookups, assign, models: { second } } = fixture;
    assert.equal(repository.find({ name: "clickwell" }), slot.current);
    await assign(second.id);
    assert.equal(repository.find({ name: "clickwell" }), slot.current);
    assert.equal(lookups(), 0);
  },
);

repositoryTest(
  "a model is loaded once, and then found at once",
  async ({ repository, lookups, models: { second } }) => {
    const [model, ...others] = [
      await repository.find({ name: "2" }),
      await repository.find({ name: second.id }),
    ];
    assert.deepEqual([model.modelId, model.version], [second.id, 2]);
    assert.deepEqual(others, [model]);
    assert.equal(repository.find({ name: "2" }), model);
    assert.equal(repository.find({ name: second.id }), model);
    assert.equal(lookups(), 2);
  },
);

repositoryTest(
  "the active model is found by any of its names",
  async ({ repository, slot, models: { first } }) => {
    for (
      const [name, version] of [["1"], [first.id], ["clickwell", "1"], ["clickwell", first.id], ["1", "1"]]
    ) {
      assert.equal(await repository.find({ name, version }), slot.current);
    }
  },
);

repositoryTest(
  "an alias that moves to another model names it from the next request on",
  async ({ repository, models }) => {
    const { first, second, dataDir } = models;
    aliasSecond(models, "champion");
    assert.equal(await idOf(repository, "champion"), second.id);
    aliasSecond({ dataDir, second: first }, "champion");
    assert.equal(await idOf(repository, "champion"), first.id);
    aliasSecond(models, "champion");
    assert.equal(await idOf(repository, "clickwell", "champion"), second.id);
  },
);

repositoryTest(
  "a name keeps its last model if the store cannot be read",
  async ({ repository, models }) => {
    const { dataDir, modelsDir, second } = models;
    assert.equal(await idOf(repository, "2"), second.id);
    Deno.removeSync(dataDir, { recursive: true });
    Deno.removeSync(modelsDir, { recursive: true });
    assert.equal(await idOf(repository, "2"), second.id);
    await assertRejected("store-missing", () => repository.find({ name: "3" }));
  },
);

repositoryTest(
  "a model that is no longer registered is not found",
  async ({ repository, models: { dataDir, second } }) => {
    assert.equal(await idOf(repository, "2"), second.id);
    const db = new DatabaseSync(join(dataDir, "clickwell.db"));
    db.prepare("DELETE FROM models WHERE model_id = ?").run(second.id);
    db.close();
    await assertRejected("model-unknown", () => repository.find({ name: "2" }));
  },
);

repositoryTest(
  "a model that one thread unloads or loads is unloaded or loaded in all threads",
  async ({ repository, another }) => {
    const other = another();
    await other.find({ name: "2" });
    await repository.unload({ name: "2" });
    await assertRejected("model-unloaded", () => repository.find({ name: "2" }));
    await assertRejected("model-unloaded", () => other.find({ name: "2" }));
    await other.load({ name: "2" });
    assert.equal((await repository.find({ name: "2" })).version, 2);
  },
);

repositoryTest(
  "the active model is found by all its names, also if it was unloaded before",
  async (fixture) => {
    const { repository, slot, assign, models: { second } } = fixture;
    await repository.unload({ name: "2" });
    await assign(second.id);
    assert.equal(await repository.find({ name: "2" }), slot.current);
    await assertRejected("model-in-production", () => repository.unload({ name: second.id }));
    await assertRejected("model-in-production", () => repository.unload({ name: "clickwell" }));
  },
);

repositoryTest("the sixteen models loaded last stay in memory", async ({ repository, models }) => {
  const { dataDir, modelsDir, first } = models;
  inRegistry(dataDir, (file) => {
    for (let i = 0; i < 17; i++) {
      const artifact = writeArtifact(modelsDir, { ...first.metadata, notes: [`${i}`] });
      registerModel(file, artifact, 5_000_000 + i);
    }
  });
  const found = [];
  for (let version = 2; version <= 19; version++) {
    found.push(await repository.find({ name: String(version) }));
  }
  assert.equal(repository.find({ name: "19" }), found[17]);
  assert.notEqual(await repository.find({ name: "2" }), found[0], "it was loaded again");
  assert.equal((await repository.find({ name: "2" })).modelId, found[0].modelId);
});

repositoryTest(
  "without an active model, its name is rejected as model-missing",
  async ({ repository, slot }) => {
    slot.current = undefined;
    await assertRejected("model-missing", () => repository.find({ name: "clickwell" }));
    await assertRejected("model-missing", () => repository.load({ name: "clickwell" }));
    assert.deepEqual((await repository.list()).map(({ version }) => version), [2, 1]);
  },
);

Deno.test("unloaded models: versions are independent", () => {
  const unloads = createUnloadedModels();
  for (const version of [1, 8, 9, 65_535]) unloads.set(version, true);
  unloads.set(8, false);
  assert.deepEqual([1, 2, 7, 8, 9, 16, 65_535].filter((version) => unloads.has(version)), [1, 9, 65_535]);
});
