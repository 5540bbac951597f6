import assert from "node:assert/strict";
import { join } from "node:path";
import type { Artifact as StoredArtifact } from "../../../pipeline/model/artifact.ts";
import type { ArtifactMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { aliasesOf } from "../../../pipeline/model/registry.ts";
import {
  type AssignmentEntry,
  ConcurrentAssignment,
  type Registry,
} from "../../../pipeline/model/registry.ts";
import { DatabaseSync } from "node:sqlite";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { registryFileName } from "../../../pipeline/store/layout.ts";
import { assertRejected } from "../../support/expected_failure.ts";
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

/** Metadata of a model: the registry keeps parts of it, and does not read the model's files. */
const metadata: ArtifactMetadata = {
  layout: 1,
  program: "0.0.0",
  spec: {},
  encoder: { features: [], columnCount: 0 },
  coefficients: [],
  intercept: 0,
  hyperParameters: { penalty: "l2", C: 0.1 },
  data: { fingerprint: "", rows: { train: 8, test: 2, left_out: 0 }, clicks: { train: 3, test: 1 } },
  metrics: { log_loss: 0.5, auc: null, brier: 0.2, ece: 0.1, base_log_loss: 0.6, calibration: [] },
  solver: { name: "newton", iterations: 5, gradientMax: 1e-11, objective: 0.5 },
  notes: [],
  golden: [],
};

type Artifact = Pick<StoredArtifact, "id" | "metadata" | "checksum">;

function artifactOf(digit: string): Artifact {
  return { id: `cw-${digit.repeat(16)}`, metadata, checksum: digit.repeat(64) };
}

const [one, two, three] = ["1", "2", "3"].map(artifactOf);

function assign(registry: Registry, { id }: Artifact, more: Partial<AssignmentEntry> = {}) {
  return registry.assign({ modelId: id, assignedAt: 1000, assignedBy: "a test", ...more });
}

/** Registers models in order. @returns Their versions. */
async function registered(registry: Registry, artifacts: readonly Artifact[]): Promise<number[]> {
  const versions: number[] = [];
  for (const artifact of artifacts) versions.push((await registry.registerModel(artifact, 0)).version);
  return versions;
}

Deno.test("registry: versions are 1, 2, 3 … in the order of registration", async () => {
  await withRegistry(async (registry) => {
    assert.deepEqual(await registered(registry, [two, one, three]), [
      1,
      2,
      3,
    ]);
    assert.deepEqual((await registry.listModels()).map(({ modelId, version }) => [modelId, version]), [
      [three.id, 3],
      [one.id, 2],
      [two.id, 1],
    ]);
  });
});

Deno.test("registry: registering a model again keeps its version and the time of its first registration", async () => {
  await withRegistry(async (registry) => {
    const first = await registry.registerModel(one, 5_000);
    await registry.registerModel(two, 6_000);
    assert.deepEqual(await registry.registerModel(one, 7_000), first);
    assert.equal((await registry.listModels()).length, 2);
    assert.equal((await registry.registerModel(three, 8_000)).version, 3, "no version is skipped");
  });
});

Deno.test("registry: a model's row has its settings, metrics and checksum", async () => {
  await withRegistry(async (registry) => {
    const { checksum, id } = one;
    assert.deepEqual(await registry.registerModel(one, 5_000), {
      modelId: id,
      version: 1,
      createdAt: 5_000,
      hyperParameters: metadata.hyperParameters,
      metrics: metadata.metrics,
      checksum,
    });
  });
});

Deno.test("registry: a model is found by its id and by its version", async () => {
  await withRegistry(async (registry) => {
    for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
    assert.equal((await registry.findModel(two.id)).version, 2);
    assert.equal((await registry.findModel("2")).modelId, two.id);
    assert.equal((await registry.findModel("02")).modelId, two.id);
    for (const unknown of ["3", "0", "", "-1", "2.0", "cw-", "latest", "' OR 1", "9".repeat(30)]) {
      await assertRejected(registry.findModel(unknown), "model-unknown", /There is no model/);
    }
  });
});

Deno.test("registry: no model is in production before the first assignment", async () => {
  await withRegistry(async (registry) => {
    await registry.registerModel(one, 0);
    assert.equal(await registry.activeModel(), undefined);
    assert.deepEqual(await registry.history(), []);
  });
});

Deno.test("registry: the newest assignment is the model in production, and all are in the history", async () => {
  await withRegistry(async (registry) => {
    for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
    // Times that run backwards, as clocks do: the order is that of the assignments.
    const made = [[one, 3000], [two, 2000], [one, 1000], [one, 1000]] as const;
    for (const [{ id }, assignedAt] of made) {
      const assignment = await registry.assign({
        modelId: id,
        assignedAt,
        assignedBy: "a test",
        reason: `at ${assignedAt}`,
      });
      assert.deepEqual(await registry.activeModel(), assignment);
    }
    assert.deepEqual(
      (await registry.history()).map(({ modelId, assignedAt, reason }) => [modelId, assignedAt, reason]),
      made.toReversed().map(([{ id }, at]) => [id, at, `at ${at}`]),
    );
  });
});

Deno.test("registry: an assignment names its model by id, version or alias, and its author", async () => {
  await withRegistry(async (registry) => {
    for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
    await registry.setAlias({ model: "2", alias: "challenger", setAt: 0, setBy: "a test" });
    const request = { assignedAt: 9, assignedBy: "somebody" };
    const made = [];
    for (const modelId of [one.id, "1", "challenger"]) {
      made.push(await registry.assign({ ...request, modelId }));
    }
    assert.deepEqual(
      made,
      [one, one, two].map(({ id }, i) => ({
        assignmentId: i + 1,
        modelId: id,
        version: id === one.id ? 1 : 2,
        ...request,
        reason: null,
      })),
    );
  });
});

Deno.test("registry: a model that is not registered cannot go into production", async () => {
  await withRegistry(async (registry) => {
    await registry.registerModel(one, 0);
    await assign(registry, one);
    await assertRejected(assign(registry, two), "model-unknown", new RegExp(two.id));
    assert.equal((await registry.activeModel())?.modelId, one.id);
  });
});

Deno.test("registry: compare and set succeeds only if the expected model is in production", async () => {
  await withRegistry(async (registry) => {
    for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
    await assertRejected(
      assign(registry, two, { expectedCurrent: one.id }),
      "assignment-conflict",
      /is none, not cw-1/,
    );
    await assign(registry, one);
    await assertRejected(
      assign(registry, two, { expectedCurrent: two.id }),
      "assignment-conflict",
      /is cw-1+, not cw-2/,
    );
    assert.equal((await registry.activeModel())?.modelId, one.id);
    await assign(registry, two, { expectedCurrent: one.id });
    assert.equal((await registry.activeModel())?.modelId, two.id);
    await registry.setAlias({ model: one.id, alias: "champion", setAt: 0, setBy: "a test" });
    for (const expectedCurrent of ["1", "champion", "9", "cw-9"]) {
      await assertRejected(
        assign(registry, one, { expectedCurrent }),
        "assignment-conflict",
        /is cw-2+, not/,
      );
    }
    await assign(registry, one, { expectedCurrent: "2" });
    await assign(registry, two, { expectedCurrent: "champion" });
    assert.equal((await registry.history()).length, 4);
  });
});

Deno.test("registry: an assignment that expects another than the newest assignment changes nothing", async () => {
  await withRegistry(async (registry) => {
    for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
    const first = await assign(registry, one, { expectedAssignmentId: 0 });
    for (const basis of [0, 2]) {
      await assert.rejects(assign(registry, two, { expectedAssignmentId: basis }), ConcurrentAssignment);
      await assertRejected(
        assign(registry, two, { expectedAssignmentId: basis }),
        "assignment-conflict",
        /changed by another process/,
      );
    }
    assert.deepEqual(await registry.history(), [first]);
    assert.equal((await assign(registry, two, { expectedAssignmentId: first.assignmentId })).assignmentId, 2);
  });
});

Deno.test("registry: a rollback returns to the previous model, skipping assignments of the same one", async () => {
  await withRegistry(async (registry) => {
    for (const artifact of [one, two, three]) await registry.registerModel(artifact, 0);
    await assertRejected(
      registry.previousModel(),
      "rollback-impossible",
      /no other model was in production before/,
    );
    await assign(registry, one);
    await assign(registry, one);
    await assertRejected(registry.previousModel(), "rollback-impossible", /no other model/);
    for (const artifact of [two, three, three]) await assign(registry, artifact);
    assert.equal((await registry.previousModel()).modelId, two.id);
    await assign(registry, two);
    assert.equal((await registry.previousModel()).modelId, three.id, "a second rollback undoes the first");
  });
});

Deno.test("registry: the assignment at a time is the newest one up to then", async () => {
  await withRegistry(async (registry) => {
    for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
    const request = { assignedBy: "a test" };
    for (const [{ id }, assignedAt] of [[one, 2000], [two, 3000], [one, 5000]] as const) {
      await registry.assign({ ...request, modelId: id, assignedAt });
    }
    const at = async (micros: number) => (await registry.assignmentAt(micros)).assignmentId;
    assert.deepEqual(await Promise.all([2000, 2999, 3000, 4999, 5000, 9e15].map(at)), [1, 1, 2, 2, 3, 3]);
    await assertRejected(at(1999), "assignment-missing", /No model was in production at 1970-01-01T00:00:00/);
  });
});

Deno.test("registry: the history is read in pages, newest first", async () => {
  await withRegistry(async (registry) => {
    await registry.registerModel(one, 0);
    for (let i = 0; i < 5; i++) await assign(registry, one);
    const ids = async (part?: { limit?: number; before?: number }) =>
      (await registry.history(part)).map(({ assignmentId }) => assignmentId);
    assert.deepEqual(await ids(), [5, 4, 3, 2, 1]);
    assert.deepEqual(await ids({ limit: 2 }), [5, 4]);
    assert.deepEqual(await ids({ limit: 2, before: 4 }), [3, 2]);
    assert.deepEqual(await ids({ before: 1 }), []);
  });
});

Deno.test("registry: the history is append-only", async () => {
  await withRegistry(async (registry, dataDir) => {
    for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
    await assign(registry, one);
    const before = await registry.history();
    for (
      const sql of [
        `UPDATE production_model SET model_id = '${two.id}'`,
        "UPDATE production_model SET assigned_at = 0",
        "DELETE FROM production_model",
        `REPLACE INTO production_model (assignment_id, model_id, assigned_at, assigned_by) VALUES (1, '${two.id}', 0, '')`,
        `INSERT OR REPLACE INTO production_model VALUES (1, '${two.id}', 0, '', NULL)`,
      ]
    ) {
      assert.throws(() => inRegistry(dataDir, ({ db }) => db.exec(sql)), /append-only/, sql);
    }
    assert.deepEqual(await registry.history(), before);
  });
});

Deno.test("registry: a model that was in production cannot be deleted, and an unknown one cannot be assigned", async () => {
  await withRegistry(async (registry, dataDir) => {
    await registry.registerModel(one, 0);
    await assign(registry, one);
    assert.throws(() => inRegistry(dataDir, ({ db }) => db.exec("DELETE FROM models")), /FOREIGN KEY/);
    const insert = "INSERT INTO production_model (model_id, assigned_at, assigned_by) VALUES ('cw-0', 0, '')";
    assert.throws(() => inRegistry(dataDir, ({ db }) => db.exec(insert)), /FOREIGN KEY/);
  });
});

Deno.test("registry: while another process writes, registering and assigning wait, and finally fail as busy", async () => {
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
    await assertRejected(assign(registry, one), "store-busy", /Cannot put a model in production.*locked/);
    const waiting = patient.registerModel(two, 0);
    await new Promise((resolve) => setTimeout(resolve, 60));
    other.exec("ROLLBACK");
    assert.equal((await waiting).version, 2);
    assert.equal((await assign(registry, two)).modelId, two.id);
  });
});

Deno.test("registry: an alias refers to one model at a time, and can be used in place of an id", async () => {
  await withRegistry(async (registry) => {
    const rows = [await registry.registerModel(one, 0), await registry.registerModel(two, 0)];
    const set = (model: string, alias: string) =>
      registry.setAlias({ model, alias, setAt: 7, setBy: "a test" });
    assert.deepEqual(await set("1", "champion"), rows[0]);
    await set(two.id, "challenger");
    await set("champion", "a_second-name");
    assert.equal((await registry.findModel("champion")).modelId, one.id);
    await set("challenger", "champion");
    assert.equal((await registry.findModel("champion")).modelId, two.id);
    const aliases = await registry.aliases();
    assert.deepEqual(rows.map((row) => aliasesOf(row, aliases)), [["a_second-name"], [
      "challenger",
      "champion",
    ]]);
  });
});

Deno.test("registry: an alias is removed from its own model only", async () => {
  await withRegistry(async (registry) => {
    for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
    await registry.setAlias({ model: "1", alias: "champion", setAt: 7, setBy: "a test" });
    await assertRejected(
      registry.removeAlias({ model: "2", alias: "champion" }),
      "alias-unknown",
      /The model cw-2+ has no alias "champion"/,
    );
    await assertRejected(registry.removeAlias({ model: "3", alias: "champion" }), "model-unknown", /"3"/);
    assert.equal((await registry.removeAlias({ model: "champion", alias: "champion" })).modelId, one.id);
    await assertRejected(registry.removeAlias({ alias: "champion" }), "alias-unknown", /There is no alias/);
    await assertRejected(registry.findModel("champion"), "model-unknown", /"champion"/);
    await registry.setAlias({ model: "2", alias: "champion", setAt: 7, setBy: "a test" });
    assert.equal((await registry.removeAlias({ alias: "champion" })).modelId, two.id);
  });
});

Deno.test("registry: an alias cannot look like an id or a version", async () => {
  await withRegistry(async (registry) => {
    await registry.registerModel(one, 0);
    for (
      const alias of ["", "7", "cw-1", "cw-champion", "Champion", "-a", "a b", "a/b", "é", "a".repeat(65)]
    ) {
      await assertRejected(
        registry.setAlias({ model: "1", alias, setAt: 0, setBy: "a test" }),
        "input-invalid",
        /cannot be an alias: expected 1 to 64 lower-case letters/,
      );
    }
    await assertRejected(
      registry.setAlias({ model: "2", alias: "champion", setAt: 0, setBy: "a test" }),
      "model-unknown",
      /"2"/,
    );
    assert.deepEqual(await registry.aliases(), []);
  });
});

Deno.test("registry: a deleted model is neither found, listed nor assigned; the history names it", async () => {
  await withRegistry(async (registry) => {
    await registered(registry, [one, two, three]);
    for (const artifact of [one, two, three]) await assign(registry, artifact);
    const deletion = { deletedAt: 9_000_000, deletedBy: "a test" };
    assert.equal((await registry.deleteModel({ model: "2", ...deletion })).modelId, two.id);
    assert.deepEqual((await registry.listModels()).map(({ version }) => version), [3, 1]);
    for (const attempt of [registry.findModel("2"), registry.findModel(two.id), assign(registry, two)]) {
      await assertRejected(attempt, "model-unknown", /version 2, was deleted at 1970-01-01T00:00:09.000Z/);
    }
    assert.deepEqual((await registry.history()).map(({ modelId }) => modelId), [three.id, two.id, one.id]);
    assert.equal((await registry.previousModel()).modelId, one.id, "a rollback passes over it");
    await assertRejected(registry.deleteModel({ model: "2", ...deletion }), "model-unknown", /was deleted/);
  });
});

Deno.test("registry: the active model and those with an alias are not deleted", async () => {
  await withRegistry(async (registry) => {
    await registered(registry, [one, two]);
    await assign(registry, one);
    await registry.setAlias({ model: "2", alias: "champion", setAt: 0, setBy: "a test" });
    const deletion = { deletedAt: 9, deletedBy: "a test" };
    for (
      const [model, reason] of [["1", /is in production/], ["champion", /champion is an alias/]] as const
    ) {
      await assertRejected(registry.deleteModel({ model, ...deletion }), "model-in-production", reason);
    }
    assert.equal((await registry.listModels()).length, 2);
  });
});

Deno.test("registry: a deleted model that is registered again has its version, and no later model gets it", async () => {
  await withRegistry(async (registry) => {
    const [, row] = [await registry.registerModel(one, 0), await registry.registerModel(two, 5)];
    await registry.deleteModel({ model: two.id, deletedAt: 9, deletedBy: "a test" });
    assert.equal((await registry.registerModel(three, 0)).version, 3);
    assert.deepEqual(await registry.registerModel(two, 6), row);
    assert.deepEqual(await registry.findModel("2"), row);
  });
});

Deno.test("registry: a model has a name and a note, which an empty text removes", async () => {
  await withRegistry(async (registry) => {
    const row = await registry.registerModel(one, 0);
    assert.equal((await registry.setNote({ model: "1", name: " spring " })).name, "spring");
    assert.equal((await registry.setNote({ model: "1", note: "without apr" })).name, "spring");
    assert.deepEqual(await registry.listModels(), [{ ...row, name: "spring", note: "without apr" }]);
    await registry.setNote({ model: "1", name: "", note: " " });
    assert.deepEqual(await registry.findModel("1"), row);
    await assertRejected(
      registry.setNote({ model: "1", name: "x".repeat(101) }),
      "input-invalid",
      /at most 100/,
    );
    await assertRejected(registry.setNote({ model: "2", name: "x" }), "model-unknown", /no model "2"/);
  });
});

Deno.test("registry: one that has no table of notes yet is read, and gets it with the next change", async () => {
  await withRegistry(async (registry, dataDir) => {
    await registered(registry, [one]);
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
