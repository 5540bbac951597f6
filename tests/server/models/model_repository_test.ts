import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Failure, type FailureKind } from "../../../pipeline/failure.ts";
import { writeArtifact } from "../../../pipeline/model/artifact.ts";
import type { Registry } from "../../../pipeline/model/registry.ts";
import { registerModel } from "../../../pipeline/model/registry_queries.ts";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { inRegistry } from "../../support/registry_file.ts";
import { createLog } from "../../../server/runtime/log.ts";
import { createModelRepository, type ModelRepository } from "../../../server/models/model_repository.ts";
import { createProductionModel } from "../../../server/models/production_model.ts";
import { createModelSlot, type ModelSlot } from "../../../server/models/loaded_model.ts";
import { createUnloadedModels, type UnloadedModels } from "../../../server/models/unloaded_models.ts";
import { aliasSecond } from "../../scenarios/alias_of.ts";
import { makeServedModels, type ServedModels } from "../../support/served_models.ts";

interface Shelf {
  readonly models: ServedModels;
  readonly slot: ModelSlot;
  readonly library: ModelRepository;
  /** A library of another thread. */
  readonly another: () => ModelRepository;
  /** How often the registry was asked for a model. */
  readonly visits: () => number;
  readonly assign: (modelId: string) => Promise<unknown>;
}

function libraryTest(name: string, test: (shelf: Shelf) => Promise<void>): void {
  Deno.test(name, async () => {
    const models = makeServedModels();
    const slot = createModelSlot();
    let count = 0;
    const asked = openRegistry(models.dataDir);
    const registry: Registry = {
      ...asked,
      findModel(name) {
        count++;
        return asked.findModel(name);
      },
    };
    const unloads: UnloadedModels = createUnloadedModels();
    const another = () =>
      createModelRepository({
        ...models,
        slot,
        registry,
        unloadedModels: createUnloadedModels(unloads.memory),
      });
    const log = createLog({ format: "json", level: "error", write: () => {} });
    const production = createProductionModel({ ...models, registry: asked, slot, log });
    try {
      await production.sync();
      await test({
        models,
        slot,
        library: another(),
        another,
        visits: () => count,
        assign: (modelId) => production.assign({ modelId, assignedBy: "test" }),
      });
    } finally {
      models.remove();
    }
  });
}

async function idOf(library: ModelRepository, name: string, version?: string): Promise<string> {
  return (await library.find({ name, version })).modelId;
}

async function refused(kind: FailureKind, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    assert.equal(error instanceof Failure ? error.kind : error, kind);
    return;
  }
  assert.fail(`expected ${kind}`);
}

libraryTest(
  "what is in production is there at once, whoever it is, without a look at the store",
  async (shelf) => {
    const { library, slot, visits, assign, models: { second } } = shelf;
    assert.equal(library.find({ name: "clickwell" }), slot.current);
    await assign(second.id);
    assert.equal(library.find({ name: "clickwell" }), slot.current);
    assert.equal(visits(), 0);
  },
);

libraryTest(
  "a model is read once, and is there at once from then on",
  async ({ library, visits, models: { second } }) => {
    const [model, ...others] = [await library.find({ name: "2" }), await library.find({ name: second.id })];
    assert.deepEqual([model.modelId, model.version], [second.id, 2]);
    assert.deepEqual(others, [model]);
    assert.equal(library.find({ name: "2" }), model);
    assert.equal(library.find({ name: second.id }), model);
    assert.equal(visits(), 2);
  },
);

libraryTest(
  "the model in production is the same by any of its names, and counts as one",
  async ({ library, slot, models: { first } }) => {
    for (
      const [name, version] of [["1"], [first.id], ["clickwell", "1"], ["clickwell", first.id], ["1", "1"]]
    ) {
      assert.equal(await library.find({ name, version }), slot.current);
    }
  },
);

libraryTest(
  "an alias that is given to another model means that one from the next request on",
  async ({ library, models }) => {
    const { first, second, dataDir } = models;
    aliasSecond(models, "champion");
    assert.equal(await idOf(library, "champion"), second.id);
    aliasSecond({ dataDir, second: first }, "champion");
    assert.equal(await idOf(library, "champion"), first.id);
    aliasSecond(models, "champion");
    assert.equal(await idOf(library, "clickwell", "champion"), second.id);
  },
);

libraryTest(
  "what a name stood for goes on answering where the store cannot be read",
  async ({ library, models }) => {
    const { dataDir, modelsDir, second } = models;
    assert.equal(await idOf(library, "2"), second.id);
    Deno.removeSync(dataDir, { recursive: true });
    Deno.removeSync(modelsDir, { recursive: true });
    assert.equal(await idOf(library, "2"), second.id);
    await refused("store-missing", () => library.find({ name: "3" }));
  },
);

libraryTest(
  "a model that is no longer registered does not answer",
  async ({ library, models: { dataDir, second } }) => {
    assert.equal(await idOf(library, "2"), second.id);
    const db = new DatabaseSync(join(dataDir, "clickwell.db"));
    db.prepare("DELETE FROM models WHERE model_id = ?").run(second.id);
    db.close();
    await refused("model-unknown", () => library.find({ name: "2" }));
  },
);

libraryTest(
  "a model that is unloaded by one thread is unloaded in all of them, and loaded so",
  async ({ library, another }) => {
    const other = another();
    await other.find({ name: "2" });
    await library.unload({ name: "2" });
    await refused("model-unloaded", () => library.find({ name: "2" }));
    await refused("model-unloaded", () => other.find({ name: "2" }));
    await other.load({ name: "2" });
    assert.equal((await library.find({ name: "2" })).version, 2);
  },
);

libraryTest(
  "the model in production answers by all its names even where it was unloaded before",
  async (shelf) => {
    const { library, slot, assign, models: { second } } = shelf;
    await library.unload({ name: "2" });
    await assign(second.id);
    assert.equal(await library.find({ name: "2" }), slot.current);
    await refused("model-in-production", () => library.unload({ name: second.id }));
    await refused("model-in-production", () => library.unload({ name: "clickwell" }));
  },
);

libraryTest("of many models, the sixteen read last are kept in memory", async ({ library, models }) => {
  const { dataDir, modelsDir, first } = models;
  inRegistry(dataDir, (file) => {
    for (let i = 0; i < 17; i++) {
      const artifact = writeArtifact(modelsDir, { ...first.metadata, notes: [`${i}`] });
      registerModel(file, artifact, 5_000_000 + i);
    }
  });
  const found = [];
  for (let version = 2; version <= 19; version++) found.push(await library.find({ name: String(version) }));
  assert.equal(library.find({ name: "19" }), found[17]);
  assert.notEqual(await library.find({ name: "2" }), found[0], "it was read again");
  assert.equal((await library.find({ name: "2" })).modelId, found[0].modelId);
});

libraryTest("without a model in production its name says so", async ({ library, slot }) => {
  slot.current = undefined;
  await refused("model-missing", () => library.find({ name: "clickwell" }));
  await refused("model-missing", () => library.load({ name: "clickwell" }));
  assert.deepEqual((await library.list()).map(({ version }) => version), [2, 1]);
});

Deno.test("unloads are of single versions", () => {
  const unloads = createUnloadedModels();
  for (const version of [1, 8, 9, 65_535]) unloads.set(version, true);
  unloads.set(8, false);
  assert.deepEqual([1, 2, 7, 8, 9, 16, 65_535].filter((version) => unloads.has(version)), [1, 9, 65_535]);
});
