import assert from "node:assert/strict";
import type { DesignMatrix } from "../../../pipeline/encode/design_matrix.ts";
import { type Fit, fit } from "../../../pipeline/fit/fit.ts";
import { continueByNewtonCg } from "../../../pipeline/fit/newton_cg.ts";
import { createPasses } from "../../../pipeline/fit/passes.ts";
import { evaluatePoint, meanPenalty } from "../../../pipeline/fit/penalised.ts";
import { Separation } from "../../../pipeline/fit/separation.ts";
import { createProgress } from "../../../pipeline/fit/slow_progress.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { startThreads, type Threads } from "../../../pipeline/runtime/thread_pool.ts";
import { trainWorkerUrl } from "../../../pipeline/train/training_resources.ts";
import { type DenseExamples, denseExamples } from "../../support/dense_loss.ts";
import { alone, encodeRows, type ExampleRow, specOf } from "../../support/example_rows.ts";

/** Rows of correlated numbers, or of their levels. Labels are drawn, or all on their side of a plane. */
function correlatedRows(
  fields: number,
  count: number,
  { levels = false, separable = false }: { levels?: boolean; separable?: boolean } = {},
): ExampleRow[] {
  const random = createRandom(5);
  const draw = () => 2 * (random.uniform() + random.uniform() + random.uniform()) - 3;
  const effects = Array.from({ length: fields }, () => 2 * draw() / Math.sqrt(fields));
  return Array.from({ length: count }, () => {
    const common = draw();
    let logit = -0.5;
    const row: Record<string, unknown> = {};
    for (let j = 0; j < fields; j++) {
      const x = Math.sqrt(0.3) * common + Math.sqrt(0.7) * draw();
      logit += effects[j] * x;
      row[`x${j}`] = levels ? `level ${Math.floor(2 * x)}` : x;
    }
    const threshold = separable ? 0.5 : random.uniform();
    return { ...row, clicked: threshold < 1 / (1 + Math.exp(-logit)) ? 1 : 0 };
  });
}

function designOf(
  rows: readonly ExampleRow[],
  fields: number,
  type: "numeric" | "categorical",
): DesignMatrix {
  const features = Array.from(
    { length: fields },
    (_, j) => ({ name: `x${j}`, type, missingIndicator: false }),
  );
  const spec = specOf(
    features.map(({ missingIndicator, ...feature }) =>
      type === "numeric" ? { ...feature, missingIndicator } : feature
    ),
  );
  return encodeRows(spec, rows, { chunkRows: 250 }).design;
}

/** Returns the largest entry of the mean objective's gradient, computed row by row. @param l2 On the sum of losses. */
function gradientMaxOf({ X, labels }: DenseExamples, coefficients: Float64Array, l2: number): number {
  const last = coefficients.length - 1;
  const gradient = coefficients.map((value, j) => j < last ? l2 * value : 0);
  X.forEach((row, i) => {
    const logit = row.reduce((sum, value, j) => sum + value * coefficients[j], 0);
    const residual = 1 / (1 + Math.exp(-logit)) - labels[i];
    for (let j = 0; j <= last; j++) gradient[j] += residual * row[j];
  });
  return gradient.reduce((max, value) => Math.max(max, Math.abs(value) / X.length), 0);
}

const numbers = 2000;
for (const rowCount of [300, 2100]) {
  Deno.test(`newton-cg: finds the optimum of ${rowCount} rows of ${numbers} correlated numbers`, async () => {
    const design = designOf(correlatedRows(numbers, rowCount), numbers, "numeric");
    assert.equal(design.columnCount, numbers);
    const examples = denseExamples(design);
    const passes = await createPasses(design, [0], alone);
    for (const C of [0.01, 100]) {
      const penalty = { l2: 1 / C, l1: 0 };
      const { l2 } = meanPenalty(passes, penalty);
      const evaluate = (coefficients: Float64Array) =>
        evaluatePoint(passes, "all", coefficients, { penalty }, false);
      let counted = 0;
      const { point, passes: taken, convergence } = await continueByNewtonCg(
        await evaluate(new Float64Array(numbers + 1)),
        {
          evaluate(coefficients) {
            counted++;
            return evaluate(coefficients);
          },
          async hessianTimes(coefficients, direction) {
            counted++;
            const sums = await passes.hessianTimes(coefficients, direction);
            return sums.map((sum, j) => sum / rowCount + (j < numbers ? l2 * direction[j] : 0));
          },
          preconditionerAt() {
            counted++;
            return Promise.resolve((right: Float64Array) => right);
          },
          convergenceOf: ({ gradientMax }) => gradientMax <= 1e-10 ? { criterion: "gradient" } : {},
          pairsMax: 30,
        },
        { passesMax: 1500, onStep: () => {} },
      );
      assert.equal(convergence.criterion, "gradient", `C = ${C}: ${taken} passes`);
      assert.equal(taken, counted);
      const gradientMax = gradientMaxOf(examples, point.coefficients, 1 / C);
      assert(gradientMax <= 2e-10, `C = ${C}: the largest entry is ${gradientMax}`);
    }
  });
}

const limits = { gradientTolerance: 1e-10, iterationsMax: 200, solver: "lbfgs" } as const;
const fields = 150;

async function fitLevels(threads: Threads): Promise<{ found: Fit; design: DesignMatrix }> {
  const design = designOf(correlatedRows(fields, 700, { levels: true }), fields, "categorical");
  const found = await fit(design, [0], threads, { ...limits, penalty: { l2: 0.1, l1: 0 } });
  return { found, design };
}

Deno.test("newton-cg: continues where L-BFGS would not converge in its passes, with the same result for any number of threads", async () => {
  const { found, design } = await fitLevels(alone);
  assert.equal(found.convergence.criterion, "gradient");
  assert(found.iterations > 75 && found.iterations <= 200, `${found.iterations} passes`);
  const gradientMax = gradientMaxOf(denseExamples(design), found.coefficients, 0.1);
  assert(gradientMax <= 2e-10, `the largest entry is ${gradientMax}`);
  const threads = startThreads(3, trainWorkerUrl());
  try {
    assert.deepEqual((await fitLevels(threads)).found, found);
  } finally {
    threads.close();
  }
});

Deno.test("newton-cg: a fit without a penalty that does not converge reports columns that separate all rows", async () => {
  const rows = correlatedRows(fields, 400, { levels: true, separable: true });
  const design = designOf(rows, fields, "categorical");
  await assert.rejects(
    fit(design, [0], alone, { ...limits, penalty: { l2: 0, l1: 0 } }),
    (error) => error instanceof Separation && error.complete && error.columns.length > 0,
  );
});

Deno.test("progress: it is too slow only if the passes that are left would have to be many more", () => {
  const isTooSlowAt = (perPass: number, passes: number) => {
    const progress = createProgress(200);
    for (let pass = 2; pass <= passes; pass++) progress.add(pass, 20 - perPass * pass);
    return progress.isTooSlow();
  };
  // 20 / perPass passes in all, of 200 that are allowed.
  assert.equal(isTooSlowAt(0.11, 100), false);
  assert.equal(isTooSlowAt(0.08, 100), false);
  assert.equal(isTooSlowAt(0.05, 100), true);
  assert.equal(isTooSlowAt(0.05, 80), false);
  assert.equal(isTooSlowAt(0.02, 80), true);
  assert.equal(isTooSlowAt(0.02, 60), false);
  assert.equal(isTooSlowAt(0.02, 160), false);
});
