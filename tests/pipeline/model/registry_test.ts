import assert from "node:assert/strict";
import { aliasesOf } from "../../../pipeline/model/registry.ts";
import {
  type AssignmentEntry,
  ConcurrentAssignment,
  type Registry,
} from "../../../pipeline/model/registry.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { type NamedArtifact, namedArtifact } from "../../support/named_artifact.ts";
import {
  embedded,
  inPostgres,
  stopSharedPostgres,
  type TestedRegistry,
  withConnections,
} from "../../support/registries.ts";

/** Tests a registry in the data folder, and one in PostgreSQL. */
function registryTest(name: string, run: (tested: TestedRegistry) => Promise<void>): void {
  for (const { name: kind, ignore, use } of [embedded, inPostgres]) {
    Deno.test({ name: `registry, ${kind}: ${name}`, ignore, fn: () => use(run), ...withConnections });
  }
}

Deno.test.afterAll(stopSharedPostgres);

const [one, two, three] = ["1", "2", "3"].map(namedArtifact);

function assign(registry: Registry, { id }: NamedArtifact, more: Partial<AssignmentEntry> = {}) {
  return registry.assign({ modelId: id, assignedAt: 1000, assignedBy: "a test", ...more });
}

/** Registers models in order. @returns Their versions. */
async function registered(registry: Registry, artifacts: readonly NamedArtifact[]): Promise<number[]> {
  const versions: number[] = [];
  for (const artifact of artifacts) versions.push((await registry.registerModel(artifact, 0)).version);
  return versions;
}

registryTest("versions are 1, 2, 3 … in the order of registration", async ({ registry }) => {
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

registryTest(
  "registering a model again keeps its version and the time of its first registration",
  async ({ registry }) => {
    const first = await registry.registerModel(one, 5_000);
    await registry.registerModel(two, 6_000);
    assert.deepEqual(await registry.registerModel(one, 7_000), first);
    assert.equal((await registry.listModels()).length, 2);
    assert.equal((await registry.registerModel(three, 8_000)).version, 3, "no version is skipped");
  },
);

registryTest("a model's row has its settings, metrics and checksum", async ({ registry }) => {
  const { checksum, id } = one;
  assert.deepEqual(await registry.registerModel(one, 5_000), {
    modelId: id,
    version: 1,
    createdAt: 5_000,
    hyperParameters: one.metadata.hyperParameters,
    metrics: one.metadata.metrics,
    checksum,
  });
});

registryTest("a model is found by its id and by its version", async ({ registry }) => {
  for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
  assert.equal((await registry.findModel(two.id)).version, 2);
  assert.equal((await registry.findModel("2")).modelId, two.id);
  assert.equal((await registry.findModel("02")).modelId, two.id);
  for (const unknown of ["3", "0", "", "-1", "2.0", "cw-", "latest", "' OR 1", "9".repeat(30), "a\0b"]) {
    await assertRejected(registry.findModel(unknown), "model-unknown", /There is no model/);
  }
});

registryTest("no model is in production before the first assignment", async ({ registry }) => {
  await registry.registerModel(one, 0);
  assert.equal(await registry.activeModel(), undefined);
  assert.deepEqual(await registry.history(), []);
});

registryTest(
  "the newest assignment is the model in production, and all are in the history",
  async ({ registry }) => {
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
  },
);

registryTest(
  "an assignment names its model by id, version or alias, and its author",
  async ({ registry }) => {
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
  },
);

registryTest("a model that is not registered cannot go into production", async ({ registry }) => {
  await registry.registerModel(one, 0);
  await assign(registry, one);
  await assertRejected(assign(registry, two), "model-unknown", new RegExp(two.id));
  assert.equal((await registry.activeModel())?.modelId, one.id);
});

registryTest("compare and set succeeds only if the expected model is in production", async ({ registry }) => {
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

registryTest(
  "an assignment that expects another than the newest assignment changes nothing",
  async ({ registry }) => {
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
  },
);

registryTest(
  "a rollback returns to the previous model, skipping assignments of the same one",
  async ({ registry }) => {
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
  },
);

registryTest("the assignment at a time is the newest one up to then", async ({ registry }) => {
  for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
  const request = { assignedBy: "a test" };
  for (const [{ id }, assignedAt] of [[one, 2000], [two, 3000], [one, 5000]] as const) {
    await registry.assign({ ...request, modelId: id, assignedAt });
  }
  const at = async (micros: number) => (await registry.assignmentAt(micros)).assignmentId;
  assert.deepEqual(await Promise.all([2000, 2999, 3000, 4999, 5000, 9e15].map(at)), [1, 1, 2, 2, 3, 3]);
  await assertRejected(at(1999), "assignment-missing", /No model was in production at 1970-01-01T00:00:00/);
});

registryTest("the history is read in pages, newest first", async ({ registry }) => {
  await registry.registerModel(one, 0);
  for (let i = 0; i < 5; i++) await assign(registry, one);
  const ids = async (part?: { limit?: number; before?: number }) =>
    (await registry.history(part)).map(({ assignmentId }) => assignmentId);
  assert.deepEqual(await ids(), [5, 4, 3, 2, 1]);
  assert.deepEqual(await ids({ limit: 2 }), [5, 4]);
  assert.deepEqual(await ids({ limit: 2, before: 4 }), [3, 2]);
  assert.deepEqual(await ids({ before: 1 }), []);
});

registryTest("the history is append-only", async ({ registry, execute, only }) => {
  for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
  await assign(registry, one);
  const before = await registry.history();
  const values = `'${two.id}', 0, '', NULL`;
  for (
    const sql of [
      `UPDATE production_model SET model_id = '${two.id}'`,
      "UPDATE production_model SET assigned_at = 0",
      "DELETE FROM production_model",
      ...only({
        embedded: [
          `REPLACE INTO production_model (assignment_id, model_id, assigned_at, assigned_by) VALUES (1, '${two.id}', 0, '')`,
          `INSERT OR REPLACE INTO production_model VALUES (1, ${values})`,
        ],
        PostgreSQL: [
          "TRUNCATE production_model",
          "TRUNCATE models CASCADE",
          "DELETE FROM production_model WHERE false",
          `INSERT INTO production_model VALUES (1, ${values}) ON CONFLICT (assignment_id) DO UPDATE SET assigned_at = 0`,
          `INSERT INTO production_model VALUES (3, ${values})`,
        ],
      }),
    ]
  ) {
    await assert.rejects(execute(sql), /append-only/, sql);
  }
  assert.deepEqual(await registry.history(), before);
});

registryTest(
  "a model that was in production cannot be deleted, and an unknown one cannot be assigned",
  async ({ registry, execute }) => {
    await registry.registerModel(one, 0);
    await assign(registry, one);
    await assert.rejects(execute("DELETE FROM models"), /foreign key/i);
    await assert.rejects(
      execute(
        "INSERT INTO production_model (assignment_id, model_id, assigned_at, assigned_by) VALUES (2, 'cw-0', 0, '')",
      ),
      /foreign key/i,
    );
  },
);

registryTest("of twenty assignments that expect the same one, one is made", async ({ registry, open }) => {
  for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
  await assign(registry, one);
  const others = await Promise.all(Array.from({ length: 5 }, open));
  const outcomes = await Promise.allSettled(
    Array.from(
      { length: 20 },
      (_, i) =>
        assign(others[i % others.length], two, { expectedAssignmentId: 1, assignedBy: `client ${i}` }),
    ),
  );
  const made = outcomes.flatMap((outcome) => outcome.status === "fulfilled" ? [outcome.value] : []);
  assert.deepEqual(made.map(({ assignmentId }) => assignmentId), [2]);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") {
      assert.ok(outcome.reason instanceof ConcurrentAssignment, outcome.reason);
    }
  }
  assert.deepEqual((await registry.history()).map(({ assignmentId }) => assignmentId), [2, 1]);
  assert.deepEqual(await registry.activeModel(), made[0]);
});

registryTest(
  "twenty assignments at once without a condition are all made, in one order",
  async ({ registry, open }) => {
    for (const artifact of [one, two]) await registry.registerModel(artifact, 0);
    const others = await Promise.all(Array.from({ length: 5 }, open));
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) => assign(others[i % others.length], i % 2 === 0 ? one : two)),
    );
    const ids = made.map(({ assignmentId }) => assignmentId).sort((a, b) => a - b);
    assert.deepEqual(ids, Array.from({ length: 20 }, (_, i) => i + 1));
    assert.equal((await registry.history()).length, 20);
  },
);

registryTest("models that are registered at once get versions without a gap", async ({ registry, open }) => {
  const others = await Promise.all(Array.from({ length: 4 }, open));
  const digits = ["1", "2", "3", "4", "5", "6", "7", "8", "1", "2"];
  const rows = await Promise.all(
    digits.map((digit, i) => others[i % others.length].registerModel(namedArtifact(digit), i)),
  );
  assert.deepEqual(new Set(rows.map(({ version }) => version)), new Set([1, 2, 3, 4, 5, 6, 7, 8]));
  assert.equal((await registry.listModels()).length, 8);
});

registryTest(
  "a watch tells of what another process has changed, and the stamp differs then",
  async ({ registry, open }) => {
    await registry.registerModel(one, 0);
    const other = await open();
    // The timers of a watch do not keep a process running.
    const waiting = setInterval(() => {}, 1_000);
    let told = () => {};
    const watch = registry.watch(() => {
      told();
      return Promise.resolve(true);
    });
    try {
      const changes = [
        () => other.registerModel(two, 0),
        () => assign(other, one),
        () => other.setAlias({ model: "1", alias: "champion", setAt: 0, setBy: "a test" }),
        () => other.removeAlias({ alias: "champion" }),
        () => other.setNote({ model: "1", note: "a note" }),
        () => other.deleteModel({ model: "2", deletedAt: 0, deletedBy: "a test" }),
      ];
      for (const change of changes) {
        const before = registry.stamp();
        const isTold = new Promise<void>((resolve) => told = resolve);
        await change();
        await isTold;
        assert.notEqual(registry.stamp(), before);
      }
    } finally {
      watch.stop();
      clearInterval(waiting);
    }
  },
);

registryTest(
  "the stamp differs after a change by the same process, and stays without one",
  async ({ registry }) => {
    await registry.registerModel(one, 0);
    // The time of a file that has just changed is not settled.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = registry.stamp();
    await registry.listModels();
    assert.equal(registry.stamp(), before);
    await registry.setAlias({ model: "1", alias: "champion", setAt: 0, setBy: "a test" });
    assert.notEqual(registry.stamp(), before);
  },
);

registryTest(
  "an alias refers to one model at a time, and can be used in place of an id",
  async ({ registry }) => {
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
  },
);

registryTest("an alias is removed from its own model only", async ({ registry }) => {
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

registryTest("an alias cannot look like an id or a version", async ({ registry }) => {
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

registryTest(
  "a deleted model is neither found, listed nor assigned; the history names it",
  async ({ registry }) => {
    await registered(registry, [one, two, three]);
    for (const artifact of [one, two, three]) await assign(registry, artifact);
    const deletion = { deletedAt: 9_000_000, deletedBy: "a test" };
    assert.equal((await registry.deleteModel({ model: "2", ...deletion })).modelId, two.id);
    assert.deepEqual((await registry.listModels()).map(({ version }) => version), [3, 1]);
    const attempts = [
      () => registry.findModel("2"),
      () => registry.findModel(two.id),
      () => assign(registry, two),
    ];
    for (const attempt of attempts) {
      await assertRejected(attempt(), "model-unknown", /version 2, was deleted at 1970-01-01T00:00:09.000Z/);
    }
    assert.deepEqual((await registry.history()).map(({ modelId }) => modelId), [three.id, two.id, one.id]);
    assert.equal((await registry.previousModel()).modelId, one.id, "a rollback passes over it");
    await assertRejected(registry.deleteModel({ model: "2", ...deletion }), "model-unknown", /was deleted/);
  },
);

registryTest("the active model and those with an alias are not deleted", async ({ registry }) => {
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

registryTest(
  "a deleted model that is registered again has its version, and no later model gets it",
  async ({ registry }) => {
    const [, row] = [await registry.registerModel(one, 0), await registry.registerModel(two, 5)];
    await registry.deleteModel({ model: two.id, deletedAt: 9, deletedBy: "a test" });
    assert.equal((await registry.registerModel(three, 0)).version, 3);
    assert.deepEqual(await registry.registerModel(two, 6), row);
    assert.deepEqual(await registry.findModel("2"), row);
  },
);

registryTest("a model has a name and a note, which an empty text removes", async ({ registry }) => {
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
