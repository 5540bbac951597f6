import assert from "node:assert/strict";
import { Failure } from "../../../pipeline/failure.ts";
import { balance } from "../../../pipeline/fit/class_balance.ts";
import { type Progress, stepOf, stepRule } from "../../../pipeline/fit/convergence.ts";
import { fit } from "../../../pipeline/fit/fit.ts";
import type { Penalty } from "../../../pipeline/fit/penalised.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { type DenseExamples, denseExamples, denseLoss } from "../../support/dense_loss.ts";
import { alone, encodeRows, type ExampleRow, specOf } from "../../support/example_rows.ts";

/** The default settings of `clickwell train`. */
const preset = { solver: "auto", gradientTolerance: 1e-10, iterationsMax: 200 } as const;

/** Rows with a number and with levels whose frequency ranges from a third of the rows to two rows. */
function rareRows(seed: number, count: number): ExampleRow[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const level = Math.floor(Math.log2(1 + (i * 7919) % count));
    const x = 4 * random.uniform() - 2;
    const logit = 0.8 * x + (level % 3) - 2;
    return { x, c: `level ${level}`, clicked: random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0 };
  });
}

const rareSpec = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }]);

/** Runs Newton's method on the dense rows until its steps no longer shrink. */
function exactOptimum(examples: DenseExamples, l2: number, start: Float64Array): Float64Array {
  const point = start.slice();
  const last = point.length - 1;
  for (let before = Infinity, step = 1; step > 0 && step < before / 2 || before > 1e-6;) {
    const { gradient, hessian } = denseLoss(examples, point);
    for (let j = 0; j < last; j++) {
      gradient[j] += l2 * point[j];
      hessian[j][j] += l2;
    }
    const change = solved(hessian, gradient);
    change.forEach((value, j) => point[j] -= value);
    before = step;
    step = change.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  }
  return point;
}

/** Solves A·x = b by elimination with the largest pivot of each column. */
function solved(A: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = A.map((row, i) => [...row, b[i]]);
  const size = rows.length;
  for (let i = 0; i < size; i++) {
    let pivot = i;
    for (let k = i + 1; k < size; k++) if (Math.abs(rows[k][i]) > Math.abs(rows[pivot][i])) pivot = k;
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    for (let k = 0; k < size; k++) {
      if (k === i) continue;
      const share = rows[k][i] / rows[i][i];
      for (let j = i; share !== 0 && j <= size; j++) rows[k][j] -= share * rows[i][j];
    }
  }
  return rows.map((row, i) => row[size] / row[i]);
}

for (const [C, count] of [[1, 4000], [100, 4000], [1, 30_000]] as const) {
  Deno.test(`convergence: at the default tolerance, coefficients of rare levels are within 1e-9 of the optimum (C = ${C}, ${count} rows)`, async () => {
    for (const seed of [1, 2, 3]) {
      const { design } = encodeRows(rareSpec, rareRows(seed, count), { chunkRows: 5000 });
      const { coefficients, convergence } = await fit(design, [0], alone, {
        ...preset,
        penalty: { l2: 1 / C, l1: 0 },
      });
      assert.equal(convergence.criterion, "step");
      const exact = exactOptimum(denseExamples(design), 1 / C, coefficients);
      assertNear(coefficients, exact);
      // A start with a gradient within the tolerance, but with the rarest level's coefficient off its optimum.
      const start = exact.slice();
      start[design.columnCount - 3] += 1e-7;
      const again = await fit(design, [0], alone, { ...preset, penalty: { l2: 1 / C, l1: 0 }, start });
      assert.equal(again.convergence.criterion, "step");
      assertNear(again.coefficients, exact);
    }
  });
}

function assertNear(coefficients: Float64Array, exact: Float64Array): void {
  const distance = stepOf(exact, coefficients.map((value, j) => value - exact[j]));
  assert(distance <= 1e-9, `a coefficient is ${distance} from the optimum`);
}

Deno.test("convergence: fits with class weights meet the same tolerance", async () => {
  const { design: plain } = encodeRows(rareSpec, rareRows(4, 4000), { chunkRows: 5000 });
  const clicks = plain.chunks.length > 0
    ? denseExamples(plain).labels.reduce((sum, label) => sum + label, 0)
    : 0;
  const sums = { rows: { train: 4000 }, clicks: { train: clicks } };
  const design = balance(plain, sums);
  const { coefficients, convergence } = await fit(design, [0], alone, {
    ...preset,
    penalty: { l2: 1, l1: 0 },
  });
  assert.equal(convergence.criterion, "step");
  const examples = denseExamples(plain);
  const weights = examples.labels.map((label) => label === 1 ? 2000 / clicks : 2000 / (4000 - clicks));
  const exact = exactOptimum({ ...examples, weights }, 1, coefficients);
  assertNear(coefficients, exact);
});

/** Returns a point with a gradient within the tolerance, and the next step from there. */
function progressOf(
  step: number,
  options: { exact: boolean; slope?: number; gradientMax?: number },
): Progress {
  const { exact, slope = -1e-20, gradientMax = 1e-12 } = options;
  const coefficients = Float64Array.of(4, 0.5);
  const point = { coefficients, objective: 0.5, gradient: Float64Array.of(0, gradientMax), gradientMax };
  return { point, exact, propose: () => ({ direction: Float64Array.of(-4 * step, step / 2), slope }) };
}

Deno.test("convergence: a fit ends if rounding keeps steps from shrinking, and reports their size", () => {
  const judge = (...progress: Progress[]) => {
    const rule = stepRule({ gradientTolerance: 1e-10 });
    return progress.map((each) => rule.judge(each)).at(-1);
  };
  const first = progressOf(1e-7, { exact: true });
  assert.equal(judge(first), undefined);
  assert.equal(judge(first, progressOf(1e-8, { exact: true })), undefined);
  assert.deepEqual(judge(first, progressOf(8e-8, { exact: true })), { criterion: "rounding", step: 8e-8 });
  assert.deepEqual(judge(first, progressOf(1e-10, { exact: true })), { criterion: "step", step: 1e-10 });
  // With an older Hessian, or while the objective still falls, rounding is not the reason.
  assert.equal(judge(first, progressOf(8e-8, { exact: false })), "stalled");
  assert.equal(judge(first, progressOf(8e-8, { exact: true, slope: -1e-10 })), "stalled");
  assert.equal(judge(first, progressOf(8e-8, { exact: true, gradientMax: 1e-9 })), undefined);
});

Deno.test("convergence: a coefficient determined to few digits is not a failure", async () => {
  const random = createRandom(5);
  const rows = Array.from({ length: 3000 }, () => {
    const x = 4 * random.uniform() - 2;
    const z = x + 3e-5 * random.uniform();
    return { x, z, clicked: random.uniform() < 1 / (1 + Math.exp(-x)) ? 1 : 0 };
  });
  const spec = specOf(["x", "z"].map((name) => ({ name, type: "numeric" })));
  const { design } = encodeRows(spec, rows, { chunkRows: 500 });
  for (const gradientTolerance of [1e-6, 1e-10, 1e-13]) {
    const { convergence, gradientMax } = await fit(design, [0], alone, {
      ...preset,
      gradientTolerance,
      penalty: { l2: 0, l1: 0 },
    });
    assert(convergence.criterion === "step" || convergence.criterion === "rounding");
    assert(gradientMax <= gradientTolerance);
  }
});

/** Rows of several fields with many levels, most of them rare: too many columns for a Hessian. */
function wideRows(seed: number, count: number): ExampleRow[] {
  const random = createRandom(seed);
  // Half of the rows have a frequent level, the others any.
  const levelOf = (count: number) =>
    random.below(2) === 0 ? Math.floor(30 * random.uniform() ** 3) : random.below(count);
  return Array.from({ length: count }, () => {
    const [a, b, c, d] = [levelOf(4000), levelOf(3000), levelOf(2000), levelOf(8)];
    const x = 4 * random.uniform() - 2;
    const logit = 0.5 * x - 1 + ((a * 7) % 5 - 2) / 3 + ((b * 3) % 4 - 1.5) / 3 + (d % 2);
    return { a, b, c, d, x, clicked: random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0 };
  });
}

const wideSpec = specOf([
  { name: "x", type: "numeric" },
  ...["a", "b", "c", "d"].map((name) => ({ name, type: "categorical" })),
]);

for (const penalty of [{ l2: 1, l1: 0 }, { l2: 0.1, l1: 0 }, { l2: 10, l1: 0 }] satisfies Penalty[]) {
  Deno.test(`convergence: a wide design converges within 60 passes, when its objective can fall by at most 1e-9 of its value (l2 ${penalty.l2})`, async () => {
    const { design } = encodeRows(wideSpec, wideRows(8, 20_000), { chunkRows: 4000 });
    assert(design.columnCount > 1500, `${design.columnCount} columns`);
    const found = await fit(design, [0], alone, { ...preset, penalty });
    assert.equal(found.solver, "lbfgs");
    const { criterion, decrease = NaN } = found.convergence;
    assert(criterion === "decrease" && decrease <= 1e-9, `${criterion}: ${decrease}`);
    const exact = await fit(design, [0], alone, {
      ...preset,
      penalty,
      gradientTolerance: 1e-13,
      iterationsMax: 2000,
    });
    const still = (found.objective - exact.objective) / found.objective;
    assert(still <= decrease, `it can fall by ${still}, the certificate allows ${decrease}`);
    assert(found.iterations <= 60, `${found.iterations} passes`);
  });
}

Deno.test("convergence: a wide fit that runs out of passes is a failure with its repair", async () => {
  const { design } = encodeRows(wideSpec, wideRows(9, 20_000), { chunkRows: 4000 });
  const options = { ...preset, penalty: { l2: 1, l1: 0 }, iterationsMax: 5 };
  await assert.rejects(
    fit(design, [0], alone, options),
    /did not converge in 5 passes: the largest entry of the gradient is .*; the objective can still fall by .* of its value, expected at most 1e-9\. Allow more passes with --iterations \(5 were allowed\), or use a larger --tolerance, .*--C.*minCount, or hash/,
  );
});

Deno.test("convergence: without a penalty the message suggests one and reports no bound", async () => {
  const { design } = encodeRows(rareSpec, rareRows(1, 4000), { chunkRows: 4000 });
  const options = { ...preset, solver: "lbfgs", penalty: { l2: 0, l1: 0 }, iterationsMax: 3 } as const;
  await assert.rejects(fit(design, [0], alone, options), (error) => {
    assert(error instanceof Failure);
    assert.match(error.message, /--iterations \(3 were allowed\).* a penalty \(--penalty l2\)/);
    assert.doesNotMatch(error.message, /can still fall|--C/);
    return true;
  });
});

Deno.test("convergence: a number that is 0 in the sample of the rows is fitted too", async () => {
  // The sample takes the first rows of each chunk.
  const rows = Array.from({ length: 140_000 }, (_, i) => {
    const x = i % 5000 > 4900 ? i % 7 : 0;
    return { x, c: i % 40, clicked: (i * 7919) % 10 < (x > 3 ? 6 : 3) ? 1 : 0 };
  });
  const spec = specOf([{ name: "x", type: "numeric", scale: "none" }, { name: "c", type: "categorical" }]);
  const { design } = encodeRows(spec, rows, { chunkRows: 5000 });
  const penalty = { l2: 1, l1: 0 };
  const [lbfgs, newton] = await Promise.all([
    fit(design, [0], alone, { ...preset, solver: "lbfgs", penalty }),
    fit(design, [0], alone, { ...preset, solver: "newton", penalty }),
  ]);
  assert.equal(lbfgs.convergence.criterion, "gradient");
  assert(lbfgs.iterations <= 40, `${lbfgs.iterations} passes`);
  assert(
    stepOf(newton.coefficients, lbfgs.coefficients.map((value, j) => value - newton.coefficients[j])) < 1e-4,
  );
});
