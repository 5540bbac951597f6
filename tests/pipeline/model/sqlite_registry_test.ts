import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import type { Registry } from "../../../pipeline/model/registry.ts";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { registryFileName } from "../../../pipeline/store/layout.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { namedArtifact } from "../../support/named_artifact.ts";
import { inFolder } from "../../support/program.ts";
import { inRegistry } from "../../support/registry_file.ts";

/** Runs a test with an empty registry. */
function withRegistry(test: (registry: Registry, dataDir: string) => Promise<void>): Promise<void> {
  return inFolder((folder) => {
    const dataDir = join(folder, "data");
    inRegistry(dataDir, () => {}, "create");
    return test(openRegistry(dataDir, { patienceMs: 20 }), dataDir);
  });
}

const [one, two] = ["1", "2"].map(namedArtifact);

Deno.test("embedded registry: while another process writes, registering and assigning wait, and finally fail as busy", async () => {
  await withRegistry(async (registry, dataDir) => {
    await registry.registerModel(one, 0);
    const patient = openRegistry(dataDir, { patienceMs: 20_000 });
    using other = new DatabaseSync(join(dataDir, registryFileName));
    other.exec("BEGIN IMMEDIATE");
    await assertRejected(
      registry.registerModel(two, 0),
      "store-busy",
      /Cannot register the model cw-2.*locked/,
    );
    await assertRejected(
      registry.assign({ modelId: one.id, assignedAt: 1000, assignedBy: "a test" }),
      "store-busy",
      /Cannot put a model in production.*locked/,
    );
    const waiting = patient.registerModel(two, 0);
    await new Promise((resolve) => setTimeout(resolve, 60));
    other.exec("ROLLBACK");
    assert.equal((await waiting).version, 2);
    assert.equal(
      (await registry.assign({ modelId: two.id, assignedAt: 1000, assignedBy: "a test" })).modelId,
      two.id,
    );
  });
});

Deno.test("embedded registry: closing it ends the calls that wait for another process", async () => {
  await withRegistry(async (_, dataDir) => {
    const patient = openRegistry(dataDir, { patienceMs: 600_000 });
    using other = new DatabaseSync(join(dataDir, registryFileName));
    other.exec("BEGIN IMMEDIATE");
    const waiting = assertRejected(patient.registerModel(one, 0), "store-busy", /Cannot register the model/);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await patient.close();
    await waiting;
  });
});

Deno.test("embedded registry: one that has no table of notes yet is read, and gets it with the next change", async () => {
  await withRegistry(async (registry, dataDir) => {
    await registry.registerModel(one, 0);
    using db = new DatabaseSync(join(dataDir, registryFileName));
    db.exec("DROP TABLE model_notes");
    const hasNotes = () =>
      db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'model_notes'").get() !== undefined;
    assert.equal((await registry.findModel("1")).modelId, one.id);
    assert.equal(hasNotes(), false, "reading changes nothing");
    await registry.setNote({ model: "1", note: "kept" });
    assert.equal(hasNotes(), true);
    assert.equal((await registry.findModel("1")).note, "kept");
  });
});
