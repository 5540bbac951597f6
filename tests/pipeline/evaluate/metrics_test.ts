import assert from "node:assert/strict";
import fc from "fast-check";
import { aucOf, metricsOf, metricsOfRows } from "../../../pipeline/evaluate/metrics.ts";
import { weightedMetricsOf } from "../../../pipeline/evaluate/weighted_metrics.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { assertClose } from "../../support/assert_close.ts";
import { assertSame } from "../../support/weighted_tables.ts";

// A fixed seed: every run tests the same cases.
fc.configureGlobal({ seed: 20260101 });

const probability = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  // Few distinct values, so that there are ties.
  fc.constantFrom(0, 0.25, 0.5, 0.75, 1),
);
const some = fc.array(probability, { minLength: 1, maxLength: 60 });
const runs = { seed: 5, numRuns: 200 };

/** Returns the share of pairs in the right order; a tie counts half. */
function naiveAuc(clicked: readonly number[], notClicked: readonly number[]): number {
  let wins = 0;
  for (const p of clicked) for (const q of notClicked) wins += p > q ? 1 : p === q ? 0.5 : 0;
  return wins / (clicked.length * notClicked.length);
}

const metrics = (clicked: readonly number[], notClicked: readonly number[], baseRate = 0.5) =>
  metricsOf(Float64Array.from(clicked), Float64Array.from(notClicked), baseRate);

Deno.test("metrics: AUC is the share of pairs in the right order, ties counting half", () => {
  fc.assert(
    fc.property(some, some, (clicked, notClicked) => {
      assertClose(metrics(clicked, notClicked).auc ?? NaN, naiveAuc(clicked, notClicked), 1e-12, "AUC");
    }),
    runs,
  );
});

Deno.test("metrics: rows that are sorted slice by slice give the same numbers, and the same bits if they are one slice", () => {
  const row = fc.tuple(probability, fc.constantFrom(0, 1));
  const blocks = fc.array(fc.array(row, { maxLength: 30 }), { maxLength: 6 });
  fc.assert(
    fc.property(blocks, fc.integer({ min: 1, max: 40 }), (blocks, rowsPerSlice) => {
      const rows = {
        rowCount: blocks.flat().length,
        forBlocks(use: (probabilities: Float64Array, labels: Uint8Array) => void): void {
          for (const block of blocks) {
            use(Float64Array.from(block, ([p]) => p), Uint8Array.from(block, ([, label]) => label));
          }
        },
      };
      const of = (wanted: number) => blocks.flat().filter(([, label]) => label === wanted).map(([p]) => p);
      const [found, expected] = [metricsOfRows(rows, 0.5, rowsPerSlice), metrics(of(1), of(0))];
      if (rowsPerSlice >= rows.rowCount) assert.deepEqual(found, expected);
      for (const name of ["auc", "calibration", "base_log_loss"] as const) {
        assert.deepEqual(found[name], expected[name], name);
      }
      for (const name of ["log_loss", "brier", "ece"] as const) {
        if (rows.rowCount > 0) assertClose(found[name], expected[name], 1e-12, name);
      }
    }),
    runs,
  );
});

Deno.test("metrics: AUC is 1, ½ or 0 if clicked rows are always above, equal to or below the others", () => {
  assert.equal(metrics([0.8, 0.9], [0.1, 0.2, 0.3]).auc, 1);
  assert.equal(metrics([0.4, 0.4], [0.4]).auc, 0.5);
  assert.equal(metrics([0.1], [0.8, 0.9]).auc, 0);
});

Deno.test("metrics: AUC is null without rows of one class", () => {
  assert.equal(aucOf(Float64Array.of(0.5), new Float64Array()), null);
  assert.equal(aucOf(new Float64Array(), Float64Array.of(0.5)), null);
  assert.equal(metrics([], [0.2, 0.4]).auc, null);
});

Deno.test("metrics: log loss and Brier score are the means of −ln p and (1 − p)², p the probability of the outcome", () => {
  const { log_loss, brier, base_log_loss } = metrics([0.8, 0.5], [0.25], 0.4);
  assertClose(log_loss, -(Math.log(0.8) + Math.log(0.5) + Math.log(0.75)) / 3, 1e-15, "log loss");
  assertClose(brier, (0.2 ** 2 + 0.5 ** 2 + 0.25 ** 2) / 3, 1e-15, "Brier score");
  assertClose(base_log_loss, -(2 * Math.log(0.4) + Math.log(0.6)) / 3, 1e-15, "log loss of the base rate");
});

Deno.test("metrics: predicting the base rate for every row gives the base log loss", () => {
  const rate = 0.3;
  const { log_loss, base_log_loss } = metrics(new Array(3).fill(rate), new Array(7).fill(rate), rate);
  assertClose(log_loss, base_log_loss, 1e-15, "log loss");
});

Deno.test("metrics: the log loss of a certain but wrong prediction is bounded", () => {
  const { log_loss } = metrics([0], [1]);
  assertClose(log_loss, -Math.log(1e-15), 1e-3, "log loss");
});

Deno.test("metrics: each row is in one calibration bin, bins ascend, and rows with the same probability share a bin", () => {
  fc.assert(
    fc.property(some, some, (clicked, notClicked) => {
      const { calibration, ece } = metrics(clicked, notClicked);
      const all = [...clicked, ...notClicked];
      assert.equal(calibration.reduce((sum, { rows }) => sum + rows, 0), all.length);
      for (const [i, { from, to, rows, predicted, observed }] of calibration.entries()) {
        const inside = (p: number) => p >= from && p <= to;
        assert.equal(rows, all.filter(inside).length);
        assert.equal(Math.round(observed * rows), clicked.filter(inside).length);
        assertClose(predicted, all.filter(inside).reduce((sum, p) => sum + p, 0) / rows, 1e-12, "predicted");
        assert(from <= to && (i === 0 || calibration[i - 1].to < from), "bins overlap");
      }
      const expected = calibration.reduce(
        (sum, bin) => sum + bin.rows * Math.abs(bin.predicted - bin.observed),
        0,
      );
      assertClose(ece, expected / all.length, 1e-12, "calibration error");
      assert(ece >= 0 && ece <= 1);
    }),
    runs,
  );
});

Deno.test("metrics: rows with distinct probabilities lie in ten bins of equal size", () => {
  const all = Array.from({ length: 500 }, (_, i) => (i + 0.5) / 500);
  const { calibration } = metrics(all.filter((_, i) => i % 3 === 0), all.filter((_, i) => i % 3 !== 0));
  assert.deepEqual(calibration.map(({ rows }) => rows), new Array(10).fill(50));
});

Deno.test("metrics: calibrated probabilities have a small calibration error, doubled ones a large one", () => {
  const random = createRandom(9);
  const clicked: number[] = [];
  const notClicked: number[] = [];
  for (let i = 0; i < 50_000; i++) {
    const p = 0.5 * random.uniform();
    (random.uniform() < p ? clicked : notClicked).push(p);
  }
  assert(metrics(clicked, notClicked).ece < 0.01);
  const twice = (p: number) => 2 * p;
  assert(metrics(clicked.map(twice), notClicked.map(twice)).ece > 0.2);
});

Deno.test("metrics: rows with integer weights have the metrics of the rows repeated, in any unit of weight", () => {
  const weightedRows = fc.array(fc.tuple(probability, fc.integer({ min: 1, max: 9 })), { maxLength: 40 });
  const columnsOf = (rows: readonly (readonly [number, number])[], unit: number) => ({
    values: Float64Array.from(rows, ([p]) => p),
    weights: Float64Array.from(rows, ([, weight]) => unit * weight),
  });
  const repeated = (rows: readonly (readonly [number, number])[]) =>
    rows.flatMap(([p, weight]) => Array.from({ length: weight }, () => p));
  fc.assert(
    fc.property(weightedRows, weightedRows, fc.constantFrom(1, 0.1, 1 / 3), (clicked, notClicked, unit) => {
      fc.pre(clicked.length + notClicked.length > 0);
      const found = weightedMetricsOf(columnsOf(clicked, unit), columnsOf(notClicked, unit), 0.3);
      const calibration = found.calibration.map((bin) => ({ ...bin, rows: bin.rows / unit }));
      assertSame({ ...found, calibration }, metrics(repeated(clicked), repeated(notClicked), 0.3), "metrics");
    }),
    runs,
  );
});
