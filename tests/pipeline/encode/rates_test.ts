import assert from "node:assert/strict";
import fc from "fast-check";
import { columnNames } from "../../../pipeline/encode/column_names.ts";
import { encodeWithInSteps } from "../../../pipeline/encode/encode.ts";
import type { Encoder } from "../../../pipeline/encode/encoder.ts";
import { leftOutPart, type Partition, testPart, trainPart } from "../../../pipeline/examples/split.ts";
import { createColumnPredictor } from "../../../pipeline/model/column_predictor.ts";
import { createRowEncoder } from "../../../pipeline/model/encoded_row.ts";
import { createExplainer } from "../../../pipeline/model/explanation.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { assertClose } from "../../support/assert_close.ts";
import { denseExamples } from "../../support/dense_loss.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { allTrain, encodeRows, type ExampleRow, rawExamplesOf, specOf } from "../../support/example_rows.ts";
import { runToEnd } from "../../../pipeline/runtime/steps.ts";

const runs = { seed: 23, numRuns: 60 };

const category = fc.constantFrom("a", "b", "12", 12, 7, "", null);
const row = fc.record({
  zip: category,
  lender: category,
  x: fc.integer({ min: -3, max: 3 }),
  who: fc.constantFrom("ann", "bob", "cy", "dee", "eve", "fay", "gus", "hal"),
  clicked: fc.integer({ min: 0, max: 1 }),
  weight: fc.constantFrom(1, 2, 0.5),
});
const rows = fc.array(row, { minLength: 1, maxLength: 50 });

const features = [
  { name: "zip", type: "rate", prior: 3 },
  { name: "x", type: "numeric", bins: 3 },
  { name: "lender", type: "categorical" },
];
const rates = [{ of: ["lender", "zip"], prior: 2 }, { of: ["x"] }];
const spec = specOf(features, { rates });
const weighted = specOf(features, { rates, weight: true });

/** Of eight rows, five are training rows, two are held out, one is left out by sampling. */
const mixed: Partition = {
  partCount: 3,
  partOf: (_group, _label, i) => i % 8 < 5 ? trainPart : i % 8 < 7 ? testPart : leftOutPart,
};

/** The row as serving encodes it. */
function servedColumns(encoder: Encoder, row: ExampleRow): number[] {
  const columns = new Array<number>(encoder.columnCount).fill(0);
  createRowEncoder(encoder)(row, (_, column, value) => columns[column] += value);
  return columns;
}

const fieldsOf = ({ zip, lender, x }: ExampleRow) => ({ zip, lender, x });

/** Rows of one level, each row by itself in a group. */
function rowsOf(zip: string, clicks: readonly number[], first = 0): ExampleRow[] {
  return clicks.map((clicked, i) => ({ zip, clicked, who: `g${first + i}` }));
}

const logOdds = (rate: number) => Math.log(rate / (1 - rate));

Deno.test("rates: serving has the log-odds of a level's rate, drawn to the base rate by the prior, less the base's", () => {
  const one = specOf([{ name: "zip", type: "rate", prior: 10 }]);
  const { encoder } = encodeRows(one, [...rowsOf("a", [1, 1, 0, 1]), ...rowsOf("b", [0, 0, 0, 0, 0, 1], 4)]);
  const base = (4 + 0.5) / (10 + 1);
  const expected = (rows: number, clicks: number) =>
    logOdds((clicks + 10 * base) / (rows + 10)) - logOdds(base);

  assert.deepEqual(columnNames(encoder), ["rate of zip"]);
  assertClose(servedColumns(encoder, { zip: "a" })[0], expected(4, 3), 1e-12, "a");
  assertClose(servedColumns(encoder, { zip: "b" })[0], expected(6, 1), 1e-12, "b");
  assert.deepEqual(servedColumns(encoder, { zip: "new" }), [0]);
});

Deno.test("rates: a training row has the rate of the rows in other groups, so that its label is not in it", () => {
  const one = specOf([{ name: "zip", type: "rate" }]);
  const rows = [...rowsOf("a", [1, 0, 0, 1, 1, 0, 1, 1]), ...rowsOf("b", [0, 0, 1, 0, 0, 0, 1, 0], 8)];
  const valueOf = (rows: readonly ExampleRow[], i: number) =>
    denseExamples(encodeRows(one, rows).design).X[i][0];
  rows.forEach((row, i) => {
    const flipped = rows.map((other, j) => i === j ? { ...row, clicked: 1 - Number(row.clicked) } : other);
    assert.equal(valueOf(rows, i), valueOf(flipped, i), "its label does not change its value");
    const siblings = [...rows, { ...row, clicked: 1 }, { ...row, clicked: 1 }];
    assert.equal(valueOf(siblings, i), valueOf(rows, i), "nor do those of its group");
  });
  // Rows of one group alone say nothing of each other.
  const together = rows.map((row) => ({ ...row, who: "one" }));
  assert.deepEqual(
    denseExamples(encodeRows(one, together).design).X.map(([value]) => value),
    rows.map(() => 0),
  );
});

/** More combinations than a table is allocated for. */
const wideFields = specOf([
  { name: "zip", type: "categorical", hash: 5_000 },
  { name: "lender", type: "categorical", hash: 5_000 },
  { name: "x", type: "numeric" },
], { rates: [{ of: ["zip", "lender"], prior: 2 }] });

for (
  const [name, spec_] of [
    ["rates", spec],
    ["rates with weights", weighted],
    ["rates of many combinations", wideFields],
  ] as const
) {
  Deno.test(`${name}: serving encodes a row as training did the held-out rows, bit for bit`, () => {
    fc.assert(
      fc.property(rows, (rows) => {
        const { encoder, design } = encodeRows(spec_, rows, { chunkRows: 8, partition: mixed });
        const { X } = denseExamples(design, testPart);
        const heldOut = rows.filter((_, i) => mixed.partOf(0, 0, i % 8) === testPart);
        assert.equal(X.length, heldOut.length);
        heldOut.forEach((row, i) => {
          const trained = X[i].slice(0, encoder.columnCount).map((value) => value + 0);
          assert.deepEqual(servedColumns(encoder, fieldsOf(row)).map((value) => value + 0), trained);
        });
        // An update encodes its new rows as serving does.
        const updated =
          denseExamples(runToEnd(encodeWithInSteps(rawExamplesOf(spec_, rows), encoder, allTrain))).X;
        rows.forEach((row, i) => {
          const encoded = updated[i].slice(0, encoder.columnCount).map((value) => value + 0);
          assert.deepEqual(servedColumns(encoder, fieldsOf(row)).map((value) => value + 0), encoded);
        });
      }),
      runs,
    );
  });
}

Deno.test("rates: fitted on the training rows alone; other rows change nothing of them", () => {
  const numbers = { zip: 12, lender: 12, x: 0, who: "ann", clicked: 0, weight: 1 };
  const evenRows: Partition = { partCount: 3, partOf: (_group, _label, i) => i % 2 };
  fc.assert(
    fc.property(rows.map((rows) => [numbers, ...rows]), (rows) => {
      const kept = encodeRows(spec, rows.filter((_, i) => i % 2 === 0));
      const { encoder, design } = encodeRows(spec, rows, { partition: evenRows });
      assert.deepEqual(encoder, kept.encoder);
      assert.deepEqual(denseExamples(design).X, denseExamples(kept.design).X);
    }),
    runs,
  );
});

Deno.test("rates: whole-number weights count as repeated rows", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ ...rowFields(), times: fc.integer({ min: 1, max: 3 }) }), { minLength: 1 }),
      (rows) => {
        const repeated = rows.flatMap(({ times, ...row }) => Array.from({ length: times }, () => row));
        const [one, other] = [
          encodeRows(weighted, rows.map(({ times, ...row }) => ({ ...row, weight: times }))),
          encodeRows(spec, repeated),
        ].map(({ encoder }) => encoder.rates);
        // Bins of repeated rows may differ: only the rates of levels are compared.
        assert.deepEqual(one?.slice(0, 2), other?.slice(0, 2));
      },
    ),
    runs,
  );
});

function rowFields() {
  return {
    zip: category,
    lender: category,
    x: fc.constant(1),
    who: fc.constantFrom("ann", "bob", "cy", "dee"),
    clicked: fc.integer({ min: 0, max: 1 }),
  };
}

Deno.test("rates: the predictor's log-odds are those of its explanation, which gives a rate to the last of its fields", () => {
  fc.assert(
    fc.property(rows, rows, (rows, others) => {
      const { encoder } = encodeRows(spec, rows);
      const coefficients = Float64Array.from(
        { length: encoder.columnCount },
        (_, j) => ((j * 37) % 101) / 64 - 0.7,
      );
      const model = { encoder, coefficients, intercept: 0.25 };
      const [predictor, explain] = [createPredictor(model), createExplainer(model)];
      for (const row of [...rows, ...others].map(fieldsOf)) {
        const logit = predictor.logit(row, createFindings());
        assert.equal(logit, explain(row).logit);
        const sum = servedColumns(encoder, row).reduce(
          (sum, value, j) => sum + value * coefficients[j],
          0.25,
        );
        assert(Math.abs(logit - sum) <= 1e-9 * Math.max(1, Math.abs(sum)));
      }
      assert.equal(createColumnPredictor(model), undefined);
    }),
    runs,
  );
});

Deno.test("rates: the same rates from a table of combinations and from a map of those that occur", () => {
  fc.assert(
    fc.property(rows, (rows) => {
      const narrow = specOf([{ name: "zip", type: "categorical" }, { name: "lender", type: "categorical" }], {
        rates: [{ of: ["zip", "lender"], prior: 2 }],
      });
      const [wide, dense] = [wideFields, narrow].map((spec) => encodeRows(spec, rows));
      const sumsOf = ({ rates = [] }: Encoder) =>
        rates[0].rows.map((rows, i) => `${rows} ${rates[0].clicks[i]}`).sort();
      // Levels that share a bucket would differ; those of these rows do not.
      assert.deepEqual(sumsOf(wide.encoder), sumsOf(dense.encoder));
      const valuesOf = ({ encoder, design }: typeof wide) =>
        denseExamples(design).X.map((row) => row[encoder.columnCount - 1]);
      assert.deepEqual(valuesOf(wide), valuesOf(dense));
    }),
    { ...runs, numRuns: 15 },
  );
});

Deno.test("rates: a field that is served as a fixed value has the rates and words of that value, alone and combined", () => {
  const rows = Array.from({ length: 60 }, (_, i) => ({
    zip: ["a", "b", null][i % 3],
    lender: i % 2,
    subject: ["big sale", "news", "sale"][(i * i) % 3],
    clicked: i % 3 === 0 ? 1 : 0,
    who: `g${i}`,
  }));
  const specWith = (served: boolean) =>
    specOf([
      { name: "zip", type: "rate", ...(served ? { servedAs: "a" } : {}) },
      { name: "subject", type: "words", minCount: 1, ...(served ? { servedAs: "SALE" } : {}) },
      { name: "lender", type: "categorical" },
    ], { rates: [{ of: ["zip", "lender"] }] });
  const [served, plain] = [true, false].map((served) => encodeRows(specWith(served), rows).encoder);
  const coefficients = Float64Array.from({ length: served.columnCount }, (_, i) => Math.sin(5 * i + 1));
  const [model, other] = [served, plain].map((encoder) => ({ encoder, coefficients, intercept: 0.1 }));
  const [predictor, expected] = [createPredictor(model), createPredictor(other)];
  for (const lender of [0, 1, 2]) {
    const logit = expected.logit({ zip: "a", subject: "sale", lender }, createFindings());
    assert.equal(predictor.logit({ lender }, createFindings()), logit);
    assert.equal(createExplainer(model)({ lender }).logit, logit);
  }
  assert.deepEqual(predictor.fields.map(({ name }) => name), ["lender"]);
});

Deno.test("rates: missing is a level, rare levels share the rate of unseen ones", () => {
  const one = specOf([{ name: "zip", type: "rate", minCount: 2, prior: 1 }]);
  const levels = ["a", "a", "b", "c", null, null];
  const { encoder } = encodeRows(
    one,
    levels.map((zip, i) => ({ zip, clicked: i % 2 || i > 3 ? 1 : 0, who: `g${i}` })),
  );
  const valueOf = (zip: unknown) => servedColumns(encoder, { zip })[0];

  assert.deepEqual(encoder.features.map((feature) => feature.type === "rate" ? feature.levels : []), [["a"]]);
  assert.equal(valueOf("b"), valueOf("c"));
  assert.equal(valueOf("b"), valueOf("never"));
  assert.ok(valueOf(null) > 0 && valueOf("never") < 0);
  const findings = createFindings();
  createPredictor({ encoder, coefficients: [1], intercept: 0 }).logit({ zip: "never" }, findings);
  assert.deepEqual(findings.unseen, ["zip"]);
});

Deno.test("rates: a spec with a rate of a field without levels, or of too many combinations, is rejected", () => {
  const fields = [{ name: "x", type: "numeric" }, { name: "t", type: "words" }, {
    name: "c",
    type: "categorical",
  }];
  for (
    const [of, detail] of [
      [["x"], /invalid rate: "x" is a number without bins/],
      [["c", "t"], /"t" is a text/],
      [["c", "c"], /"c" is listed twice/],
      [["q"], /"q" is not one of the features/],
    ] as const
  ) {
    assertFailure(() => specOf(fields, { rates: [{ of }] }), "spec-invalid", detail);
  }
  const many = Array.from({ length: 4 }, (_, i) => ({ name: `h${i}`, type: "categorical", hash: 2 ** 20 }));
  const wide = specOf(many, { rates: [{ of: many.map(({ name }) => name) }] });
  assertFailure(
    () => encodeRows(wide, [{}]),
    "spec-invalid",
    /The rate of h0 and .* has 1.2\d*e\+24 combinations, of at most 9007199254740991/,
  );
});
