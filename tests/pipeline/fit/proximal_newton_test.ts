import assert from "node:assert/strict";
import type { DesignMatrix } from "../../../pipeline/encode/design_matrix.ts";
import { type Fit, fit, type SolverName } from "../../../pipeline/fit/fit.ts";
import { createPasses } from "../../../pipeline/fit/passes.ts";
import type { Penalty, SolverOptions } from "../../../pipeline/fit/penalised.ts";
import { l1StrengthMax } from "../../../pipeline/fit/proximal_newton.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { assertAllClose } from "../../support/assert_close.ts";
import { denseExamples, denseLoss } from "../../support/dense_loss.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { alone, encodeRows, specOf } from "../../support/example_rows.ts";

/** Rows of two categories and two skewed numbers; each category's columns are collinear with the intercept. */
function makeDesign(seed: number, rowCount: number): DesignMatrix {
  const random = createRandom(seed);
  const rows = Array.from({ length: rowCount }, () => {
    const x = 8 * random.uniform() - 4;
    const z = Math.exp(6 * random.uniform());
    const [c, d] = [random.below(16), random.below(40)];
    const logit = 0.5 * x - 0.002 * z + (c < 4 ? 1 : -1) + (d < 5 ? 0.7 : 0);
    return { x, z, c, d, clicked: random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0 };
  });
  const features = [
    ...["x", "z"].map((name) => ({ name, type: "numeric" })),
    ...["c", "d"].map((name) => ({ name, type: "categorical" })),
  ];
  return encodeRows(specOf(features), rows).design;
}

async function solve(
  design: DesignMatrix,
  penalty: Penalty,
  options: Partial<SolverOptions> & { solver?: SolverName } = {},
): Promise<Fit> {
  const preset = { solver: "auto", gradientTolerance: 1e-10, iterationsMax: 200 } as const;
  return await fit(design, [0], alone, { ...preset, penalty, ...options });
}

const design = makeDesign(1, 400);

for (const penalty of [{ l1: 1, l2: 0 }, { l1: 12, l2: 0 }, { l1: 3, l2: 5 }, { l1: 0.01, l2: 0.3 }]) {
  Deno.test(`proximal newton: the solution meets the optimality conditions on the dense design (l1 ${penalty.l1}, l2 ${penalty.l2})`, async () => {
    const { coefficients, gradientMax, solver } = await solve(design, penalty);
    assert.equal(solver, "proximal-newton");
    const { gradient } = denseLoss(denseExamples(design), coefficients);
    let worst = 0;
    gradient.forEach((loss, j) => {
      const beta = coefficients[j];
      const isIntercept = j === design.columnCount;
      const slope = loss + (isIntercept ? 0 : penalty.l2 * beta);
      const l1 = isIntercept ? 0 : penalty.l1;
      // At 0 the slope may be at most l1; elsewhere it must be −l1 · sign(β).
      worst = Math.max(worst, beta === 0 ? Math.abs(slope) - l1 : Math.abs(slope + l1 * Math.sign(beta)));
    });
    assert(worst / 400 <= 1e-10, `a slope of ${worst / 400} is left`);
    assert(Math.abs(worst / 400 - gradientMax) <= 1e-12 || worst < 0, "the certificate differs");
  });
}

Deno.test("proximal newton: coefficients are exactly 0, and more of them with a stronger penalty", async () => {
  const counts = [];
  for (const l1 of [0.1, 1, 5, 20]) {
    const { coefficients } = await solve(design, { l1, l2: 0 });
    counts.push(coefficients.filter((value) => value === 0).length);
  }
  assert.deepEqual(counts, counts.toSorted((a, b) => a - b));
  assert(counts[0] < counts[3], `${counts}`);
});

Deno.test("proximal newton: at l1StrengthMax all coefficients are 0, just below it one is not", async () => {
  const clicks = denseExamples(design).labels.reduce((sum, label) => sum + label, 0);
  const start = new Float64Array(design.columnCount + 1);
  start[design.columnCount] = Math.log(clicks / (400 - clicks));
  const passes = await createPasses(design, [0], alone);
  const strength = await l1StrengthMax(passes, { penalty: { l2: 0, l1: 0 }, start });
  const countAt = async (l1: number) =>
    (await solve(design, { l1, l2: 0 })).coefficients.subarray(0, design.columnCount).filter((value) =>
      value !== 0
    ).length;
  assert.equal(await countAt(strength * (1 + 1e-6)), 0);
  assert.equal(await countAt(strength * (1 - 1e-3)), 1);
});

Deno.test("proximal newton: a vanishing l1 penalty gives Newton's coefficients", async () => {
  const ridge = await solve(design, { l1: 0, l2: 2 });
  const nearly = await solve(design, { l1: 1e-9, l2: 2 });
  assertAllClose(nearly.coefficients, ridge.coefficients, 1e-7, "coefficients");
});

Deno.test("proximal newton: columns fixed at zero stay 0", async () => {
  const { coefficients } = await solve(design, { l1: 0.5, l2: 0 }, { fixedAtZero: [0, 5] });
  assert.deepEqual([coefficients[0], coefficients[5]], [0, 0]);
});

// Columns that are collinear with the intercept, and a weak penalty: coordinate descent alone converges slowly.
for (const ratio of [1, 0.5, 0.05]) {
  Deno.test(`proximal newton: a weak penalty on collinear columns needs few passes (l1 ratio ${ratio})`, async () => {
    for (const [seed, rowCount] of [[9, 280], [42, 940], [57, 1240]]) {
      const strength = 1e-4;
      const penalty = { l1: ratio * strength, l2: (1 - ratio) * strength };
      const { iterations } = await solve(makeDesign(seed, rowCount), penalty);
      assert(iterations <= 100, `${iterations} passes over ${rowCount} rows`);
    }
  });
}

Deno.test("proximal newton: a fit that runs out of passes is a failure", async () => {
  await assertRejected(
    solve(design, { l1: 1, l2: 0 }, { iterationsMax: 2 }),
    "not-converged",
    /did not converge in [23] passes/,
  );
});

Deno.test("fit: L-BFGS rejects an l1 penalty", async () => {
  await assertRejected(
    solve(design, { l1: 1, l2: 0 }, { solver: "lbfgs" }),
    "usage-invalid",
    /--solver lbfgs has no l1 penalty/,
  );
});

Deno.test("fit: L-BFGS finds Newton's coefficients at the default tolerance", async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const some = makeDesign(seed, 100 + 60 * seed);
    for (const C of [0.1, 10, 1e3]) {
      const penalty = { l1: 0, l2: 1 / C };
      const [newton, lbfgs] = [
        await solve(some, penalty, { solver: "newton" }),
        await solve(some, penalty, { solver: "lbfgs", iterationsMax: 1000 }),
      ];
      assertAllClose(
        lbfgs.coefficients,
        newton.coefficients,
        1e-3,
        `coefficients with seed ${seed}, C = ${C}`,
      );
    }
  }
});

/** Returns a design that is too wide for a Hessian. */
function makeWide(): DesignMatrix {
  const random = createRandom(3);
  const rows = Array.from({ length: 11_000 }, (_, i) => ({ c: i % 5100, clicked: random.below(2) }));
  return encodeRows(specOf([{ name: "c", type: "categorical" }]), rows, { chunkRows: 4000 }).design;
}

Deno.test("fit: solvers that need a Hessian are rejected if it is too large; L-BFGS fits with an l2 penalty", async () => {
  const wide = makeWide();
  const { solver, convergence: { criterion, decrease = NaN } } = await solve(wide, { l1: 0, l2: 1 });
  assert.equal(solver, "lbfgs");
  assert(criterion === "decrease" && decrease <= 1e-9, `${criterion}: ${decrease}`);
  for (
    const [penalty, settings, message] of [
      [{ l1: 1, l2: 0 }, {}, /An l1 penalty needs a Hessian, and one over these 5102 columns is too large/],
      [{ l1: 0, l2: 0 }, {}, /Without a penalty, a Hessian has to prove .* 5102 columns/],
      [{ l1: 0, l2: 1 }, { solver: "newton" }, /--solver newton needs a Hessian, .* 5102 columns/],
    ] as const
  ) {
    await assertRejected(solve(wide, penalty, settings), "usage-invalid", message);
  }
});
