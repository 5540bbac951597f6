import assert from "node:assert/strict";
import fc from "fast-check";
import { columnNames } from "../../../pipeline/encode/column_names.ts";
import { type Encoder, transformed, widthOf } from "../../../pipeline/encode/encoder.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import type { Partition } from "../../../pipeline/examples/split.ts";
import { assertAllClose, assertClose } from "../../support/assert_close.ts";
import { denseExamples } from "../../support/dense_loss.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { allTrain, encodeRows, type ExampleRow, specOf } from "../../support/example_rows.ts";

// The same cases in every run, so that failures are reproducible.
fc.configureGlobal({ seed: 20260101 });

const runs = { seed: 7, numRuns: 60 };

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(0, -0, 5e-324, -5e-324, 1e-300, 1e12),
  fc.constant(null),
);
const category = fc.oneof(
  fc.constantFrom(
    "a",
    "b",
    "",
    " ",
    "12",
    "0",
    "-0",
    "true",
    "null",
    "NaN",
    "Infinity",
    "é",
    "𝒳",
    "__proto__",
  ),
  fc.integer({ min: 0, max: 13 }),
  fc.constantFrom(12.5, -0, null),
);
const row = fc.record({
  x: number,
  z: number,
  c: category,
  d: category,
  clicked: fc.integer({ min: 0, max: 1 }),
});
const rows = fc.array(row, { minLength: 1, maxLength: 40 });

const spec = specOf([
  { name: "x", type: "numeric" },
  { name: "c", type: "categorical", minCount: 2 },
  { name: "z", type: "numeric", transform: "log1p", missingIndicator: false, impute: "mean" },
  { name: "d", type: "categorical" },
]);

/** Even rows are training rows, odd ones are held out. */
const evenRows: Partition = { partCount: 3, partOf: (_group, _label, i) => i % 2 };

/** A row's columns in serving: each is the log-odds of a model whose coefficients are 1 there and 0 elsewhere. */
function servedColumns(encoder: Encoder, row: ExampleRow): number[] {
  return Array.from({ length: encoder.columnCount }, (_, column) => {
    const coefficients = new Float64Array(encoder.columnCount);
    coefficients[column] = 1;
    const findings = createFindings();
    const logit = createPredictor({ encoder, coefficients, intercept: 0 }).logit(row, findings);
    assert.deepEqual(findings.errors, []);
    return logit;
  });
}

const fieldsOf = ({ x, c, z, d }: ExampleRow) => ({ x, c, z, d });

Deno.test("encoder: serving encodes a row as training did, bit for bit", () => {
  fc.assert(
    fc.property(rows, (rows) => {
      const { encoder, design } = encodeRows(spec, rows, { chunkRows: 7 });
      const { X } = denseExamples(design);
      rows.forEach((row, i) => {
        // −0 + 0 is 0: the sum decides the sign of a zero.
        const trained = X[i].slice(0, encoder.columnCount).map((value) => value + 0);
        assert.deepEqual(servedColumns(encoder, fieldsOf(row)).map((value) => value + 0), trained);
      });
    }),
    runs,
  );
});

Deno.test("encoder: it is fitted on the training rows alone", () => {
  // A column's type depends on all its values: here it is the same with and without the other rows.
  const numbers = { x: 0, z: 0, c: 0.5, d: 0.5, clicked: 0 };
  fc.assert(
    fc.property(rows.map((rows) => [numbers, ...rows]), (rows) => {
      const { encoder } = encodeRows(spec, rows, { partition: evenRows });
      const kept = encodeRows(spec, rows.filter((_, i) => i % 2 === 0));
      assert.deepEqual(encoder, kept.encoder);
    }),
    runs,
  );
});

Deno.test("encoder: the order of the rows does not matter", () => {
  const shuffled = rows.chain((rows) =>
    fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length, maxLength: rows.length }))
  );
  fc.assert(
    fc.property(shuffled, ([rows, moved]) => {
      const [one, other] = [rows, moved].map((rows) => encodeRows(spec, rows).encoder);
      assert.deepEqual(columnNames(one), columnNames(other));
      one.features.forEach((feature, i) => {
        const same = other.features[i];
        if (feature.type !== "numeric" || same.type !== "numeric") return assert.deepEqual(feature, same);
        // Sums in another order round differently; the median is one of the values.
        assertAllClose([feature.mean, feature.scale], [same.mean, same.scale], 1e-9, feature.name);
        if (feature.name === "x") assert.equal(feature.impute, same.impute);
      });
    }),
    runs,
  );
});

Deno.test("encoder: every row has a 1 in one column of each category, and none in another", () => {
  fc.assert(
    fc.property(rows, (rows) => {
      const { encoder } = encodeRows(spec, rows, { partition: evenRows });
      for (const row of rows) {
        const columns = servedColumns(encoder, fieldsOf(row));
        for (const feature of encoder.features) {
          if (feature.type !== "categorical") continue;
          const own = columns.slice(feature.column, feature.column + widthOf(feature));
          assert.deepEqual(own.toSorted(), [...own.slice(1).fill(0), 1]);
        }
      }
    }),
    runs,
  );
});

Deno.test("encoder: an unseen category has the unseen column, a missing one the missing column", () => {
  const seen = ["a", "b", "a"].map((c, i) => ({ c, clicked: i % 2 }));
  const { encoder } = encodeRows(specOf([{ name: "c", type: "categorical" }]), seen);
  assert.deepEqual(columnNames(encoder), ["c=a", "c=b", "c:missing", "c:unseen"]);
  assert.deepEqual(servedColumns(encoder, { c: "zebra" }), [0, 0, 0, 1]);
  assert.deepEqual(servedColumns(encoder, { c: null }), [0, 0, 1, 0]);
  assert.deepEqual(servedColumns(encoder, { c: "A" }), [0, 0, 0, 1]);
});

Deno.test("encoder: a number that does not vary has scale 1, for any count of rows", () => {
  for (const value of [0.1, 19.99, -1 / 3]) {
    for (const impute of ["median", "mean"]) {
      for (const weight of [true, false]) {
        const rows = Array.from(
          { length: 5000 },
          (_, i) => ({ x: i % 3 === 0 ? null : value, weight: 1 + i % 5 }),
        );
        const { encoder } = encodeRows(specOf([{ name: "x", type: "numeric", impute }], { weight }), rows, {
          chunkRows: 2000,
        });
        const [x] = encoder.features;
        assert(x.type === "numeric");
        assert.deepEqual({ impute: x.impute, mean: x.mean, scale: x.scale }, {
          impute: value,
          mean: value,
          scale: 1,
        });
      }
    }
  }
});

Deno.test("encoder: a number that varies little relative to its size is scaled by its deviation", () => {
  const rows = Array.from({ length: 5000 }, (_, i) => ({ x: 1.7e15 + 1000 * (i % 2) }));
  const { encoder: { features: [x] } } = encodeRows(specOf([{ name: "x", type: "numeric" }]), rows);
  assert(x.type === "numeric");
  assertClose(x.scale, 500, 1e-3, "the scale");
});

Deno.test("encoder: a level of the held-out rows alone is unseen", () => {
  const of = ["a", "late", "a", "a", "b"].map((c, i) => ({ c, clicked: i % 2 }));
  const { encoder } = encodeRows(specOf([{ name: "c", type: "categorical" }]), of, { partition: evenRows });
  assert.deepEqual(columnNames(encoder), ["c=a", "c=b", "c:missing", "c:unseen"]);
});

Deno.test("encoder: levels on fewer training rows than minCount are pooled and reported", () => {
  const of = ["a", "a", "a", "b", "b", "once", "twice", "twice"].map((c) => ({ c }));
  const { encoder, pooled } = encodeRows(
    specOf([{ name: "c", type: "categorical", minCount: 3 }]),
    of,
  );
  assert.deepEqual(columnNames(encoder), ["c=a", "c:missing", "c:unseen"]);
  assert.deepEqual(pooled, [{
    field: "c",
    levels: ["b", "once", "twice"],
    rows: 5,
    weight: 5,
    reason: "rare",
  }]);
});

Deno.test("encoder: levels that were always or never clicked are pooled if there is no penalty", () => {
  const of = [["a", 1], ["a", 0], ["always", 1], ["always", 1], ["never", 0]].map(([c, clicked]) => ({
    c,
    clicked,
  }));
  const spec = specOf([{ name: "c", type: "categorical" }]);
  const { encoder, pooled } = encodeRows(spec, of, { poolPure: true });
  assert.deepEqual(columnNames(encoder), ["c=a", "c:missing", "c:unseen"]);
  assert.deepEqual(pooled, [{ field: "c", levels: ["always", "never"], rows: 3, weight: 3, reason: "pure" }]);
  assert.equal(encodeRows(spec, of).encoder.columnCount, 5);
});

Deno.test("encoder: a level is found by each spelling of its value", () => {
  const of = ["12", "12.5", "true", "012", "Infinity", "1e+21"].map((c) => ({ c }));
  const { encoder } = encodeRows(specOf([{ name: "c", type: "categorical" }]), of);
  const names = columnNames(encoder);
  const columnFor = (c: unknown) => names[servedColumns(encoder, { c }).indexOf(1)];
  assert.equal(columnFor(12), "c=12");
  assert.equal(columnFor("12"), "c=12");
  assert.equal(columnFor(12.5), "c=12.5");
  assert.equal(columnFor(true), "c=true");
  assert.equal(columnFor("true"), "c=true");
  assert.equal(columnFor("012"), "c=012");
  assert.equal(columnFor("Infinity"), "c=Infinity");
  assert.equal(columnFor("1e+21"), "c=1e+21");
  assert.equal(columnFor(false), "c:unseen");
  assert.equal(columnFor("12.0"), "c:unseen");
});

Deno.test("encoder: levels are in the order of their code units, on every machine", () => {
  const of = ["b", "Z", "é", "a", "10", "9", "𝒳", "ﬀ"].map((c) => ({ c }));
  const { encoder } = encodeRows(specOf([{ name: "c", type: "categorical" }]), of);
  const [feature] = encoder.features;
  assert(feature.type === "categorical");
  assert.deepEqual(feature.levels, ["10", "9", "Z", "a", "b", "é", "𝒳", "ﬀ"]);
});

Deno.test("encoder: a numeric column has mean 0 and standard deviation 1 over the training rows", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 60 }),
      (values) => {
        fc.pre(new Set(values).size > 1);
        const { design } = encodeRows(specOf([{ name: "x", type: "numeric" }]), values.map((x) => ({ x })), {
          chunkRows: 9,
        });
        const column = denseExamples(design).X.map(([value]) => value);
        assertClose(column.reduce((sum, value) => sum + value, 0) / column.length, 0, 1e-12, "mean");
        assertClose(column.reduce((sum, value) => sum + value ** 2, 0) / column.length, 1, 1e-12, "variance");
      },
    ),
    runs,
  );
});

Deno.test("encoder: a missing number is the median, the mean or a constant of the training rows, and marked", () => {
  const of = [1, null, 2, 10, null].map((x) => ({ x }));
  for (const [impute, expected] of [["median", 2], ["mean", 13 / 3], [-7, -7]] as const) {
    const { encoder, design } = encodeRows(
      specOf([{ name: "x", type: "numeric", impute, scale: "none" }]),
      of,
    );
    assert.deepEqual(columnNames(encoder), ["x", "x:missing"]);
    const { X } = denseExamples(design);
    assert.deepEqual(X, [[1, 0, 1], [expected, 1, 1], [2, 0, 1], [10, 0, 1], [expected, 1, 1]]);
  }
});

Deno.test("encoder: a column that does not vary is 0, not divided by 0", () => {
  for (const value of [5, 0.1, -1e9, 1 / 3, 1e-300, null]) {
    const of = Array.from({ length: 30 }, () => ({ x: value }));
    const { encoder, design } = encodeRows(specOf([{ name: "x", type: "numeric" }]), of);
    const [feature] = encoder.features;
    assert(feature.type === "numeric" && feature.scale === 1, `${value} is scaled by its rounding`);
    for (const [x] of denseExamples(design).X) assertClose(x, 0, 1e-6, `encoded ${value}`);
  }
});

Deno.test("encoder: log1p keeps the sign, and is exact near 0", () => {
  assert.equal(transformed("log1p", 0), 0);
  for (const value of [1e-12, 0.5, 1, 1e4, 1e9]) {
    const expected = Math.log1p(value);
    assert(Math.abs(transformed("log1p", value) - expected) <= 4e-16 * expected);
    assert.equal(transformed("log1p", -value), -transformed("log1p", value));
  }
  assert(Number.isNaN(transformed("log1p", NaN)), "missing stays missing");
  assert.equal(transformed("none", -3), -3);
});

Deno.test("encoder: numbers too large to be scaled are a failure that names the field and the remedy", () => {
  const of = [1e200, -1e200, 3].map((x) => ({ x }));
  const scaled = () => encodeRows(specOf([{ name: "x", type: "numeric" }]), of);
  assertFailure(scaled, "examples-invalid", /Cannot scale the field x: .*"log1p"/);
  const { design } = encodeRows(specOf([{ name: "x", type: "numeric", transform: "log1p" }]), of);
  assert(denseExamples(design).X.flat().every(Number.isFinite));
});

Deno.test("encoder: without training rows means are 0 and scales 1", () => {
  const { encoder } = encodeRows(spec, [{ x: 1, c: "a", z: 2, d: "b" }], {
    partition: { ...allTrain, partOf: () => 1 },
  });
  assert.deepEqual(columnNames(encoder), [
    "x",
    "x:missing",
    "c:missing",
    "c:unseen",
    "z",
    "d:missing",
    "d:unseen",
  ]);
});

Deno.test("encoder: fields with too many combinations for one group are put into several, each of limited size", () => {
  // 210 · 199 combinations occur: more than the cells of a group.
  const of = Array.from({ length: 41_790 }, (_, i) => ({ c: i % 210, d: i % 199 }));
  const { design } = encodeRows(
    specOf([{ name: "c", type: "categorical" }, { name: "d", type: "categorical" }]),
    of,
    { chunkRows: 16_384 },
  );
  assert.deepEqual(design.groups.map(({ cellCount }) => cellCount), [210, 199]);
});
