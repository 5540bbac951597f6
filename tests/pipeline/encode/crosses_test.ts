import assert from "node:assert/strict";
import fc from "fast-check";
import { edgesBetween } from "../../../pipeline/encode/bin_edges.ts";
import { columnNames } from "../../../pipeline/encode/column_names.ts";
import { binOf } from "../../../pipeline/encode/divisions.ts";
import type { Encoder } from "../../../pipeline/encode/encoder.ts";
import type { FeatureSpec } from "../../../pipeline/examples/spec.ts";
import type { Partition } from "../../../pipeline/examples/split.ts";
import { hashOf } from "../../../pipeline/math/hash.ts";
import { createColumnFindings } from "../../../pipeline/model/column_findings.ts";
import { createColumnPredictor } from "../../../pipeline/model/column_predictor.ts";
import { createRowEncoder } from "../../../pipeline/model/encoded_row.ts";
import { createExplainer } from "../../../pipeline/model/explanation.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { denseExamples } from "../../support/dense_loss.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { encodeRows, type ExampleRow, specOf } from "../../support/example_rows.ts";

const runs = { seed: 11, numRuns: 80 };

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(0, -0, null),
);
const category = fc.constantFrom("a", "b", "12", 12, 7, "", null);
const fields = fc.record({ x: number, z: number, c: category, d: category, h: category });
const rows = fc.array(fields, { minLength: 1, maxLength: 60 });

const features = [
  { name: "x", type: "numeric", transform: "log1p", bins: 4 },
  { name: "c", type: "categorical", minCount: 2 },
  { name: "z", type: "numeric", bins: 3, missingIndicator: false },
  { name: "d", type: "categorical" },
  { name: "h", type: "categorical", hash: 5 },
];
const binned = specOf(features);
const crossed = specOf(features, {
  crosses: [
    { of: ["c", "x"], minCount: 1 },
    { of: ["z", "x"], minCount: 2 },
    { of: ["d", "h", "x"], minCount: 1 },
  ],
});

/** Even rows are training rows, odd ones are held out. */
const evenRows: Partition = { partCount: 3, partOf: (_group, _label, i) => i % 2 };

/** The row as serving encodes it. */
function servedColumns(encoder: Encoder, row: ExampleRow): number[] {
  const columns = new Array<number>(encoder.columnCount).fill(0);
  createRowEncoder(encoder)(row, (_, column, value) => columns[column] += value);
  return columns;
}

/** A model whose columns all have different coefficients. */
function modelOf(encoder: Encoder) {
  return {
    encoder,
    coefficients: Float64Array.from({ length: encoder.columnCount }, (_, j) => ((j * 37) % 101) / 64 - 0.7),
    intercept: 0.25,
  };
}

const specs: readonly [string, FeatureSpec][] = [["bins and hashes", binned], ["crosses", crossed]];

for (const [name, spec] of specs) {
  Deno.test(`${name}: serving encodes a row as training did, bit for bit`, () => {
    fc.assert(
      fc.property(rows, (rows) => {
        const { encoder, design } = encodeRows(spec, rows, { chunkRows: 7 });
        const { X } = denseExamples(design);
        rows.forEach((row, i) => {
          const trained = X[i].slice(0, encoder.columnCount).map((value) => value + 0);
          assert.deepEqual(servedColumns(encoder, row).map((value) => value + 0), trained);
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
          const logit = predictor.logit(row, createFindings());
          const explanation = explain(row);
          assert.equal(logit, explanation.logit);
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
    const numbers = { x: 0, z: 0, c: 12, d: 12, h: 12 };
    fc.assert(
      fc.property(rows.map((rows) => [numbers, ...rows]), (rows) => {
        const { encoder } = encodeRows(spec, rows, { partition: evenRows });
        const kept = encodeRows(spec, rows.filter((_, i) => i % 2 === 0));
        assert.deepEqual(encoder, kept.encoder);
      }),
      runs,
    );
  });
}

Deno.test("bins: rows scored by columns equal rows scored one by one; a model with crosses has no column predictor", () => {
  fc.assert(
    fc.property(rows, (rows) => {
      const model = modelOf(encodeRows(binned, rows).encoder);
      const columns = features.map(({ name }) => rows.map((row): unknown => row[name as keyof typeof row]));
      const logits = createColumnPredictor(model)?.(
        columns,
        rows.length,
        createColumnFindings(features.length),
      );
      const predictor = createPredictor(model);
      assert.deepEqual([...logits ?? []], rows.map((row) => predictor.logit(row, createFindings())));
    }),
    runs,
  );
  assert.equal(createColumnPredictor(modelOf(encodeRows(crossed, [{ x: 1, c: "a" }]).encoder)), undefined);
});

Deno.test("bins: edges ascend, no bin is empty, and bins are as even as repeated values allow", () => {
  const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
    minLength: 1,
    maxLength: 300,
  });
  fc.assert(
    fc.property(values, fc.integer({ min: 2, max: 20 }), (values, binCount) => {
      const edges = edgesBetween(Float64Array.from(values), binCount);
      const counts = new Array<number>(edges.length + 1).fill(0);
      for (const value of values) counts[binOf(edges, value)]++;
      assert(edges.length < binCount && edges.every((edge, i) => i === 0 || edge > edges[i - 1]));
      assert(counts.every((count) => count > 0));
      if (new Set(values).size === values.length) {
        assert(Math.max(...counts) <= Math.ceil(values.length / binCount) + 1);
      }
    }),
    runs,
  );
  assert.equal(binOf([1, 2], 1), 1, "an edge belongs to the bin above it");
});

Deno.test("crosses: a combination on too few training rows has no column, even if its levels have", () => {
  const spec = specOf([{ name: "c", type: "categorical" }, { name: "d", type: "categorical" }], {
    crosses: [{ of: ["d", "c"], minCount: 2 }],
  });
  const rows = [["a", "x"], ["a", "x"], ["b", "x"], ["b", "y"], ["b", "y"]].map(([c, d]) => ({ c, d }));
  const { encoder, design } = encodeRows(spec, rows);
  const names = columnNames(encoder);

  assert.deepEqual(names.slice(8), ["c=a × d=x", "c=b × d=y"]);
  assert.deepEqual(denseExamples(design).X.map((row) => row.slice(8, 10)), [[1, 0], [1, 0], [0, 0], [0, 1], [
    0,
    1,
  ]]);
});

Deno.test("bins: columns are named by the interval in the field's unit", () => {
  const spec = specOf([{ name: "x", type: "numeric", transform: "log1p", bins: 3 }]);
  const { encoder } = encodeRows(spec, [10, 20, 30, 40, 50, 60].map((x) => ({ x })));

  assert.deepEqual(columnNames(encoder), ["x", "x:missing", "x <30", "x 30…50", "x ≥50"]);
});

Deno.test("hash: the hash of a level selects its column for all its spellings, and no level is unseen", () => {
  const spec = specOf([{ name: "h", type: "categorical", hash: 16 }]);
  const { encoder } = encodeRows(spec, [{ h: 12 }, { h: "zip" }]);
  const findings = createFindings();
  const predictor = createPredictor(modelOf(encoder));

  assert.equal(encoder.columnCount, 18);
  assert.equal(servedColumns(encoder, { h: "12" }).indexOf(1), hashOf("12") % 16);
  assert.equal(predictor.logit({ h: 12 }, findings), predictor.logit({ h: "12" }, findings));
  predictor.logit({ h: "never met" }, findings);
  assert.deepEqual([findings.errors, findings.unseen], [[], []]);
});

Deno.test("crosses: a spec that crosses a field without levels or bins is rejected with a pointer", () => {
  const fields = [{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }];
  for (
    const [of, detail] of [
      [["c", "x"], /"x" is a number without bins: give it some with "bins"/],
      [["c", "q"], /"q" is not one of the features/],
      [["c", "c"], /"c" is listed twice/],
    ] as const
  ) {
    assertFailure(() => specOf(fields, { crosses: [{ of }] }), "spec-invalid", detail);
  }
  const many = Array.from({ length: 4 }, (_, i) => ({ name: `h${i}`, type: "categorical", hash: 100 }));
  const spec = specOf(many, { crosses: [{ of: many.map(({ name }) => name) }] });
  assertFailure(() => encodeRows(spec, [{}]), "spec-invalid", /108243216 combinations/);
});
