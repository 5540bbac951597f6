import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeWithInSteps } from "../../../pipeline/encode/encode.ts";
import type { Encoder } from "../../../pipeline/encode/encoder.ts";
import { type Partition, testPart, trainPart } from "../../../pipeline/examples/split.ts";
import { createRowEncoder } from "../../../pipeline/model/encoded_row.ts";
import { createExplainer } from "../../../pipeline/model/explanation.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { assertAllClose, assertClose } from "../../support/assert_close.ts";
import { denseExamples } from "../../support/dense_loss.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { allTrain, encodeRows, type ExampleRow, rawExamplesOf, specOf } from "../../support/example_rows.ts";
import { runToEnd } from "../../../pipeline/runtime/steps.ts";

const runs = { seed: 29, numRuns: 60 };

const dayMicros = 86_400e6;
const start = 1_700_000_000e6;
/** Microseconds of a day after the start of the data. */
const day = (days: number) => start + days * dayMicros;

const prior = 3;
const features = [{ name: "zip", type: "rate", prior, halfLife: "10d" }, {
  name: "lender",
  type: "categorical",
}];
const spec = specOf(features, { time: "at", rates: [{ of: ["zip", "lender"], prior, halfLife: "10d" }] });
const weighted = specOf(features, { time: "at", weight: true });

const row = fc.record({
  zip: fc.constantFrom("a", "b", "c", null),
  lender: fc.constantFrom("x", "y"),
  at: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 40 }).map(day) }, {
    weight: 1,
    arbitrary: fc.constant(null),
  }),
  clicked: fc.integer({ min: 0, max: 1 }),
  weight: fc.constantFrom(1, 2, 0.5),
});
const rows = fc.array(row, { minLength: 1, maxLength: 40 });

/** Every third row is held out. */
const thirds: Partition = { partCount: 3, partOf: (_group, _label, i) => i % 3 === 2 ? testPart : trainPart };
const isTrain = (i: number) => i % 3 !== 2;

/** The row as serving encodes it. */
function servedColumns(encoder: Encoder, row: ExampleRow): number[] {
  const columns = new Array<number>(encoder.columnCount).fill(0);
  createRowEncoder(encoder)(row, (_, column, value) => columns[column] += value);
  return columns;
}

const fieldsOf = ({ zip, lender, at }: ExampleRow) => ({ zip, lender, at });
const logOdds = (rate: number) => Math.log(rate / (1 - rate));

interface TimedRow {
  readonly zip: string | null;
  readonly at: number | null;
  readonly clicked: number;
  readonly weight: number;
}

/** The rate's column by definition: of the given rows, as of a time. */
function valueAt(zip: string | null, time: number, rows: readonly TimedRow[]): number {
  const sumOf = (of: readonly TimedRow[]) =>
    of.reduce(([rows, clicks], { at, clicked, weight }) => {
      const share = weight * 2 ** (-(time - (at ?? 0)) / (10 * dayMicros));
      return [rows + share, clicks + clicked * share];
    }, [0, 0]);
  const [allRows, allClicks] = sumOf(rows);
  const [own, clicks] = sumOf(rows.filter((row) => row.zip === zip));
  const base = (allClicks + 0.5) / (allRows + 1);
  return own === 0 ? 0 : logOdds((clicks + prior * base) / (own + prior)) - logOdds(base);
}

Deno.test("half-life: a training row has the rate of the rows before its time, each halved in ten days", () => {
  fc.assert(
    fc.property(rows, (rows) => {
      const { design } = encodeRows(weighted, rows, { chunkRows: 6, partition: thirds });
      const training = rows.filter((_, i) => isTrain(i % 6));
      const timed = training.filter(({ at }) => at !== null);
      const got = denseExamples(design).X.map(([value]) => value);
      training.forEach((row, i) => {
        const { at } = row;
        if (at === null) return;
        const before = timed.filter((other) => Number(other.at) < at);
        assertClose(got[i], valueAt(row.zip, at, before), 1e-9, `row ${i}`);
      });
    }),
    runs,
  );
});

Deno.test("half-life: serving has the rate as of the row's time; before the last training row and without a time, as of that", () => {
  const one = specOf([{ name: "zip", type: "rate", prior, halfLife: "10d" }], { time: "at" });
  const rows = [["a", 0, 1], ["a", 10, 0], ["b", 20, 1], ["a", 20, 1]].map(([zip, days, clicked], i) => ({
    zip: String(zip),
    at: day(Number(days)),
    clicked: Number(clicked),
    weight: 1,
    who: `g${i}`,
  }));
  const { encoder } = encodeRows(one, rows);
  const served = (zip: unknown, at: unknown) => servedColumns(encoder, { zip, at })[0];
  const last = valueAt("a", day(20), rows);

  assertAllClose(
    [day(20), day(3), null].map((at) => served("a", at)),
    [last, last, last],
    1e-12,
    "as of the last",
  );
  // After a half-life the rows count half, against the same base rate.
  const base = (0.25 + 1 + 1 + 0.5) / (0.25 + 0.5 + 1 + 1 + 1);
  const [own, clicks] = [0.125 + 0.25 + 0.5, 0.125 + 0.5];
  assertClose(
    served("a", day(30)),
    logOdds((clicks + prior * base) / (own + prior)) - logOdds(base),
    1e-12,
    "later",
  );
  assertClose(served("a", day(4_000)), 0, 1e-12, "much later");
  assert.equal(served("c", day(30)), 0);
});

Deno.test("half-life: serving encodes a row as training did the held-out rows that are not earlier, bit for bit", () => {
  fc.assert(
    fc.property(rows, (rows) => {
      const { encoder, design } = encodeRows(spec, rows, { chunkRows: 6, partition: thirds });
      const last = Math.max(
        -Infinity,
        ...rows.flatMap(({ at }, i) => at !== null && isTrain(i % 6) ? [at] : []),
      );
      const { X } = denseExamples(design, testPart);
      rows.filter((_, i) => !isTrain(i % 6)).forEach((row, i) => {
        if (row.at !== null && row.at < last) return;
        const trained = X[i].slice(0, encoder.columnCount).map((value) => value + 0);
        assert.deepEqual(servedColumns(encoder, fieldsOf(row)).map((value) => value + 0), trained);
      });
      const updated =
        denseExamples(runToEnd(encodeWithInSteps(rawExamplesOf(spec, rows), encoder, allTrain))).X;
      rows.forEach((row, i) => {
        const encoded = updated[i].slice(0, encoder.columnCount).map((value) => value + 0);
        assert.deepEqual(servedColumns(encoder, fieldsOf(row)).map((value) => value + 0), encoded);
      });
    }),
    runs,
  );
});

Deno.test("half-life: a label changes no value of its own row, nor of rows of its time or before", () => {
  fc.assert(
    fc.property(rows, fc.nat(), (rows, choice) => {
      const at = choice % rows.length;
      const flipped = rows.map((row, i) => i === at ? { ...row, clicked: 1 - row.clicked } : row);
      const [X, other] = [rows, flipped].map((rows) => denseExamples(encodeRows(spec, rows).design).X);
      const { at: time } = rows[at];
      rows.forEach((row, i) => {
        if (i === at || (time !== null && row.at !== null && row.at <= time)) {
          assert.deepEqual(X[i], other[i]);
        }
      });
    }),
    runs,
  );
});

Deno.test("half-life: the predictor's log-odds are those of its explanation, for any time", () => {
  fc.assert(
    fc.property(rows, rows, (rows, others) => {
      const { encoder } = encodeRows(spec, rows);
      const coefficients = Float64Array.from(
        { length: encoder.columnCount },
        (_, j) => ((j * 37) % 101) / 64 - 0.7,
      );
      const model = { encoder, coefficients, intercept: 0.25 };
      const [predictor, explain] = [createPredictor(model), createExplainer(model)];
      const later = others.map((row) => ({ ...row, at: row.at === null ? null : row.at + 20 * dayMicros }));
      for (const row of [...rows, ...later].map(fieldsOf)) {
        assert.equal(predictor.logit(row, createFindings()), explain(row).logit);
      }
    }),
    runs,
  );
});

Deno.test("half-life: the time is a field of the model, which may be null", () => {
  const { encoder } = encodeRows(spec, [{ zip: "a", lender: "x", at: day(1), clicked: 1 }]);
  const predictor = createPredictor({
    encoder,
    coefficients: new Float64Array(encoder.columnCount),
    intercept: 0,
  });
  const found = (at: unknown) => {
    const findings = createFindings();
    predictor.predict({ zip: "a", lender: "x", at }, findings);
    return {
      missing: findings.missing,
      errors: findings.errors.map(({ pointer, detail }) => `${pointer} ${detail}`),
    };
  };
  assert.deepEqual(predictor.fields.map(({ name, type }) => `${name} ${type}`), [
    "zip categorical",
    "lender categorical",
    "at time",
  ]);
  assert.deepEqual(found("2024-01-31T10:15:00Z"), { missing: [], errors: [] });
  assert.deepEqual(found(null), { missing: ["at"], errors: [] });
  assert.match(found(undefined).errors[0], /^#\/at is missing/);
  assert.match(found("soon").errors[0], /^#\/at /);
  assert.match(found(17).errors[0] ?? "#/at a time", /^#\/at /);
});

Deno.test("half-life: a spec with one needs a time, and a duration", () => {
  for (const halfLife of ["30", "d", "0d", "-3d", 30]) {
    assertFailure(
      () => specOf([{ name: "zip", type: "rate", halfLife }], { time: "at" }),
      "spec-invalid",
      /not valid/,
    );
  }
  assertFailure(
    () => specOf([{ name: "zip", type: "rate", halfLife: "30d" }]),
    "spec-invalid",
    /needs .* "time"/,
  );
  const combined = { rates: [{ of: ["zip"], halfLife: "30d" }] };
  assertFailure(
    () => specOf([{ name: "zip", type: "categorical" }], combined),
    "spec-invalid",
    /needs .* "time"/,
  );
});
