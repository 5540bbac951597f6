import assert from "node:assert/strict";
import { join } from "node:path";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { columnNames } from "../../../pipeline/encode/column_names.ts";
import type { Encoder, NumericEncoder } from "../../../pipeline/encode/encoder.ts";
import type { Partition } from "../../../pipeline/examples/split.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { createColumnFindings } from "../../../pipeline/model/column_findings.ts";
import { createColumnPredictor } from "../../../pipeline/model/column_predictor.ts";
import { columnCountOf } from "../../../pipeline/model/encoder_shape.ts";
import { createRowEncoder } from "../../../pipeline/model/encoded_row.ts";
import { createExplainer } from "../../../pipeline/model/explanation.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { denseExamples } from "../../support/dense_loss.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { encodeRows, type ExampleRow, type FeatureText, specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, trainOn, withStore } from "../../support/temp_store.ts";
import { denseRow, loadByTfjs } from "../../support/tfjs_model.ts";

const runs = { seed: 17, numRuns: 80 };

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
  fc.integer({ min: -3, max: 3 }),
  // Neighbouring numbers, which their logarithms do not tell apart.
  fc.constantFrom(0, -0, null, 10, 10.000000000000002, 1e15, 1e15 + 0.125),
);
const fields = fc.record({
  x: number,
  y: number,
  z: number,
  c: fc.constantFrom("a", "b", "12", null),
  at: fc.constantFrom(1e15, 1.1e15, null),
});
const rows = fc.array(fields, { minLength: 1, maxLength: 60 });
const names = ["at", "x", "y", "c", "z"] as const;

/** Nested bins, exact values, and both, with a time, whose parts are codes too, before them. */
const features: readonly FeatureText[] = [
  { name: "at", type: "time", parts: ["weekday", "month"] },
  { name: "x", type: "numeric", transform: "log1p", bins: [2, 4, 9], values: { minCount: 2 } },
  { name: "y", type: "numeric", transform: "log1p", values: { minCount: 1 } },
  { name: "c", type: "categorical" },
  { name: "z", type: "numeric", bins: [3, 5], missingIndicator: false },
];
const divided = specOf(features);
const combined = specOf(features, {
  crosses: [
    { of: ["c", { name: "x", bins: 9 }], minCount: 1 },
    { of: ["c", "x"], minCount: 1 },
    { of: [{ name: "z", bins: 5 }, { name: "x", values: true }, "y"], minCount: 1 },
  ],
  rates: [{ of: [{ name: "y", values: true }, { name: "x", bins: 4 }] }],
});
/** Even rows are training rows, odd ones are held out. */
const evenRows: Partition = { partCount: 3, partOf: (_group, _label, i) => i % 2 };

/** A model whose columns all have different coefficients. */
function modelOf(encoder: Encoder) {
  return {
    encoder,
    coefficients: Float64Array.from({ length: encoder.columnCount }, (_, j) => ((j * 37) % 101) / 64 - 0.7),
    intercept: 0.25,
  };
}

/** The row as serving encodes it. */
function servedColumns(encoder: Encoder, row: ExampleRow): number[] {
  const columns = new Array<number>(encoder.columnCount).fill(0);
  createRowEncoder(encoder)(row, (_, column, value) => columns[column] += value);
  return columns.map((value) => value + 0);
}

function numericOf(encoder: Encoder, name: string): NumericEncoder {
  const feature = encoder.features.find((feature) => feature.name === name);
  assert(feature?.type === "numeric");
  return feature;
}

for (const [name, spec] of [["divisions", divided], ["divisions that are combined", combined]] as const) {
  // Rates of training rows are out of fold.
  const fixed = (encoder: Encoder) => encoder.columnCount - (spec.rates?.length ?? 0);

  Deno.test(`${name}: serving encodes a row as training did, bit for bit`, () => {
    fc.assert(
      fc.property(rows, (rows) => {
        const { encoder, design } = encodeRows(spec, rows, { chunkRows: 7 });
        const { X } = denseExamples(design);
        assert.equal(columnNames(encoder).length, encoder.columnCount);
        assert.equal(columnCountOf(encoder), encoder.columnCount);
        rows.forEach((row, i) => {
          const trained = X[i].slice(0, fixed(encoder)).map((value) => value + 0);
          assert.deepEqual(servedColumns(encoder, row).slice(0, fixed(encoder)), trained);
        });
      }),
      runs,
    );
  });

  Deno.test(`${name}: the predictor's log-odds are those of its explanation, to the last bit, and of the columns`, () => {
    fc.assert(
      fc.property(rows, fc.array(fields, { maxLength: 10 }), (rows, others) => {
        const model = modelOf(encodeRows(spec, rows).encoder);
        const [predictor, explain] = [createPredictor(model), createExplainer(model)];
        for (const row of [...rows, ...others]) {
          const findings = createFindings();
          const logit = predictor.logit(row, findings);
          assert.deepEqual(findings.errors, []);
          assert.equal(logit, explain(row).logit);
          const columns = servedColumns(model.encoder, row);
          const sum = columns.reduce((sum, value, j) => sum + value * model.coefficients[j], model.intercept);
          assert(Math.abs(logit - sum) <= 1e-9 * Math.max(1, Math.abs(sum)));
        }
      }),
      runs,
    );
  });

  Deno.test(`${name}: fitted on the training rows alone`, () => {
    // A column's type depends on all its values: here it is the same with and without the other rows.
    const first = { x: 0, y: 0, z: 0, c: "a", at: 1e15 };
    fc.assert(
      fc.property(rows.map((rows) => [first, ...rows]), (rows) => {
        const { encoder } = encodeRows(spec, rows, { partition: evenRows });
        assert.deepEqual(encoder, encodeRows(spec, rows.filter((_, i) => i % 2 === 0)).encoder);
      }),
      runs,
    );
  });
}

Deno.test("divisions: rows scored by columns equal rows scored one by one", () => {
  fc.assert(
    fc.property(rows, (rows) => {
      const model = modelOf(encodeRows(divided, rows).encoder);
      const columns = names.map((name) => rows.map((row): unknown => row[name]));
      const logits = createColumnPredictor(model)?.(columns, rows.length, createColumnFindings(names.length));
      const predictor = createPredictor(model);
      assert.deepEqual([...logits ?? []], rows.map((row) => predictor.logit(row, createFindings())));
    }),
    runs,
  );
});

Deno.test("divisions: a row lacks none of its columns in tfjs, with and without hidden layers", async () => {
  const features = [
    { name: "x", type: "numeric", bins: [2, 8], values: { minCount: 20 } },
    { name: "c", type: "categorical" },
  ];
  const random = createRandom(3);
  const shown = Array.from({ length: 1_200 }, (_, id) => {
    const x = random.below(10) === 0 ? null : random.below(3) === 0 ? random.below(5) : 9 * random.uniform();
    const clicked = random.uniform() < (x !== null && (x === 3 || x > 7) ? 0.8 : 0.2) ? 1 : 0;
    return { id, who: `w${id}`, clicked, x, c: `c${random.below(3)}` };
  });
  const layers = { optimizer: "adam", hidden: "5:tanh", epochs: 2, batchSize: 64, learningRate: 0.01 };
  await withStore(tableOf(["who", "clicked", "x", "c"]), async (made) => {
    insertRows(made.store, shown);
    for (const changes of [{}, layers]) {
      const { artifact: { id, metadata } } = await trainOn(made, specOf(features), changes);
      const model = await loadByTfjs(join(made.modelsDir, id));
      const rows = shown.slice(0, 300).map(({ x, c }) => ({ x, c }));
      const output = model.predict(tf.tensor2d(rows.map((row) => denseRow(metadata.encoder, row))));
      assert(!Array.isArray(output));
      const predictor = createPredictor(metadata);
      (await output.data()).forEach((found, i) => {
        const expected = predictor.predict(rows[i], createFindings());
        assert(Math.abs(found - expected) < 1e-6, `${found}, expected ${expected}`);
      });
    }
  });
});

Deno.test("nested bins: each count has its own columns, named by it, and a bin lies within one of a count that divides its own", () => {
  const spec = specOf([{ name: "x", type: "numeric", transform: "log1p", bins: [2, 4] }]);
  const values = [10, 20, 30, 40, 50, 60, 70, 80, null];
  const { encoder, design } = encodeRows(spec, values.map((x) => ({ x })));
  assert.deepEqual(columnNames(encoder), [
    "x",
    "x:missing",
    "x <50 (2 bins)",
    "x ≥50 (2 bins)",
    "x <30 (4 bins)",
    "x 30…50 (4 bins)",
    "x 50…70 (4 bins)",
    "x ≥70 (4 bins)",
  ]);
  assert.deepEqual(
    denseExamples(design).X.map((row) => row.slice(1, 8).join("")),
    [
      "0101000",
      "0101000",
      "0100100",
      "0100100",
      "0010010",
      "0010010",
      "0010001",
      "0010001",
      "1000000",
    ],
  );
  assert.equal(design.groups.length, 1, "all bins of a field are one factor");
  const [coarse, fine] = numericOf(encoder, "x").resolutions ?? [];
  assert(coarse.edges.every((edge) => fine.edges.includes(edge)));
});

Deno.test("nested bins: a list of one count has the columns of the count alone", () => {
  const numbers = Array.from({ length: 50 }, (_, i) => ({ x: (i * 37) % 50 }));
  const [alone, listed] = [8, [8]].map((bins) =>
    encodeRows(specOf([{ name: "x", type: "numeric", bins }]), numbers)
  );
  assert.deepEqual(denseExamples(listed.design).X, denseExamples(alone.design).X);
  assert.deepEqual(
    numericOf(listed.encoder, "x").resolutions?.[0].edges,
    numericOf(alone.encoder, "x").edges,
  );
});

Deno.test("exact values: each value of at least minCount training rows has a column, in the field's unit; others have none", () => {
  const spec = specOf([{ name: "x", type: "numeric", transform: "log1p", values: { minCount: 2 } }]);
  const values = [36, 60, 36, 60, 60, 12.1, 12.1, 0, -0, 48, null];
  const { encoder, design } = encodeRows(spec, values.map((x) => ({ x })));
  assert.deepEqual(columnNames(encoder), ["x", "x:missing", "x=0", "x=12.1", "x=36", "x=60"]);
  const ones = denseExamples(design).X.map((row) => row.slice(1, 6).indexOf(1));
  assert.deepEqual(ones, [3, 4, 3, 4, 4, 2, 2, 1, 1, -1, 0]);
});

Deno.test("exact values: 10 and the next number are two values, also where their logarithms are the same", () => {
  const next = 10.000000000000002;
  assert.equal(Math.log1p(10), Math.log1p(next));
  const spec = specOf([{ name: "x", type: "numeric", transform: "log1p", values: { minCount: 1 } }]);
  const { encoder } = encodeRows(spec, [{ x: 10 }, { x: 5 }]);
  assert.deepEqual(numericOf(encoder, "x").exactValues, [5, 10]);
  assert.deepEqual(servedColumns(encoder, { x: 10 }).slice(2), [0, 1]);
  assert.deepEqual(servedColumns(encoder, { x: next }).slice(2), [0, 0]);
  assert.deepEqual(servedColumns(encoder, { x: 10n }).slice(2), [0, 1]);
});

Deno.test("exact values: without a penalty, a value whose rows have one label has no column, and is told", () => {
  const spec = specOf([{ name: "x", type: "numeric", values: { minCount: 2 } }]);
  const rows = [[1, 0], [1, 1], [2, 1], [2, 1], [3, 0]].map(([x, clicked]) => ({ x, clicked }));
  const { encoder, pooled } = encodeRows(spec, rows, { poolPure: true });
  assert.deepEqual(numericOf(encoder, "x").exactValues, [1]);
  assert.deepEqual(pooled, [{ field: "x", levels: ["2"], rows: 2, weight: 2, reason: "pure-value" }]);
  assert.deepEqual(numericOf(encodeRows(spec, rows).encoder, "x").exactValues, [1, 2]);
});

Deno.test("crosses: each field has the bins or values that the cross names; by default the coarsest bins, or else its values", () => {
  const fields = [
    { name: "x", type: "numeric", bins: [2, 4], values: { minCount: 1 } },
    { name: "y", type: "numeric", values: { minCount: 2 } },
    { name: "c", type: "categorical" },
  ];
  const rows = [1, 2, 3, 4].map((x) => ({ x, y: x < 3 ? 7 : x, c: "a" }));
  const namesOf = (of: readonly unknown[], member = "crosses") => {
    const { encoder } = encodeRows(specOf(fields, { [member]: [{ of, minCount: 1 }] }), rows);
    const [{ divisions }] = encoder.crosses ?? [];
    return { names: columnNames(encoder).filter((name) => name.includes("×")), divisions };
  };
  assert.deepEqual(namesOf(["c", "x"]), {
    names: ["x <3 (2 bins) × c=a", "x ≥3 (2 bins) × c=a"],
    divisions: undefined,
  });
  assert.deepEqual(namesOf(["c", { name: "x", bins: 2 }]), namesOf(["c", "x"]));
  assert.deepEqual(namesOf([{ name: "x", bins: 4 }, "c"]), {
    names: ["x <2 (4 bins)", "x 2…3 (4 bins)", "x 3…4 (4 bins)", "x ≥4 (4 bins)"].map((bin) =>
      `${bin} × c=a`
    ),
    divisions: [1, 0],
  });
  assert.deepEqual(namesOf([{ name: "x", values: true }, "y"]), {
    names: ["x=1 × y=7", "x=2 × y=7", "x=3 × y:other", "x=4 × y:other"],
    divisions: [2, 0],
  });
});

Deno.test("divisions: a spec that names bins or values which a field lacks is rejected with a pointer", () => {
  const fields = [
    { name: "x", type: "numeric", bins: [4, 16] },
    { name: "y", type: "numeric" },
    { name: "c", type: "categorical" },
  ];
  const cases: readonly [of: readonly unknown[], message: RegExp][] = [
    [["c", { name: "x", bins: 8 }], /"x" has no 8 bins: its "bins" are 4, 16/],
    [["c", { name: "y", bins: 8 }], /"y" has no 8 bins: its "bins" are none/],
    [["c", { name: "x", values: true }], /"x" has no exact values: give it some with "values"/],
    [["x", { name: "c", bins: 4 }], /"c" has levels, no bins or values: name it alone/],
    [[{ name: "x", bins: 4 }, { name: "x", bins: 16 }], /"x" is listed twice/],
    [["c", "y"], /"y" is a number without bins: give it some with "bins", or "values"/],
    [["c", { name: "x", bin: 4 }], /is not valid/],
  ];
  for (const [of, message] of cases) {
    assertFailure(() => specOf(fields, { crosses: [{ of }] }), "spec-invalid", message);
  }
  for (const bins of [[4, 4], [16, 4]]) {
    assertFailure(
      () => specOf([{ name: "x", type: "numeric", bins }]),
      "spec-invalid",
      /invalid feature "x": the counts of bins must ascend/,
    );
  }
});

Deno.test("divisions: an encoder whose edges, values or divisions do not fit is not one", () => {
  const rows = Array.from({ length: 20 }, (_, x) => ({ x, y: x, z: x, c: "a", at: 1e15 }));
  const { encoder } = encodeRows(combined, rows);
  const [, x] = encoder.features;
  const crosses = encoder.crosses ?? [];
  assert.equal(columnCountOf(encoder), encoder.columnCount);
  const withX = (changes: object) => ({
    ...encoder,
    features: encoder.features.map((feature) => feature === x ? { ...x, ...changes } : feature),
  });
  const withCross = (changes: object) => ({ ...encoder, crosses: [{ ...crosses[0], ...changes }] });
  const damaged: readonly Encoder[] = [
    withX({ edges: [1, 2] }),
    withX({ resolutions: numericOf(encoder, "x").resolutions?.map(({ bins }) => ({ bins, edges: [2, 1] })) }),
    withX({ exactValues: [3, 3] }),
    withCross({ divisions: [0] }),
    withCross({ divisions: [9, 0], keys: [] }),
    withCross({ divisions: [0, 1], keys: [] }),
  ];
  damaged.forEach((encoder, i) => assert.equal(columnCountOf(encoder), NaN, `the encoder ${i}`));
});
