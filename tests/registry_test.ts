import assert from "node:assert/strict";
import { join } from "node:path";
import type { Artifact } from "../pipeline/model/artifact.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";
import {
  activeModel,
  assignmentHistory,
  assignModel,
  findModel,
  listModels,
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

Deno.test("registry: an assignment names its model by id or version, and who made it", async () => {
  await withRegistry((store) => {
    registerModel(store, one, 0);
    const made = assignModel(store, { modelId: "1", assignedAt: 9, assignedBy: "somebody" });
    assert.deepEqual(made, {
      modelId: one.id,
      version: 1,
      assignedAt: 9,
      assignedBy: "somebody",
      reason: null,
    });
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
    assert.equal(assignmentHistory(store).length, 2);
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
