import assert from "node:assert/strict";
import { fitCoefficients, type TableValues } from "../../../../pipeline/fit/tables/coefficients.ts";
import { crossFit } from "../../../../pipeline/fit/tables/cross_fit.ts";
import { createPause } from "../../../../pipeline/fit/tables/pauses.ts";
import { createRandom } from "../../../../pipeline/math/random.ts";
import { assertClose } from "../../../support/assert_close.ts";

const pause = createPause();
/** Starts with coefficients of 1. */
const optionsOf = (count: number) => ({ start: new Float64Array(count + 1).fill(1), ridge: 30, pause });

/** Rows whose labels follow the given factors of random columns. */
function valuesOf(factors: readonly number[], rowCount = 2000, seed = 5): TableValues {
  const random = createRandom(seed);
  const columns = factors.map(() => Float64Array.from({ length: rowCount }, () => 2 * random.uniform() - 1));
  const labels = Uint8Array.from({ length: rowCount }, (_, i) => {
    const logit = columns.reduce((sum, column, t) => sum + factors[t] * column[i], -0.5);
    return random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
  });
  return { columns, labels, weights: undefined };
}

/** The derivative of the penalised sum of losses by a coefficient, from the definition. */
function slopeBy(
  { columns, labels, weights }: TableValues,
  b: Float64Array,
  intercept: number,
  t: number,
): number {
  return labels.reduce((sum, label, i) => {
    const logit = columns.reduce((total, column, u) => total + b[u] * column[i], intercept);
    return sum + (weights?.[i] ?? 1) * (1 / (1 + Math.exp(-logit)) - label) * columns[t][i];
  }, 30 * (b[t] - 1));
}

Deno.test("coefficients are the optimum of the penalised loss: the derivative is 0, or not negative at 0", async () => {
  const values = valuesOf([1.5, 0.7, -2, 1, -3]);
  const { intercept, coefficients, certificate } = await fitCoefficients(
    values,
    optionsOf(values.columns.length),
  );
  assert.ok(coefficients[0] > coefficients[1]);
  for (let t = 0; t < 5; t++) {
    const slope = slopeBy(values, coefficients, intercept, t);
    if (coefficients[t] > 0) assertClose(slope, 0, 1e-5, "derivative");
    else assert.ok(slope > 0);
  }
  assert.deepEqual([...coefficients.keys()].filter((t) => coefficients[t] === 0), [2, 4]);
  assert.ok(certificate.gradientMax <= 1e-9);
  assert.ok((certificate.boundGradientMin ?? -1) >= 0);
});

Deno.test("a table that says nothing about its rows keeps a coefficient of 1", async () => {
  const values = valuesOf([1]);
  const { coefficients } = await fitCoefficients(
    { ...values, columns: [...values.columns, new Float64Array(2000)] },
    optionsOf(2),
  );
  assert.equal(coefficients[1], 1);
});

Deno.test("without tables, the intercept is the log-odds of the labels", async () => {
  const values = { ...valuesOf([0.1]), columns: [] };
  const { intercept } = await fitCoefficients(values, optionsOf(values.columns.length));
  const rate = values.labels.reduce((sum, label) => sum + label, 0) / 2000;
  assertClose(intercept, Math.log(rate / (1 - rate)), 1e-9, "intercept");
});

Deno.test("a row of weight 2 counts as two rows", async () => {
  const values = valuesOf([1.5, 0.7]);
  const twice = (column: Float64Array) => Float64Array.of(...column, ...column.subarray(0, 500));
  const repeated = {
    columns: values.columns.map(twice),
    labels: Uint8Array.of(...values.labels, ...values.labels.subarray(0, 500)),
    weights: undefined,
  };
  const weights = Float64Array.from({ length: 2000 }, (_, i) => i < 500 ? 2 : 1);
  const one = await fitCoefficients({ ...values, weights }, optionsOf(2));
  const other = await fitCoefficients(repeated, optionsOf(2));
  assertClose(one.coefficients[0], other.coefficients[0], 1e-8, "coefficient");
  assertClose(one.intercept, other.intercept, 1e-8, "intercept");
});

Deno.test("the penalty that suits other folds best is taken, and logits are by coefficients of other folds", async () => {
  // Coefficients far from 1 call for a weak penalty; without anything to find, a strong one is best.
  for (
    const [factors, ridge] of [[[2.5, 0.1, 2.5, 0.1], 10], [new Array<number>(12).fill(1), 1000]] as const
  ) {
    const values = valuesOf(factors, 300, 1);
    const { certificate, coefficients, intercept, logits } = await crossFit(values, [100, 100, 100], {
      intercept: 0,
      pause,
    });
    assert.equal(certificate.ridge, ridge);
    const own = values.columns.reduce((sum, column, t) => sum + coefficients[t] * column[0], intercept);
    assert.notEqual(logits[0], own);
    const others = {
      columns: values.columns.map((column) => column.subarray(100)),
      labels: values.labels.subarray(100),
      weights: undefined,
    };
    const fit = await fitCoefficients(others, { ...optionsOf(factors.length), ridge });
    const apart = values.columns.reduce(
      (sum, column, t) => sum + fit.coefficients[t] * column[0],
      fit.intercept,
    );
    assertClose(logits[0], apart, 1e-7, "logit");
  }
});
