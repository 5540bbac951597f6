import assert from "node:assert/strict";
import fc from "fast-check";
import { pairedTest } from "../../../pipeline/evaluate/comparison.ts";
import { perfectEce } from "../../../pipeline/evaluate/curves.ts";
import { createColumnValues, withLargest } from "../../../pipeline/evaluate/divisions.ts";
import { defaultResampling, evaluate, type ScoredRows } from "../../../pipeline/evaluate/evaluation.ts";
import { aucOf, metricsOf } from "../../../pipeline/evaluate/metrics.ts";
import { divideByTime } from "../../../pipeline/evaluate/period_division.ts";
import { lossesOf, numberGroups, rankRows } from "../../../pipeline/evaluate/ranked_rows.ts";
import { drawCounts, readRows } from "../../../pipeline/evaluate/resample_kernel.ts";
import { estimateOf } from "../../../pipeline/evaluate/resampling.ts";
import { hashOf } from "../../../pipeline/math/hash.ts";
import { normalQuantile } from "../../../pipeline/math/normal_quantile.ts";
import { normalTails } from "../../../pipeline/math/normal_tail.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import references from "../../fixtures/metrics.json" with { type: "json" };
import { assertClose } from "../../support/assert_close.ts";

const options = { ...defaultResampling, baseRate: 0.3 };

/** Rows of a model that knows the true probability, but for noise in log-odds. */
function makeRows(
  count: number,
  { seed = 1, noise = 0, perGroup = 1, decimals = 17 } = {},
): ScoredRows {
  const random = createRandom(seed);
  const logits = Array.from({ length: count }, () => 4 * random.uniform() - 3);
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  return {
    labels: Uint8Array.from(logits, (x) => random.uniform() < sigmoid(x) ? 1 : 0),
    probabilities: Float64Array.from(
      logits,
      (x) => Number(sigmoid(x + noise * (random.uniform() - 0.5)).toFixed(Math.min(decimals, 17))),
    ),
    groups: Uint32Array.from(logits, (_, i) => hashOf(`group ${Math.floor(i / perGroup)}`)),
  };
}

function rankedOf(rows: ScoredRows) {
  return rankRows(rows, numberGroups(rows.groups), rows.probabilities);
}

function valuesOf(rows: ScoredRows, counts?: Uint8Array) {
  const { hashes } = numberGroups(rows.groups);
  const [values] = readRows({ hashes, rankings: [rankedOf(rows)] }, counts).metrics;
  assert.ok(values);
  return values;
}

Deno.test("evaluation: log loss, AUC and Brier score are those that training computes", () => {
  const rows = makeRows(3000, { decimals: 2 });
  const of = (label: number) => rows.probabilities.filter((_, i) => rows.labels[i] === label);
  const expected = metricsOf(of(1), of(0), 0.3);
  const { log_loss, auc, brier } = valuesOf(rows);
  assertClose(log_loss, expected.log_loss, 1e-12, "log loss");
  assertClose(auc ?? NaN, expected.auc ?? NaN, 1e-12, "AUC");
  assertClose(brier, expected.brier, 1e-12, "Brier score");
});

for (const reference of references) {
  const { name, metrics, test } = reference;
  const rows = {
    probabilities: Float64Array.from(reference.probabilities),
    labels: Uint8Array.from(reference.labels),
    groups: Uint32Array.from(reference.groups),
    weights: reference.weights ? Float64Array.from(reference.weights) : undefined,
  };

  Deno.test(`evaluation: metrics are those of scikit-learn: ${name}`, () => {
    const { log_loss, auc, pr_auc, brier } = valuesOf(rows);
    assertClose(log_loss, metrics.log_loss, 1e-12, "log loss");
    assertClose(auc ?? NaN, metrics.auc, 1e-12, "AUC");
    assertClose(pr_auc ?? NaN, metrics.pr_auc, 1e-12, "PR-AUC");
    assertClose(brier, metrics.brier, 1e-12, "Brier score");
  });

  if (test) {
    Deno.test(`evaluation: the paired test is the one that statsmodels computes: ${name}`, () => {
      const [losses, others] = [rows.probabilities, Float64Array.from(reference.others)]
        .map((probabilities) => lossesOf(rows, probabilities));
      const found = pairedTest(rows, numberGroups(rows.groups), losses, others);
      assertClose(found.difference, test.difference, 1e-12, "difference");
      assertClose(found.standard_error ?? NaN, test.standard_error, 1e-12, "standard error");
      assertClose(found.z ?? NaN, test.z, 1e-10, "z");
      assertClose((found.p_value ?? NaN) / test.p_value, 1, 1e-6, "p");
    });
  }
}

Deno.test("evaluation: a weight of n, and n occurrences of a group, are n rows", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.boolean(), fc.integer({ min: 1, max: 3 })), {
        minLength: 20,
        maxLength: 60,
      }),
      (cases) => {
        const make = (some: readonly (readonly [number, boolean, number])[]) => ({
          probabilities: Float64Array.from(some, ([p]) => 0.1 + p / 5),
          labels: Uint8Array.from(some, ([, clicked]) => clicked ? 1 : 0),
          groups: Uint32Array.from(some, (_, i) => i),
        });
        const once = make(cases);
        const repeatedCases = cases.flatMap((one) => Array<typeof one>(one[2]).fill(one));
        const repeated = valuesOf(make(repeatedCases));
        const withWeights = { ...once, weights: Float64Array.from(cases, ([, , n]) => n) };
        const weighted = valuesOf(withWeights);
        const counted = valuesOf(once, Uint8Array.from(cases, ([, , n]) => n));
        assertClose(
          perfectEce(rankedOf(withWeights)),
          perfectEce(rankedOf(make(repeatedCases))),
          1e-9,
          "calibration error of a perfect model",
        );
        for (const got of [weighted, counted]) {
          for (const [name, value] of Object.entries(repeated)) {
            assertClose(
              Object.entries(got).find(([key]) => key === name)?.[1] ?? -1,
              value ?? -1,
              1e-9,
              name,
            );
          }
        }
      },
    ),
    { seed: 3, numRuns: 100 },
  );
});

Deno.test("evaluation: PR-AUC is average precision, and normalised entropy relative to the rows' click rate", () => {
  const rows = {
    // In descending order: 1, 0, 1, (1, 0), 0: precision 1, 2/3, 3/5 with recall rising by 1/3 each.
    probabilities: Float64Array.of(0.9, 0.8, 0.7, 0.5, 0.5, 0.1),
    labels: Uint8Array.of(1, 0, 1, 1, 0, 0),
    groups: Uint32Array.of(1, 2, 3, 4, 5, 6),
  };
  const { pr_auc, auc, normalised_entropy, log_loss } = valuesOf(rows);
  assertClose(pr_auc ?? NaN, (1 + 2 / 3 + 3 / 5) / 3, 1e-15, "PR-AUC");
  assertClose(
    auc ?? NaN,
    aucOf(Float64Array.of(0.5, 0.7, 0.9), Float64Array.of(0.1, 0.5, 0.8)) ?? NaN,
    0,
    "AUC",
  );
  assertClose(normalised_entropy ?? NaN, log_loss / Math.LN2, 1e-14, "normalised entropy");
});

Deno.test("evaluation: the calibration error is that of the reliability bins, of which there are 15 of equal count", () => {
  for (const rows of [makeRows(3000, { noise: 2 }), makeRows(700, { decimals: 1 })]) {
    const { reliability, metrics, rows: count } = evaluate(rows, options);
    const error = reliability.reduce(
      (sum, bin) => sum + bin.rows * Math.abs(bin.predicted - bin.observed),
      0,
    );
    assertClose(metrics.ece.value ?? NaN, error / count, 1e-12, "calibration error");
    for (const { low, observed, high } of reliability) assert.ok(low <= observed && observed <= high);
  }
  const { reliability } = evaluate(makeRows(3000), options);
  assert.deepEqual(reliability.map((bin) => bin.rows), Array(15).fill(200));
});

Deno.test("evaluation: the expected calibration error of a perfect model is what such models show", () => {
  for (const count of [400, 4000]) {
    const shown = Array.from({ length: 60 }, (_, seed) => valuesOf(makeRows(count, { seed })).ece);
    const mean = shown.reduce((sum, value) => sum + value, 0) / shown.length;
    const { perfect_ece } = evaluate(makeRows(count, { seed: 99 }), { ...options, resamples: 2 });
    assertClose(perfect_ece / mean, 1, 0.06, `${count} rows`);
  }
});

Deno.test("evaluation: 90 % intervals contain the value of the population in about 90 % of samples", () => {
  const truth = valuesOf(makeRows(200_000, { seed: 1000 }));
  let [ofLoss, ofAuc] = [0, 0];
  const tries = 120;
  for (let seed = 0; seed < tries; seed++) {
    const { metrics } = evaluate(makeRows(600, { seed }), options);
    const holds = ({ low, high }: { low: number | null; high: number | null }, value: number | null) =>
      Number(low !== null && high !== null && value !== null && low <= value && value <= high);
    ofLoss += holds(metrics.log_loss, truth.log_loss);
    ofAuc += holds(metrics.auc, truth.auc);
  }
  for (const share of [ofLoss / tries, ofAuc / tries]) assert.ok(share > 0.82 && share < 0.97, String(share));
});

Deno.test("evaluation: rows of a group count together: repeating each row ten times does not narrow an interval", () => {
  const rows = makeRows(500);
  const tenfold = (values: ArrayLike<number>) => Array.from(values).flatMap((value) => Array(10).fill(value));
  const repeated = {
    probabilities: Float64Array.from(tenfold(rows.probabilities)),
    labels: Uint8Array.from(tenfold(rows.labels)),
    groups: Uint32Array.from(tenfold(rows.groups)),
  };
  const [once, ten] = [evaluate(rows, options), evaluate(repeated, options)];
  for (const name of ["log_loss", "auc", "brier"] as const) {
    assertClose(ten.metrics[name].low ?? NaN, once.metrics[name].low ?? NaN, 1e-9, name);
  }
  assert.equal(ten.rows, 5000);
  assert.equal(ten.groups, 500);
});

Deno.test("evaluation: the order of the rows does not matter, another seed does", () => {
  const rows = makeRows(800, { perGroup: 3 });
  const reversed = {
    probabilities: rows.probabilities.toReversed(),
    labels: rows.labels.toReversed(),
    groups: rows.groups.toReversed(),
  };
  const [a, b] = [evaluate(rows, options).metrics, evaluate(reversed, options).metrics];
  assertClose(b.auc.low ?? NaN, a.auc.low ?? NaN, 1e-12, "AUC");
  assertClose(b.log_loss.high ?? NaN, a.log_loss.high ?? NaN, 1e-12, "log loss");
  assert.notEqual(evaluate(rows, { ...options, seed: 8 }).metrics.auc.low, a.auc.low);
});

Deno.test("evaluation: counts of a resample are Poisson with mean 1, and unrelated between resamples", () => {
  const hashes = Uint32Array.from({ length: 100_000 }, (_, i) => hashOf(i));
  const [counts, others] = [drawCounts(hashes, 0, 7), drawCounts(hashes, 1, 7)];
  const share = (k: number) => counts.filter((count) => count === k).length / counts.length;
  [0.3679, 0.3679, 0.1839, 0.0613].forEach((expected, k) =>
    assertClose(share(k), expected, 0.006, `of ${k}`)
  );
  const covariance = counts.reduce((sum, count, i) => sum + (count - 1) * (others[i] - 1), 0) / counts.length;
  assertClose(covariance, 0, 0.015, "covariance");
});

Deno.test("evaluation: one group, or one class, has values without intervals", () => {
  const rows = makeRows(50, { perGroup: 50 });
  const { metrics, baselines } = evaluate(rows, options);
  assert.equal(metrics.auc.low, null);
  assert.equal(baselines.base_rate.difference.high, null);
  assert.deepEqual(estimateOf(null, [1, 2], { low: 0, high: 1 }), { value: null, low: null, high: null });
  const oneClass = valuesOf({
    labels: Uint8Array.of(1, 1),
    groups: Uint32Array.of(1, 2),
    probabilities: Float64Array.of(0.2, 0.4),
  });
  assert.equal(oneClass.auc, null);
  assert.equal(oneClass.normalised_entropy, null);
});

Deno.test("evaluation: the paired test rejects equal models in about 5 % of samples, with rows of a group alike", () => {
  const random = createRandom(4);
  let rejections = 0;
  const tries = 600;
  for (let i = 0; i < tries; i++) {
    // Five rows of a group share their difference: as independent rows, the test would reject far too often.
    const groups = Uint32Array.from({ length: 500 }, (_, row) => Math.floor(row / 5));
    const shared = Float64Array.from({ length: 100 }, () => normalQuantile(random.uniform() || 0.5));
    const losses = new Float64Array(500).fill(0.5);
    const others = losses.map((loss, row) => loss + shared[groups[row]]);
    const test = pairedTest({ labels: new Uint8Array(500), groups }, numberGroups(groups), losses, others);
    if ((test.p_value ?? 1) < 0.05) rejections++;
  }
  assert.ok(rejections / tries > 0.025 && rejections / tries < 0.08, String(rejections / tries));
});

Deno.test("evaluation: the tails of the normal distribution", () => {
  for (const [z, p] of [[0, 1], [1.959963985, 0.05], [-2.575829304, 0.01], [6, 1.973175e-9]]) {
    assertClose(normalTails(z) / p, 1, 1e-5, `at ${z}`);
  }
});

Deno.test("evaluation: against a worse model on the same rows the difference is found, against itself there is none", () => {
  const rows = makeRows(3000);
  const worse = makeRows(3000, { noise: 4 }).probabilities;
  const { against } = evaluate(rows, { ...options, against: { modelId: "cw-1", probabilities: worse } });
  assert.ok(against && against.test.difference > 0 && (against.test.p_value ?? 1) < 1e-6);
  assert.ok((against.differences.log_loss.low ?? 0) > 0 && (against.differences.auc.high ?? 0) < 0);
  const { against: same } = evaluate(rows, {
    ...options,
    against: { modelId: "cw-2", probabilities: rows.probabilities },
  });
  assert.deepEqual(
    [same?.test.difference, same?.test.p_value, same?.differences.auc.low, same?.differences.auc.high],
    [0, null, 0, 0],
  );
});

Deno.test("evaluation: curves have at most 200 points from the best row to all, and their area is the AUC", () => {
  const { roc, pr, metrics, gains, scores } = evaluate(makeRows(20_000), options);
  assert.ok(roc.length <= 200 && pr.length <= 200 && roc.length > 90);
  assert.deepEqual([roc.at(-1)?.true_positive_rate, roc.at(-1)?.false_positive_rate], [1, 1]);
  let [area, x, y] = [0, 0, 0];
  for (const { false_positive_rate: right, true_positive_rate: up } of roc) {
    area += (right - x) * (up + y) / 2;
    [x, y] = [right, up];
  }
  assertClose(area, metrics.auc.value ?? NaN, 1e-3, "area under the ROC curve");
  assert.equal(scores.reduce((sum, { clicks, others }) => sum + clicks + others, 0), 20_000);
  assert.ok(scores.every(({ from, to }, i) => from < to && (i === 0 || from === scores[i - 1].to)));
  assert.deepEqual([gains[0].share, gains.at(-1)?.share, gains.length], [0.01, 1, 22]);
  assertClose(gains.at(-1)?.recall ?? NaN, 1, 1e-12, "recall of all rows");
  assertClose(gains.at(-1)?.lift ?? NaN, 1, 1e-12, "lift of all rows");
});

Deno.test("evaluation: thresholds and gains count what they say", () => {
  const rows = {
    probabilities: Float64Array.of(0.9, 0.7, 0.7, 0.2),
    labels: Uint8Array.of(1, 1, 0, 0),
    groups: Uint32Array.of(1, 2, 3, 4),
  };
  const { thresholds, gains } = evaluate(rows, { ...options, thresholds: [0.7, 0.95] });
  assert.deepEqual(thresholds, [
    { threshold: 0.7, share: 0.75, precision: 2 / 3, recall: 1, lift: 4 / 3 },
    { threshold: 0.95, share: 0, precision: null, recall: 0, lift: null },
  ]);
  const half = gains.find(({ share }) => share === 0.5);
  // The second row is one of two with the same probability, of which one was clicked.
  assertClose(half?.recall ?? NaN, 0.75, 1e-12, "recall");
  assert.equal(half?.threshold, 0.7);
});

Deno.test("evaluation: the strongest field is found by rates of other groups, which a level per row does not help", () => {
  const random = createRandom(5);
  const rows = makeRows(4000);
  const [strong, weak, id] = ["strong", "weak", "id"].map((name) =>
    createColumnValues(name, { areLevels: true })
  );
  for (let i = 0; i < 4000; i++) {
    strong.add(random.uniform() < 0.7 ? rows.labels[i] : random.below(2));
    weak.add(random.uniform() < 0.2 ? rows.labels[i] : random.below(2));
    id.add(i);
  }
  const fields = [weak, id, strong].map((values) => values.division());
  const { strongest_field: found, base_rate } = evaluate(rows, { ...options, fields }).baselines;
  assert.equal(found?.field, "strong");
  assert.equal(found?.levels, 2);
  assert.ok((found?.log_loss.value ?? 1) < 0.5 && (base_rate.log_loss.value ?? 0) > 0.5);
  assert.equal(
    evaluate(rows, { ...options, fields: fields.slice(0, 2) }).baselines.strongest_field?.field,
    "weak",
  );
});

Deno.test("evaluation: columns are divided by level, numbers of many values into tenths, missing values apart", () => {
  const divide = (values: readonly unknown[], options = {}) => {
    const column = createColumnValues("x", options);
    values.forEach(column.add);
    const { codes, levels } = column.division();
    return { levels, of: Array.from(codes, (code) => levels[code]) };
  };
  assert.deepEqual(divide([2, null, 10, 2]), {
    levels: ["2", "10", "(missing)"],
    of: ["2", "(missing)", "10", "2"],
  });
  assert.deepEqual(divide([1, "b", null, 10, 9, true]).levels, ["1", "9", "10", "(missing)", "b", "true"]);
  const many = divide(Array.from({ length: 1000 }, (_, i) => (i * 7) % 1000));
  assert.equal(many.levels.length, 10);
  assert.equal(many.levels[0], "0 to 99");
  assert.equal(many.of[1], "0 to 99");
  assert.equal(divide(Array.from({ length: 1000 }, (_, i) => i), { areLevels: true }).levels.length, 1000);
  const column = createColumnValues("x");
  for (const level of ["a", "b", "b", "c", "d", "d"]) column.add(level);
  assert.deepEqual(withLargest(column.division(), 3).levels, ["b", "d", "2 others"]);
});

Deno.test("evaluation: slices and periods have the metrics of their rows alone", () => {
  const rows = makeRows(2000);
  const column = createColumnValues("side");
  rows.labels.forEach((_, i) => column.add(i % 4 === 0 ? "left" : "right"));
  const times = Float64Array.from(rows.labels, (_, i) => Date.UTC(2026, 0, 1 + (i % 5)) * 1000);
  times[7] = NaN;
  const periods = divideByTime("sent_at", times);
  const { slices, by_time } = evaluate(rows, { ...options, slices: [column.division()], periods });
  const [{ field, parts: [left, right] }] = slices;
  assert.deepEqual([field, left.name, left.rows, right.rows], ["side", "left", 500, 1500]);
  const isLeft = (_: number, i: number) => i % 4 === 0;
  const own = evaluate({
    probabilities: rows.probabilities.filter(isLeft),
    labels: rows.labels.filter(isLeft),
    groups: rows.groups.filter(isLeft),
  }, options);
  assert.deepEqual(left.metrics, own.metrics);
  assert.equal(by_time?.unit, "day");
  assert.deepEqual(by_time?.parts.map(({ name }) => name), [1, 2, 3, 4, 5].map((day) => `2026-01-0${day}`));
  assert.equal(by_time?.parts.reduce((sum, part) => sum + part.rows, 0), 1999);
  assert.equal(divideByTime("sent_at", new Float64Array(10).fill(NaN)), undefined);
});
