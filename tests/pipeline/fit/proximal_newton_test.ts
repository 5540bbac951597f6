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

/** Rows of two categories and two skewed numbers; the categories' columns say together what the intercept says. */
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
  Deno.test(`proximal newton: no column of the dense design has a slope that the penalty does not hold (l1 ${penalty.l1}, l2 ${penalty.l2})`, async () => {
    const { coefficients, gradientMax, solver } = await solve(design, penalty);
    assert.equal(solver, "proximal-newton");
    const { gradient } = denseLoss(denseExamples(design), coefficients);
    let worst = 0;
    gradient.forEach((loss, j) => {
      const beta = coefficients[j];
      const isIntercept = j === design.columnCount;
      const slope = loss + (isIntercept ? 0 : penalty.l2 * beta);
      const held = isIntercept ? 0 : penalty.l1;
      // At 0 the penalty holds any slope up to its own; elsewhere the two are equal.
      worst = Math.max(worst, beta === 0 ? Math.abs(slope) - held : Math.abs(slope + held * Math.sign(beta)));
    });
    assert(worst / 400 <= 1e-10, `a slope of ${worst / 400} is left`);
    assert(Math.abs(worst / 400 - gradientMax) <= 1e-12 || worst < 0, "the certificate is another");
  });
}

Deno.test("proximal newton: coefficients that the penalty holds are 0 to the last bit, and more of them with more of it", async () => {
  const counts = [];
  for (const l1 of [0.1, 1, 5, 20]) {
    const { coefficients } = await solve(design, { l1, l2: 0 });
    counts.push(coefficients.filter((value) => value === 0).length);
  }
  assert.deepEqual(counts, counts.toSorted((a, b) => a - b));
  assert(counts[0] < counts[3], `${counts}`);
});

Deno.test("proximal newton: at the largest strength that matters every coefficient is 0, just below it one is not", async () => {
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

Deno.test("proximal newton: without l1 it would be ridge: a vanishing l1 gives Newton's coefficients", async () => {
  const ridge = await solve(design, { l1: 0, l2: 2 });
  const nearly = await solve(design, { l1: 1e-9, l2: 2 });
  assertAllClose(nearly.coefficients, ridge.coefficients, 1e-7, "coefficients");
});

Deno.test("proximal newton: held columns stay 0", async () => {
  const { coefficients } = await solve(design, { l1: 0.5, l2: 0 }, { fixedAtZero: [0, 5] });
  assert.deepEqual([coefficients[0], coefficients[5]], [0, 0]);
});

// Columns that say the same up to the intercept, and a penalty that hardly tells them apart: coordinates alone creep.
for (const ratio of [1, 0.5, 0.05]) {
  Deno.test(`proximal newton: a weak penalty on columns that say the same needs few passes (l1 ratio ${ratio})`, async () => {
    for (const [seed, rowCount] of [[9, 280], [42, 940], [57, 1240]]) {
      const strength = 1e-4;
      const penalty = { l1: ratio * strength, l2: (1 - ratio) * strength };
      const { iterations } = await solve(makeDesign(seed, rowCount), penalty);
      assert(iterations <= 100, `${iterations} passes over ${rowCount} rows`);
    }
  });
}

Deno.test("proximal newton: where no optimum is in reach, a failure says how far it came", async () => {
  await assertRejected(
    solve(design, { l1: 1, l2: 0 }, { iterationsMax: 2 }),
    "not-converged",
    /did not converge in [23] passes/,
  );
});

Deno.test("fit: L-BFGS has no l1 penalty, and says so", async () => {
  await assertRejected(
    solve(design, { l1: 1, l2: 0 }, { solver: "lbfgs" }),
    "usage-invalid",
    /--solver lbfgs has no l1 penalty/,
  );
});

Deno.test("fit: L-BFGS comes to Newton's coefficients, at the program's own tolerance, on data of all kinds", async () => {
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

/** Columns for a design that is too wide for a Hessian. */
function makeWide(): DesignMatrix {
  const random = createRandom(3);
  const rows = Array.from({ length: 11_000 }, (_, i) => ({ c: i % 5100, clicked: random.below(2) }));
  return encodeRows(specOf([{ name: "c", type: "categorical" }]), rows, { chunkRows: 4000 }).design;
}

Deno.test("fit: what needs a Hessian is refused where one would be too large; with an l2 penalty L-BFGS does it", async () => {
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
