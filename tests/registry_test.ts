import assert from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../pipeline/failure.ts";
import type { Artifact } from "../pipeline/model/artifact.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";
import { aliasesOf, listAliases, removeAlias, setAlias } from "../pipeline/model/model_alias.ts";
import {
  activeModel,
  assignmentAt,
  assignmentHistory,
  assignModel,
  findModel,
  listModels,
  previousModel,
  registerModel,
} from "../pipeline/model/registry.ts";
import { openStore, type Store } from "../pipeline/store/store.ts";
import { assertFailure } from "./expected_failure.ts";
import { inFolder } from "./program.ts";

/** Gives a test an empty store. */
function withRegistry(test: (store: Store, dataDir: string) => void): Promise<void> {
  return inFolder((folder) => {
    const dataDir = join(folder, "data");
    const store = openStore(dataDir, { mode: "create", freeBytesMin: 0 });
    try {
      test(store, dataDir);
    } finally {
      store.close();
    }
    return Promise.resolve();
  });
}

/** The registry keeps some of it, and never looks at a model's files. */
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

function artifactOf(digit: string): Artifact {
  return { id: `cw-${digit.repeat(16)}`, metadata, checksum: digit.repeat(64) };
}

const [one, two, three] = ["1", "2", "3"].map(artifactOf);

function assign(store: Store, { id }: Artifact, more: { reason?: string; expectedCurrent?: string } = {}) {
  return assignModel(store, { modelId: id, assignedAt: 1000, assignedBy: "a test", ...more });
}

Deno.test("registry: versions are 1, 2, 3 … in the order of registration", async () => {
  await withRegistry((store) => {
    assert.deepEqual([two, one, three].map((artifact) => registerModel(store, artifact, 0).version), [
      1,
      2,
      3,
    ]);
    assert.deepEqual(listModels(store).map(({ modelId, version }) => [modelId, version]), [
      [three.id, 3],
      [one.id, 2],
      [two.id, 1],
    ]);
  });
});

Deno.test("registry: a model that is known keeps its version and the time of its first registration", async () => {
  await withRegistry((store) => {
    const first = registerModel(store, one, 5_000);
    registerModel(store, two, 6_000);
    assert.deepEqual(registerModel(store, one, 7_000), first);
    assert.equal(listModels(store).length, 2);
    assert.equal(registerModel(store, three, 8_000).version, 3, "no version is skipped");
  });
});

Deno.test("registry: a model's row has its settings, metrics and checksum", async () => {
  await withRegistry((store) => {
    const { checksum, id } = one;
    assert.deepEqual(registerModel(store, one, 5_000), {
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
  await withRegistry((store) => {
    for (const artifact of [one, two]) registerModel(store, artifact, 0);
    assert.equal(findModel(store, two.id).version, 2);
    assert.equal(findModel(store, "2").modelId, two.id);
    assert.equal(findModel(store, "02").modelId, two.id);
    for (const unknown of ["3", "0", "", "-1", "2.0", "cw-", "latest", "' OR 1", "9".repeat(30)]) {
      assertFailure(() => findModel(store, unknown), "model-unknown", /There is no model/);
    }
  });
});

Deno.test("registry: no model is in production before the first assignment", async () => {
  await withRegistry((store) => {
    registerModel(store, one, 0);
    assert.equal(activeModel(store), undefined);
    assert.deepEqual(assignmentHistory(store), []);
  });
});

Deno.test("registry: the newest assignment is the model in production, the others are its history", async () => {
  await withRegistry((store) => {
    for (const artifact of [one, two]) registerModel(store, artifact, 0);
    // Times that run backwards, as clocks do: the order is that of the assignments.
    const made = [[one, 3000], [two, 2000], [one, 1000], [one, 1000]] as const;
    for (const [{ id }, assignedAt] of made) {
      const assignment = assignModel(store, {
        modelId: id,
        assignedAt,
        assignedBy: "a test",
        reason: `at ${assignedAt}`,
      });
      assert.deepEqual(activeModel(store), assignment);
    }
    assert.deepEqual(
      assignmentHistory(store).map(({ modelId, assignedAt, reason }) => [modelId, assignedAt, reason]),
      made.toReversed().map(([{ id }, at]) => [id, at, `at ${at}`]),
    );
  });
});

Deno.test("registry: an assignment names its model by id, version or alias, and who made it", async () => {
  await withRegistry((store) => {
    for (const artifact of [one, two]) registerModel(store, artifact, 0);
    setAlias(store, { model: "2", alias: "challenger", setAt: 0, setBy: "a test" });
    const request = { assignedAt: 9, assignedBy: "somebody" };
    const made = [one.id, "1", "challenger"].map((modelId) => assignModel(store, { ...request, modelId }));
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
  await withRegistry((store) => {
    registerModel(store, one, 0);
    assign(store, one);
    assertFailure(() => assign(store, two), "model-unknown", new RegExp(two.id));
    assert.equal(activeModel(store)?.modelId, one.id);
    assert.equal(store.db.isTransaction, false);
  });
});

Deno.test("registry: compare and set takes effect only if the expected model is in production", async () => {
  await withRegistry((store) => {
    for (const artifact of [one, two]) registerModel(store, artifact, 0);
    assertFailure(
      () => assign(store, two, { expectedCurrent: one.id }),
      "assignment-conflict",
      /is none, not cw-1/,
    );
    assign(store, one);
    assertFailure(
      () => assign(store, two, { expectedCurrent: two.id }),
      "assignment-conflict",
      /is cw-1+, not cw-2/,
    );
    assert.equal(activeModel(store)?.modelId, one.id);
    assign(store, two, { expectedCurrent: one.id });
    assert.equal(activeModel(store)?.modelId, two.id);
    setAlias(store, { model: one.id, alias: "champion", setAt: 0, setBy: "a test" });
    for (const expectedCurrent of ["1", "champion", "9", "cw-9"]) {
      assertFailure(() => assign(store, one, { expectedCurrent }), "assignment-conflict", /is cw-2+, not/);
    }
    assign(store, one, { expectedCurrent: "2" });
    assign(store, two, { expectedCurrent: "champion" });
    assert.equal(assignmentHistory(store).length, 4);
  });
});

Deno.test("registry: a check of the current assignment is part of the transaction", async () => {
  await withRegistry((store) => {
    for (const artifact of [one, two]) registerModel(store, artifact, 0);
    const made = assign(store, one);
    const refuse = (current: unknown) => {
      assert.deepEqual(current, made);
      assert.ok(store.db.isTransaction);
      throw new Failure("precondition-failed", "no");
    };
    const request = { modelId: two.id, assignedAt: 0, assignedBy: "a test" };
    assertFailure(() => assignModel(store, { ...request, check: refuse }), "precondition-failed", /no/);
    assert.deepEqual([activeModel(store), store.db.isTransaction], [made, false]);
  });
});

Deno.test("registry: a rollback goes to the model before, over assignments of the same one", async () => {
  await withRegistry((store) => {
    for (const artifact of [one, two, three]) registerModel(store, artifact, 0);
    assertFailure(() => previousModel(store), "rollback-impossible", /no other one was in production before/);
    assign(store, one);
    assign(store, one);
    assertFailure(() => previousModel(store), "rollback-impossible", /no other one/);
    for (const artifact of [two, three, three]) assign(store, artifact);
    assert.equal(previousModel(store).modelId, two.id);
    assign(store, two);
    assert.equal(previousModel(store).modelId, three.id, "a second rollback undoes the first");
  });
});

Deno.test("registry: what was in production at a moment is the newest assignment until then", async () => {
  await withRegistry((store) => {
    for (const artifact of [one, two]) registerModel(store, artifact, 0);
    const request = { assignedBy: "a test" };
    for (const [{ id }, assignedAt] of [[one, 2000], [two, 3000], [one, 5000]] as const) {
      assignModel(store, { ...request, modelId: id, assignedAt });
    }
    const at = (micros: number) => assignmentAt(store, micros).assignmentId;
    assert.deepEqual([2000, 2999, 3000, 4999, 5000, 9e15].map(at), [1, 1, 2, 2, 3, 3]);
    assertFailure(() => at(1999), "assignment-missing", /No model was in production at 1970-01-01T00:00:00/);
  });
});

Deno.test("registry: the history is read in parts, the newest first", async () => {
  await withRegistry((store) => {
    registerModel(store, one, 0);
    for (let i = 0; i < 5; i++) assign(store, one);
    const ids = (part?: { limit?: number; before?: number }) =>
      assignmentHistory(store, part).map(({ assignmentId }) => assignmentId);
    assert.deepEqual(ids(), [5, 4, 3, 2, 1]);
    assert.deepEqual(ids({ limit: 2 }), [5, 4]);
    assert.deepEqual(ids({ limit: 2, before: 4 }), [3, 2]);
    assert.deepEqual(ids({ before: 1 }), []);
  });
});

Deno.test("registry: the history can only grow", async () => {
  await withRegistry((store) => {
    for (const artifact of [one, two]) registerModel(store, artifact, 0);
    assign(store, one);
    const before = assignmentHistory(store);
    for (
      const sql of [
        `UPDATE production_model SET model_id = '${two.id}'`,
        "UPDATE production_model SET assigned_at = 0",
        "DELETE FROM production_model",
        `REPLACE INTO production_model (assignment_id, model_id, assigned_at, assigned_by) VALUES (1, '${two.id}', 0, '')`,
        `INSERT OR REPLACE INTO production_model VALUES (1, '${two.id}', 0, '', NULL)`,
      ]
    ) {
      assert.throws(() => store.db.exec(sql), /append-only/, sql);
    }
    assert.deepEqual(assignmentHistory(store), before);
  });
});

Deno.test("registry: a model that was in production cannot be forgotten, nor one be assigned that is none", async () => {
  await withRegistry((store) => {
    registerModel(store, one, 0);
    assign(store, one);
    assert.throws(() => store.db.exec("DELETE FROM models"), /FOREIGN KEY/);
    const insert = "INSERT INTO production_model (model_id, assigned_at, assigned_by) VALUES ('cw-0', 0, '')";
    assert.throws(() => store.db.exec(insert), /FOREIGN KEY/);
  });
});

Deno.test("registry: while another process writes, registering and assigning fail as busy, and work afterwards", async () => {
  await withRegistry((store, dataDir) => {
    registerModel(store, one, 0);
    store.db.exec("PRAGMA busy_timeout = 0");
    const other = openStore(dataDir, { mode: "write", freeBytesMin: 0 });
    try {
      other.db.exec("BEGIN IMMEDIATE");
      assertFailure(
        () => registerModel(store, two, 0),
        "store-busy",
        /Cannot register the model cw-2.*locked/,
      );
      assertFailure(() => assign(store, one), "store-busy", /Cannot put a model in production.*locked/);
      other.db.exec("ROLLBACK");
    } finally {
      other.close();
    }
    assert.equal(registerModel(store, two, 0).version, 2);
    assert.equal(assign(store, two).modelId, two.id);
  });
});

Deno.test("registry: an alias stands for one model at a time, wherever an id does", async () => {
  await withRegistry((store) => {
    const rows = [one, two].map((artifact) => registerModel(store, artifact, 0));
    const set = (model: string, alias: string) =>
      setAlias(store, { model, alias, setAt: 7, setBy: "a test" });
    assert.deepEqual(set("1", "champion"), rows[0]);
    set(two.id, "challenger");
    set("champion", "a_second-name");
    assert.equal(findModel(store, "champion").modelId, one.id);
    set("challenger", "champion");
    assert.equal(findModel(store, "champion").modelId, two.id);
    assert.deepEqual(rows.map((row) => aliasesOf(row, listAliases(store))), [["a_second-name"], [
      "challenger",
      "champion",
    ]]);
  });
});

Deno.test("registry: an alias is taken from its model, and from no other", async () => {
  await withRegistry((store) => {
    for (const artifact of [one, two]) registerModel(store, artifact, 0);
    setAlias(store, { model: "1", alias: "champion", setAt: 7, setBy: "a test" });
    assertFailure(
      () => removeAlias(store, { model: "2", alias: "champion" }),
      "alias-unknown",
      /The model cw-2+ has no alias "champion"/,
    );
    assertFailure(() => removeAlias(store, { model: "3", alias: "champion" }), "model-unknown", /"3"/);
    assert.equal(removeAlias(store, { model: "champion", alias: "champion" }).modelId, one.id);
    assertFailure(() => removeAlias(store, { alias: "champion" }), "alias-unknown", /There is no alias/);
    assertFailure(() => findModel(store, "champion"), "model-unknown", /"champion"/);
    setAlias(store, { model: "2", alias: "champion", setAt: 7, setBy: "a test" });
    assert.equal(removeAlias(store, { alias: "champion" }).modelId, two.id);
  });
});

Deno.test("registry: no alias can be taken for an id or a version, now or later", async () => {
  await withRegistry((store) => {
    registerModel(store, one, 0);
    for (
      const alias of ["", "7", "cw-1", "cw-champion", "Champion", "-a", "a b", "a/b", "é", "a".repeat(65)]
    ) {
      assertFailure(
        () => setAlias(store, { model: "1", alias, setAt: 0, setBy: "a test" }),
        "input-invalid",
        /cannot be an alias: expected 1 to 64 lower-case letters/,
      );
    }
    assertFailure(
      () => setAlias(store, { model: "2", alias: "champion", setAt: 0, setBy: "a test" }),
      "model-unknown",
      /"2"/,
    );
    assert.deepEqual(listAliases(store), []);
  });
});
