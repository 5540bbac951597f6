import assert from "node:assert/strict";
import { join } from "node:path";
import { columnNames } from "../../../pipeline/encode/column_names.ts";
import { Failure } from "../../../pipeline/failure.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { hashOf } from "../../../pipeline/math/hash.ts";
import { testPart, trainTestSplit } from "../../../pipeline/examples/split.ts";
import { otherFieldsReason } from "../../../pipeline/train/register.ts";
import { assertClose } from "../../support/assert_close.ts";
import { columns, makeRows, spec, withRows } from "../../support/click_tables.ts";
import { type ExampleRow, specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, trainOn, withStore } from "../../support/temp_store.ts";

const all = { testShare: 0 };
const none = { penalty: "none", testShare: 0 } as const;

Deno.test("train: the first model goes into production, later ones only if asked for", async () => {
  await withRows(makeRows(200), async (made) => {
    const first = await trainOn(made, spec);
    assert.equal(first.active, true);
    const second = await trainOn(made, spec, { C: 0.1 });
    assert.equal(second.active, false);
    assert.equal((await made.registry.activeModel())?.modelId, first.model.modelId);
    const third = await trainOn(made, spec, { C: 0.01 }, { activate: true });
    assert.equal(third.active, true);
    assert.deepEqual((await made.registry.history()).map(({ modelId, reason }) => [modelId, reason]), [
      [third.model.modelId, "trained with --activate"],
      [first.model.modelId, "the first model"],
    ]);
    assert.deepEqual((await made.registry.listModels()).map(({ version }) => version), [3, 2, 1]);
  });
});

Deno.test("train: a model of other fields than the one in production takes its place, unless told not to", async () => {
  const fewer = specOf([{ name: "x", type: "numeric" }]);
  await withRows(makeRows(200), async (made) => {
    const first = await trainOn(made, spec);
    const kept = await trainOn(made, fewer, {}, { activate: false });
    assert.deepEqual([kept.active, kept.production.modelId], [false, first.model.modelId]);
    const second = await trainOn(made, fewer);
    assert.deepEqual([second.active, second.production.modelId], [true, second.model.modelId]);
    assert.equal(second.production.reason, otherFieldsReason);
    const sameFields = await trainOn(made, fewer, { C: 0.1 });
    assert.deepEqual([sameFields.active, sameFields.production.version], [false, 2]);
    Deno.removeSync(join(made.modelsDir, second.model.modelId), { recursive: true });
    const unknown = await trainOn(made, spec, { C: 0.1 });
    assert.equal(unknown.active, false, "the fields of a model without files are not known");
  });
});

Deno.test("train: repeating a training gives the same model, and registers no new one", async () => {
  await withRows(makeRows(200), async (made) => {
    const first = await trainOn(made, spec);
    const again = await trainOn(made, spec, {}, { now: 1, activate: true });
    assert.deepEqual(again.model, first.model);
    assert.deepEqual(again.artifact, first.artifact);
    assert.equal(again.active, true);
    assert.equal((await made.registry.listModels()).length, 1);
    assert.equal((await made.registry.history()).length, 1);
  });
});

Deno.test("train: another seed, strength, spec or row gives another model", async () => {
  const rows = makeRows(200);
  const ids = await withRows(rows, async (made) => {
    const other = specOf([{ name: "x", type: "numeric", impute: "mean" }, {
      name: "c",
      type: "categorical",
    }]);
    const reports = [
      await trainOn(made, spec),
      await trainOn(made, spec, { seed: 8 }),
      await trainOn(made, spec, { C: 2 }),
      await trainOn(made, spec, { tolerance: 1e-9 }),
      await trainOn(made, other),
    ];
    insertRows(made.store, [{ id: 1000, who: "new", clicked: 1, x: 0, c: "a" }]);
    return [...reports, await trainOn(made, spec)].map(({ model }) => model.modelId);
  });
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("train: the metrics are those of the predictor on the held-out rows", async () => {
  const rows = makeRows(600);
  await withRows(rows, async (made) => {
    const { artifact: { metadata } } = await trainOn(made, spec, { testShare: 0.3 });
    const { partOf } = trainTestSplit({ seed: 7, testShare: 0.3, negatives: 1 });
    const isHeldOut = ({ who }: ExampleRow) => partOf(hashOf(who), 0, 0) === testPart;
    const predictor = createPredictor(metadata);
    const scored = rows.filter(isHeldOut).map(({ x, c, clicked }) => ({
      clicked,
      probability: predictor.predict({ x, c }, createFindings()),
    }));
    const trained = rows.filter((row) => !isHeldOut(row));
    const allUsed = { read: 600, left_out: 0, no_label: 0, zero_weight: 0 };
    assert.deepEqual(metadata.data.rows, { train: trained.length, test: scored.length, ...allUsed });
    assert.deepEqual(metadata.data.clicks, {
      train: trained.filter(({ clicked }) => clicked === 1).length,
      test: scored.filter(({ clicked }) => clicked === 1).length,
    });
    const mean = (value: (row: typeof scored[number]) => number) =>
      scored.reduce((sum, row) => sum + value(row), 0) / scored.length;
    const { log_loss, brier, auc, base_log_loss } = metadata.metrics;
    assertClose(
      log_loss,
      mean((r) => -Math.log(r.clicked ? r.probability : 1 - r.probability)),
      1e-12,
      "log loss",
    );
    assertClose(brier, mean((r) => (Number(r.clicked) - r.probability) ** 2), 1e-12, "Brier score");
    const rate = metadata.data.clicks.train / metadata.data.rows.train;
    assertClose(base_log_loss, mean((r) => -Math.log(r.clicked ? rate : 1 - rate)), 1e-12, "base log loss");
    assert(auc !== null && auc > 0.7 && log_loss < base_log_loss);
  });
});

Deno.test("train: without held-out rows the metrics are those of the training rows", async () => {
  await withRows(makeRows(100), async (made) => {
    const { artifact: { metadata } } = await trainOn(made, spec, all);
    assert.deepEqual([metadata.data.rows.train, metadata.data.rows.test], [100, 0]);
    assert.equal(metadata.metrics.calibration.reduce((sum, { rows }) => sum + rows, 0), 100);
  });
});

Deno.test("train: the objective in the report is the mean penalised loss, the certificate below the tolerance", async () => {
  await withRows(makeRows(300), async (made) => {
    const { artifact: { metadata } } = await trainOn(made, spec, { ...all, C: 0.5 });
    const { coefficients, metrics, solver } = metadata;
    const squares = coefficients.reduce((sum, value) => sum + value * value, 0);
    assertClose(solver.objective, metrics.log_loss + squares / (2 * 0.5 * 300), 1e-12, "objective");
    assert(solver.gradientMax <= 1e-10 && solver.iterations > 1);
    assert.equal(solver.name, "newton");
    assert.equal(solver.criterion, "step");
    assert((solver.step ?? NaN) <= 1e-9);
  });
});

for (
  const [what, settings, solver] of [
    ["L-BFGS", { solver: "lbfgs" }, "lbfgs"],
    ["proximal Newton for l1", { penalty: "l1" }, "proximal-newton"],
    ["proximal Newton for an elastic net", { penalty: "elasticnet", l1Ratio: 0.3 }, "proximal-newton"],
  ] as const
) {
  Deno.test(`train: the metadata names the solver: ${what}`, async () => {
    await withRows(makeRows(200), async (made) => {
      const { artifact: { metadata } } = await trainOn(made, spec, settings);
      assert.equal(metadata.solver.name, solver);
      assert.equal(metadata.solver.criterion, solver === "lbfgs" ? "gradient" : "subgradient");
      assert(metadata.solver.gradientMax <= 1e-10);
    });
  });
}

Deno.test("train: an elastic net with l1 ratio 0 is the l2 penalty, with 1 the l1 penalty", async () => {
  await withRows(makeRows(200), async (made) => {
    const coefficientsOf = async (settings: Parameters<typeof trainOn>[2]) =>
      (await trainOn(made, spec, settings)).artifact.metadata.coefficients;
    assert.deepEqual(
      await coefficientsOf({ penalty: "elasticnet", l1Ratio: 0 }),
      await coefficientsOf({ penalty: "l2" }),
    );
    assert.deepEqual(
      await coefficientsOf({ penalty: "elasticnet", l1Ratio: 1 }),
      await coefficientsOf({ penalty: "l1" }),
    );
  });
});

Deno.test("train: a strong l1 penalty leaves no coefficient but the intercept, the logit of the click rate", async () => {
  const rows = makeRows(400);
  await withRows(rows, async (made) => {
    const { artifact: { metadata } } = await trainOn(made, spec, { ...all, penalty: "l1", C: 1e-4 });
    assert(metadata.coefficients.every((value) => Object.is(value, 0)), String(metadata.coefficients));
    const rate = rows.filter(({ clicked }) => clicked === 1).length / rows.length;
    assertClose(metadata.intercept, Math.log(rate / (1 - rate)), 1e-8, "intercept");
  });
});

Deno.test("train: sampled negatives and balanced classes give the probabilities of the complete data", async () => {
  const rows = makeRows(6000, { base: -3 });
  const rate = rows.filter(({ clicked }) => clicked === 1).length / rows.length;
  await withRows(rows, async (made) => {
    for (
      const settings of [{ negatives: 0.3 }, { classWeight: "balanced" }, {
        negatives: 0.5,
        classWeight: "balanced",
      }] as const
    ) {
      const { artifact: { metadata } } = await trainOn(made, spec, { ...all, ...settings });
      const predictor = createPredictor(metadata);
      const predicted = rows.reduce(
        (sum, { x, c }) => sum + predictor.predict({ x, c }, createFindings()),
        0,
      );
      assertClose(predicted / rows.length / rate, 1, 0.06, `predicted rate with ${JSON.stringify(settings)}`);
      const { train, left_out } = metadata.data.rows;
      assert.equal(train + left_out, rows.length);
      assert.equal(left_out > 0, "negatives" in settings);
      assert(metadata.metrics.ece < 0.03);
    }
  });
});

Deno.test("train: a weight of n is equivalent to n rows", async () => {
  const rows = makeRows(150);
  const weighted = rows.map((row, i) => ({ ...row, weight: 1 + i % 3 }));
  const repeated = weighted.flatMap((row) => Array.from({ length: row.weight }, () => row));
  const withWeight = specOf([{ name: "x", type: "numeric", scale: "none" }, {
    name: "c",
    type: "categorical",
  }], {
    weight: true,
  });
  const { weight: _, ...without } = withWeight;
  const [one, other] = await Promise.all([
    withStore(tableOf([...columns, "weight"]), async (made) => {
      insertRows(made.store, weighted);
      return (await trainOn(made, withWeight, all)).artifact.metadata;
    }),
    withRows(
      repeated.map(({ weight: _, ...row }, id) => ({ ...row, id })),
      async (made) => (await trainOn(made, without, all)).artifact.metadata,
    ),
  ]);
  one.coefficients.forEach((value, j) =>
    assertClose(value, other.coefficients[j], 1e-8, columnNames(one.encoder)[j])
  );
  assertClose(one.intercept, other.intercept, 1e-8, "intercept");
});

Deno.test("train: pooled levels are noted in the model", async () => {
  const rows = [
    ...makeRows(200),
    ...Array.from({ length: 9 }, (_, i) => ({ id: 500 + i, who: `p${i}`, clicked: 1, x: 0, c: "always" })),
    { id: 600, who: "once", clicked: 0, x: 0, c: "once" },
  ];
  const rare = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical", minCount: 2 }]);
  await withRows(rows, async (made) => {
    const plain = await trainOn(made, rare, all);
    assert.deepEqual(plain.artifact.metadata.notes, [
      "c: 1 level(s) on 1 training row(s) share the column of unseen levels (once): rare.",
    ]);
    const { artifact: { metadata } } = await trainOn(made, rare, none);
    assert.equal(metadata.notes.length, 2);
    assert.match(
      metadata.notes[1],
      /^c: 1 level\(s\) on 9 training row\(s\) .*\(always\): all of their rows have the same label/,
    );
    assert(metadata.coefficients.every((value) => Math.abs(value) < 5));
  });
});

Deno.test("train: two rows are enough, with a penalty", async () => {
  await withRows([{ id: 1, who: "a", clicked: 0, x: 1, c: "a" }, {
    id: 2,
    who: "b",
    clicked: 1,
    x: 2,
    c: "b",
  }], async (made) => {
    const { artifact: { metadata } } = await trainOn(made, spec, all);
    assertClose(metadata.intercept, 0, 1e-9, "intercept, by symmetry");
    assert(metadata.coefficients[0] > 0);
  });
});

Deno.test("train: extreme numbers without scaling give a model, or a failure that says what to do", async () => {
  const raw = specOf([{ name: "x", type: "numeric", scale: "none" }, { name: "c", type: "categorical" }]);
  for (const factor of [1e-9, 1e6, 1e12, 1e150]) {
    await withRows(makeRows(200).map((row) => ({ ...row, x: Number(row.x) * factor })), async (made) => {
      try {
        const { artifact: { metadata } } = await trainOn(made, raw, all);
        assert(metadata.solver.gradientMax <= 1e-10 && Number.isFinite(metadata.metrics.log_loss));
      } catch (error) {
        assert(error instanceof Failure && error.kind === "not-converged", String(error));
        assert.match(error.message, /scale the numeric fields/);
      }
    });
  }
});

Deno.test("train: golden examples are distinct rows with text ids too", async () => {
  await withStore(tableOf(columns, { id: "id TEXT NOT NULL PRIMARY KEY" }), async (made) => {
    insertRows(made.store, makeRows(100).map((row) => ({ ...row, id: `row ${row.id}` })));
    const { artifact: { metadata } } = await trainOn(made, spec);
    assert.equal(new Set(metadata.golden.map(({ features }) => features.x)).size, 8);
  });
});

Deno.test("train: models are written to the models folder only", async () => {
  await withRows(makeRows(100), async (made) => {
    const { model } = await trainOn(made, spec);
    assert.deepEqual([...Deno.readDirSync(made.modelsDir)].map(({ name }) => name), [model.modelId]);
    assert(!Array.from(Deno.readDirSync(made.dataDir)).some(({ name }) => name === join(model.modelId)));
  });
});
