import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeWithInSteps } from "../../../pipeline/encode/encode.ts";
import { columnNames } from "../../../pipeline/encode/column_names.ts";
import type { Encoder } from "../../../pipeline/encode/encoder.ts";
import { wordsMaxOf } from "../../../pipeline/encode/word_cells.ts";
import { wordsOf } from "../../../pipeline/encode/words.ts";
import { trainPart } from "../../../pipeline/examples/split.ts";
import { fit } from "../../../pipeline/fit/fit.ts";
import { mixed } from "../../../pipeline/math/hash.ts";
import { createPasses } from "../../../pipeline/fit/passes.ts";
import { createColumnFindings } from "../../../pipeline/model/column_findings.ts";
import { createColumnPredictor } from "../../../pipeline/model/column_predictor.ts";
import { createRowEncoder } from "../../../pipeline/model/encoded_row.ts";
import { createExplainer } from "../../../pipeline/model/explanation.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { assertAllClose } from "../../support/assert_close.ts";
import { denseExamples, denseLoss } from "../../support/dense_loss.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import {
  allTrain,
  alone,
  encodeRows,
  type ExampleRow,
  rawExamplesOf,
  specOf,
} from "../../support/example_rows.ts";
import { runToEnd } from "../../../pipeline/runtime/steps.ts";

const runs = { seed: 19, numRuns: 80 };

const word = fc.constantFrom(
  "sale",
  "Sale",
  "SALE",
  "new",
  "3",
  "für",
  "fu\u0308r",
  "ΟΔΟΣ",
  "日本",
  "don't",
  "—",
  "",
);
const text = fc.oneof(
  { weight: 5, arbitrary: fc.array(word, { maxLength: 6 }).map((words) => words.join(" ")) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom(12, 0.5, "12", null) },
);
const rows = fc.array(
  fc.record({
    subject: text,
    tags: text,
    x: fc.integer({ min: -3, max: 3 }),
    clicked: fc.integer({ min: 0, max: 1 }),
  }),
  { minLength: 1, maxLength: 40 },
);

const spec = specOf([
  { name: "subject", type: "words", minCount: 2, max: 4 },
  { name: "x", type: "numeric" },
  { name: "tags", type: "words", minCount: 1 },
]);

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

Deno.test("words: letters with marks and digits of any script, composed, in lower case, each once", () => {
  assert.deepEqual([...wordsOf("50% OFF: Schuhe, off-White (für 2)")], [
    "50",
    "off",
    "schuhe",
    "white",
    "für",
    "2",
  ]);
  assert.deepEqual([...wordsOf("fu\u0308r FÜR für")], ["für"]);
  assert.deepEqual([...wordsOf("日本 ελληνικά हिन्दी don't")], ["日本", "ελληνικά", "हिन्दी", "don", "t"]);
  assert.deepEqual([...wordsOf(" — !? \u0000\ud800")], []);
});

Deno.test("words: the most frequent ones of the training rows have a column, by their rows and then by code units", () => {
  const rows = ["b a", "b a", "b c", "c", "d d d", null].map((subject) => ({ subject }));
  const three = specOf([{ name: "subject", type: "words", minCount: 1, max: 3 }]);
  const { encoder, design } = encodeRows(three, rows);

  assert.deepEqual(columnNames(encoder), ['subject "a"', 'subject "b"', 'subject "c"', "subject:missing"]);
  assert.deepEqual(denseExamples(design).X.map((row) => row.slice(0, 4)), [
    [1, 1, 0, 0],
    [1, 1, 0, 0],
    [0, 1, 1, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 1],
  ]);
  const frequent = specOf([{ name: "subject", type: "words", minCount: 3 }]);
  assert.deepEqual(columnNames(encodeRows(frequent, rows).encoder), ['subject "b"', "subject:missing"]);
});

Deno.test("words: minCount is of weights if rows have them", () => {
  const weighted = specOf([{ name: "subject", type: "words", minCount: 3 }], { weight: true });
  const rows = [{ subject: "a", weight: 3 }, { subject: "b", weight: 1 }, { subject: "b", weight: 1 }];
  assert.deepEqual(columnNames(encodeRows(weighted, rows).encoder), ['subject "a"', "subject:missing"]);
});

Deno.test("words: without a penalty, a word that was always or never clicked has no column", () => {
  const all = specOf([{ name: "subject", type: "words", minCount: 1 }]);
  const rows = [["a b", 1], ["a", 0], ["c", 0]].map(([subject, clicked]) => ({ subject, clicked }));
  const { encoder } = encodeRows(all, rows, { poolPure: true });
  assert.deepEqual(columnNames(encoder), ['subject "a"', "subject:missing"]);
});

Deno.test("words: serving encodes a row as training did, bit for bit", () => {
  fc.assert(
    fc.property(rows, (rows) => {
      const { encoder, design } = encodeRows(spec, rows, { chunkRows: 7 });
      const { X } = denseExamples(design);
      rows.forEach((row, i) => {
        const trained = X[i].slice(0, encoder.columnCount).map((value) => value + 0);
        assert.deepEqual(servedColumns(encoder, row).map((value) => value + 0), trained);
      });
      const again = runToEnd(encodeWithInSteps(rawExamplesOf(spec, rows), encoder, allTrain));
      assert.deepEqual(denseExamples(again).X, X);
    }),
    runs,
  );
});

Deno.test("words: predictor, explanation and columns give the same log-odds, to the last bit", () => {
  fc.assert(
    fc.property(rows, rows, (rows, others) => {
      const model = modelOf(encodeRows(spec, rows).encoder);
      const [predictor, explain] = [createPredictor(model), createExplainer(model)];
      const all = [...rows, ...others].map(({ subject, x, tags }): ExampleRow => ({ subject, x, tags }));
      const columns = spec.features.map(({ name }) => all.map((row) => row[name]));
      const byColumns = createColumnPredictor(model)?.(columns, all.length, createColumnFindings(3));
      all.forEach((row, i) => {
        const logit = predictor.logit(row, createFindings());
        assert.equal(logit, explain(row).logit);
        assert.equal(logit, byColumns?.[i]);
      });
    }),
    runs,
  );
});

Deno.test("words: a text without a known word is unseen, null is missing, other values are errors", () => {
  const one = specOf([{ name: "subject", type: "words", minCount: 1, nullable: false }]);
  const model = modelOf(encodeRows(one, [{ subject: "sale now" }]).encoder);
  const found = (subject: unknown) => {
    const findings = createFindings();
    const columns = createColumnFindings(1);
    const logit = createPredictor(model).logit({ subject }, findings);
    const [byColumns] = createColumnPredictor(model)?.([[subject]], 1, columns) ?? [];
    assert.ok(Object.is(logit, byColumns));
    return { logit, unseen: findings.unseen, errors: findings.errors.map(({ detail }) => detail), columns };
  };
  assert.deepEqual(found("SALE!").unseen, []);
  assert.deepEqual(found("hello").unseen, ["subject"]);
  assert.deepEqual(found("hello").columns.unseen, [[0]]);
  assert.equal(found("hello").logit, 0.25);
  assert.match(found(null).errors[0], /must be a category .*, not null/);
  assert.match(found(["sale"]).errors[0], /not an array/);
  assert.match(found(undefined).errors[0], /is missing/);
});

Deno.test("words: of a long text the first known words count, fewer of them if there are more texts", () => {
  assert.deepEqual([1, 2 ** 17, 2 ** 20, 2 ** 30].map(wordsMaxOf), [256, 256, 32, 1]);
  const long = Array.from({ length: 300 }, (_, i) => `w${i}`).join(" ");
  const { encoder, design } = encodeRows(specOf([{ name: "subject", type: "words", minCount: 1 }]), [{
    subject: long,
  }]);
  const sum = (row: readonly number[]) => row.reduce((sum, value) => sum + value, 0);
  assert.equal(encoder.columnCount, 301);
  assert.equal(sum(servedColumns(encoder, { subject: long })), 256);
  assert.equal(sum(denseExamples(design).X[0].slice(0, -1)), 256);
});

Deno.test("words: loss, gradient and Hessian of a pass are those of the dense matrix", async () => {
  const rows = Array.from({ length: 60 }, (_, i) => ({
    subject: ["sale", "new sale", "old new sale", "x y", "y", null][i % 6],
    tags: `t${i % 7} t${i % 3} t${(i * i) % 5}`,
    x: (i * 7) % 5,
    clicked: i % 3 === 0 ? 1 : 0,
  }));
  const { encoder, design } = encodeRows(spec, rows);
  const coefficients = Float64Array.from(
    { length: encoder.columnCount + 1 },
    (_, j) => ((j * 29) % 17) / 9 - 0.8,
  );
  const passes = await createPasses(design, [trainPart], alone);
  const sums = await passes.evaluate(coefficients, { hessian: true });
  const dense = denseLoss(denseExamples(design), coefficients);

  assertAllClose([sums.loss], [dense.loss], 1e-12, "loss");
  assertAllClose([...sums.gradient], dense.gradient, 1e-12, "gradient");
  assertAllClose([...sums.hessian ?? []], dense.hessian.flat(), 1e-12, "Hessian");
});

/** Rows of texts whose first word nearly decides the label. @param wordCount Different words. */
function textRows(rowCount: number, wordCount: number) {
  return Array.from({ length: rowCount }, (_, i) => {
    const words = Array.from({ length: 2 + i % 9 }, (_, k) => (mixed(i * 16 + k) % wordCount) >> (k % 3));
    return {
      subject: words.map((word) => `w${word}`).join(" "),
      clicked: words[0] % 3 === 0 && i % 7 > 1 ? 1 : 0,
    };
  });
}

Deno.test("words: a wide design of texts is fitted to its optimum, in few passes", async () => {
  const { encoder, design } = encodeRows(
    specOf([{ name: "subject", type: "words", minCount: 1, max: 4_000 }]),
    textRows(6_000, 5_000),
    { chunkRows: 1_000 },
  );
  assert.equal(encoder.columnCount, 4_001);
  const { solver, iterations } = await fit(design, [trainPart], alone, {
    penalty: { l2: 1, l1: 0 },
    gradientTolerance: 1e-8,
    iterationsMax: 100,
    fixedAtZero: [],
    solver: "auto",
  });
  assert.equal(solver, "lbfgs");
  assert.ok(iterations <= 60, `${iterations} passes`);
});

Deno.test("words: a cross of a text is rejected", () => {
  const fields = [{ name: "subject", type: "words" }, { name: "c", type: "categorical" }];
  assertFailure(
    () => specOf(fields, { crosses: [{ of: ["c", "subject"] }] }),
    "spec-invalid",
    /"subject" is a text/,
  );
});
