import assert from "node:assert/strict";
import { Failure } from "../../../pipeline/failure.ts";
import { type Fit, fit } from "../../../pipeline/fit/fit.ts";
import { Separation } from "../../../pipeline/fit/separation.ts";
import type { IterationEvent, SolverOptions } from "../../../pipeline/fit/penalised.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { assertAllClose, assertClose } from "../../support/assert_close.ts";
import { denseExamples, denseLoss } from "../../support/dense_loss.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { alone, encodeRows, type ExampleRow, type FeatureText, specOf } from "../../support/example_rows.ts";

const none = { l2: 0, l1: 0 };

async function newton(
  features: readonly FeatureText[],
  rows: readonly ExampleRow[],
  options: Partial<SolverOptions> & { weight?: boolean; chunkRows?: number } = {},
): Promise<Fit> {
  const { weight = false, chunkRows = 50, ...rest } = options;
  const { design } = encodeRows(specOf(features, { weight }), rows, { chunkRows });
  return await fit(design, [0], alone, {
    solver: "newton",
    penalty: none,
    gradientTolerance: 1e-10,
    iterationsMax: 100,
    ...rest,
  });
}

const logit = (rate: number) => Math.log(rate / (1 - rate));
const category = { name: "c", type: "categorical" };
const number = { name: "x", type: "numeric" };

/** Returns rows with the given number of rows and clicks per level. */
function cells(of: Readonly<Record<string, readonly [rows: number, clicks: number]>>): ExampleRow[] {
  return Object.entries(of).flatMap(([c, [count, clicks]]) =>
    Array.from({ length: count }, (_, i) => ({ c, clicked: i < clicks ? 1 : 0 }))
  );
}

Deno.test("newton: with a constant feature the intercept is the logit of the click rate, for any penalty", async () => {
  const rows = Array.from({ length: 400 }, (_, i) => ({ x: 3, clicked: i % 8 === 0 ? 1 : 0 }));
  for (const l2 of [0, 0.01, 1, 1000]) {
    const { coefficients, objective } = await newton([number], rows, { penalty: { l2, l1: 0 } });
    assertAllClose(coefficients, [0, 0, logit(1 / 8)], 1e-9, "coefficients");
    assertClose(objective, -(Math.log(1 / 8) / 8 + (7 * Math.log(7 / 8)) / 8), 1e-12, "objective");
  }
});

Deno.test("newton: without a penalty, each level of a single category has the log-odds of its click rate", async () => {
  const { coefficients } = await newton([category], cells({ a: [40, 4], b: [90, 60], c: [10, 5] }));
  const intercept = coefficients[coefficients.length - 1];
  const levels = [0, 1, 2].map((j) => intercept + coefficients[j]);
  assertAllClose(levels, [logit(4 / 40), logit(60 / 90), logit(5 / 10)], 1e-8, "log-odds of the levels");
});

Deno.test("newton: a fit that starts from a sample of the rows finds the optimum of all rows", async () => {
  // Enough rows for a sample; the chunks differ, so that the sample has a different optimum.
  const rows = Array.from({ length: 120_000 }, (_, i) => {
    const rate = Math.floor(i / 5000) % 2 === 0 ? 4 : 7;
    return { c: i % 3 === 0 ? "a" : "b", clicked: i % rate === 0 ? 1 : 0 };
  });
  const { coefficients } = await newton([category], rows, { chunkRows: 5000 });
  const intercept = coefficients[coefficients.length - 1];
  ["a", "b"].forEach((level, j) => {
    const own = rows.filter(({ c }) => c === level);
    const rate = own.filter(({ clicked }) => clicked === 1).length / own.length;
    assertClose(intercept + coefficients[j], logit(rate), 1e-8, `log-odds of ${level}`);
  });
});

Deno.test("newton: a looser tolerance takes no more passes, and a Hessian near the optimum saves passes", async () => {
  const random = createRandom(12);
  const rows = Array.from({ length: 120_000 }, (_, i) => {
    const x = random.uniform() * 4 - 2;
    const c = Math.floor(Math.log2(1 + i % 5000));
    return { x, c, clicked: random.uniform() < 1 / (1 + Math.exp(2 - x - (c % 3) / 2)) ? 1 : 0 };
  });
  const { design } = encodeRows(specOf([number, category]), rows, { chunkRows: 5000 });
  const passes = [];
  for (const gradientTolerance of [1e-3, 1e-6, 1e-10]) {
    const { iterations, convergence } = await fit(design, [0], alone, {
      solver: "newton",
      penalty: { l2: 1, l1: 0 },
      gradientTolerance,
      iterationsMax: 100,
    });
    assert.equal(convergence.criterion, "step");
    passes.push(iterations);
  }
  assert.deepEqual(passes, passes.toSorted((a, b) => a - b));
  assert(passes[2] <= 6, `${passes} passes`);
});

Deno.test("newton: the certificate equals the gradient of the penalised mean loss of the dense design", async () => {
  const random = createRandom(11);
  const rows = Array.from({ length: 300 }, () => {
    const x = random.uniform() * 4 - 2;
    return { x, c: "abc"[random.below(3)], clicked: random.uniform() < 1 / (1 + Math.exp(-x)) ? 1 : 0 };
  });
  const l2 = 2.5;
  const { design } = encodeRows(specOf([number, category]), rows);
  const { coefficients, gradientMax, objective } = await fit(design, [0], alone, {
    solver: "newton",
    penalty: { l2, l1: 0 },
    gradientTolerance: 1e-10,
    iterationsMax: 100,
  });
  const dense = denseLoss(denseExamples(design), coefficients);
  const penalised = dense.gradient.map((value, j) =>
    (value + (j < design.columnCount ? l2 * coefficients[j] : 0)) / rows.length
  );
  const largest = penalised.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  assert(largest <= 1e-10 && Math.abs(largest - gradientMax) < 1e-14, `${largest}, certified ${gradientMax}`);
  const squares = coefficients.subarray(0, design.columnCount).reduce((sum, value) => sum + value * value, 0);
  assertClose(objective, (dense.loss + (l2 / 2) * squares) / rows.length, 1e-13, "objective");
});

Deno.test("newton: the objective never rises between steps", async () => {
  const events: IterationEvent[] = [];
  const random = createRandom(3);
  const rows = Array.from({ length: 200 }, () => {
    const x = Math.exp(6 * random.uniform());
    return { x, c: "abcdefgh"[random.below(8)], clicked: random.uniform() < (x > 20 ? 0.97 : 0.02) ? 1 : 0 };
  });
  await newton([number, category], rows, {
    penalty: { l2: 0.01, l1: 0 },
    observe: (event) => events.push(event),
  });
  assert(events.length > 3, "the test's data is too easy");
  for (let i = 1; i < events.length; i++) {
    assert(events[i].objective <= events[i - 1].objective * (1 + 1e-13), `step ${i} rose`);
  }
});

Deno.test("newton: columns fixed at zero stay 0, and the others have the optimum of the data without them", async () => {
  const rows = cells({ a: [40, 4], b: [90, 60], c: [10, 5] });
  const fixed = await newton([category], rows, { penalty: { l2: 1, l1: 0 }, fixedAtZero: [1] });
  assert.equal(fixed.coefficients[1], 0);
  // With b's column at 0, its rows still count for the intercept, as if their level were missing.
  const other = rows.map((row) => ({ ...row, c: row.c === "b" ? null : row.c }));
  const { coefficients } = await newton([category], other, { penalty: { l2: 1, l1: 0 }, fixedAtZero: [2] });
  assertAllClose(
    [fixed.coefficients[0], fixed.coefficients[2], fixed.coefficients[5]],
    [coefficients[0], coefficients[1], coefficients[4]],
    1e-9,
    "coefficients",
  );
});

Deno.test("newton: a start at the optimum needs one pass", async () => {
  const rows = cells({ a: [40, 4], b: [90, 60] });
  const penalty = { l2: 1, l1: 0 };
  const { coefficients } = await newton([category], rows, { penalty });
  const again = await newton([category], rows, { penalty, start: coefficients });
  assert.equal(again.iterations, 1);
  assert.deepEqual(again.coefficients, coefficients);
});

Deno.test("newton: a fit that runs out of passes is a failure with the values reached", async () => {
  const rows = cells({ a: [40, 4], b: [90, 60] });
  await assertRejected(
    newton([category], rows, { penalty: { l2: 1, l1: 0 }, iterationsMax: 2 }),
    "not-converged",
    /in 2 passes: the largest entry of the gradient is .*expected at most 1e-10; the next step would change a coefficient by .*expected at most 1e-9\. Allow more passes with --iterations \(2 were allowed\), .*--tolerance.*--C.*minCount, or hash/,
  );
});

Deno.test("newton: an error thrown by a checkpoint ends the fit", async () => {
  const stop = new Failure("interrupted", "stop");
  const checkpoint = () => {
    throw stop;
  };
  await assert.rejects(newton([category], cells({ a: [40, 4], b: [90, 60] }), { checkpoint }), stop);
});

/** Returns rows whose label is the sign of the sum of six independent numbers; no sum is near 0. */
function separableTogether(): ExampleRow[] {
  const random = createRandom(17);
  const rows: ExampleRow[] = [];
  while (rows.length < 400) {
    const numbers = Array.from({ length: 6 }, () => 2 * random.uniform() - 1);
    const sum = numbers.reduce((total, value) => total + value, 0);
    if (Math.abs(sum) < 0.1) continue;
    rows.push({
      ...Object.fromEntries(numbers.map((value, i) => ["uvwxyz"[i], value])),
      clicked: sum > 0 ? 1 : 0,
    });
  }
  return rows;
}

const separable: readonly { name: string; features: FeatureText[]; rows: ExampleRow[] }[] = [
  {
    name: "a number that separates all rows",
    features: [number],
    rows: Array.from({ length: 60 }, (_, i) => ({ x: i, clicked: i < 25 ? 0 : 1 })),
  },
  {
    name: "a number that separates all rows but those of one value",
    features: [number],
    rows: [...Array.from({ length: 60 }, (_, i) => ({ x: i, clicked: i < 30 ? 0 : 1 })), {
      x: 30,
      clicked: 0,
    }],
  },
  {
    name: "a level that was always clicked",
    features: [category],
    rows: cells({ a: [40, 4], b: [90, 60], c: [10, 10] }),
  },
  {
    name: "two categories that separate some rows only in combination",
    features: [category, { name: "d", type: "categorical" }],
    rows: [["a", "n", 20, 7], ["b", "m", 20, 9], ["a", "m", 10, 10], ["b", "n", 10, 0]].flatMap(
      ([c, d, count, clicks]) =>
        Array.from({ length: Number(count) }, (_, i) => ({ c, d, clicked: i < Number(clicks) ? 1 : 0 })),
    ),
  },
  {
    name: "a difference of two numbers",
    features: [number, { name: "z", type: "numeric" }],
    rows: Array.from({ length: 80 }, (_, i) => {
      const x = (i * 37) % 80;
      return { x, z: x + (i % 2 === 0 ? 1 : -1) * (1 + (i % 5)), clicked: i % 2 };
    }),
  },
  {
    name: "six numbers in combination, but no five of them",
    features: Array.from("uvwxyz", (name) => ({ name, type: "numeric" })),
    rows: separableTogether(),
  },
  {
    name: "two rows",
    features: [number],
    rows: [{ x: 1, clicked: 0 }, { x: 2, clicked: 1 }],
  },
];

for (const { name, features, rows } of separable) {
  const isComplete = !/but those of one value|level that was|only in combination/.test(name);

  Deno.test(`newton: without a penalty, separable rows have no finite optimum: ${name}`, async () => {
    for (const gradientTolerance of [1e-4, 1e-10, 1e-12]) {
      await assert.rejects(newton(features, rows, { gradientTolerance }), (error) => {
        assert(error instanceof Separation, String(error));
        assert(error.columns.length > 0);
        assert.equal(error.complete, isComplete);
        return true;
      });
    }
    // Any penalty makes it finite.
    const { gradientMax } = await newton(features, rows, { penalty: { l2: 1e-3, l1: 0 } });
    assert(gradientMax <= 1e-10);
  });
}

Deno.test("newton: a level on two of millions of rows is rare, not separable", async () => {
  const rows = [
    ...[0, 1].map((clicked) => ({ c: "rare", clicked, weight: 1 })),
    ...[0, 1].map((clicked) => ({ c: "usual", clicked, weight: clicked === 1 ? 1e6 : 2e7 })),
  ];
  const { coefficients } = await newton([category], rows, { weight: true });
  // These rows have weight 2 in a mean of 21 million: a gradient of 1e-10 determines their log-odds to thousandths.
  assertClose(coefficients[0] + coefficients[4], 0, 1e-2, "log-odds of the rare level");
  assertClose(coefficients[1] + coefficients[4], Math.log(1 / 20), 1e-8, "log-odds of the usual level");
});

Deno.test("newton: probabilities of a thousandth are not separation", async () => {
  const { coefficients } = await newton([category], cells({ a: [4000, 1], b: [3000, 3] }), {
    chunkRows: 1000,
  });
  const intercept = coefficients[coefficients.length - 1];
  assertClose(intercept + coefficients[0], logit(1 / 4000), 1e-5, "log-odds of a");
  assertClose(intercept + coefficients[1], logit(3 / 3000), 1e-5, "log-odds of b");
});

Deno.test("newton: without a penalty, a fit that runs out of passes is not reported as separation", async () => {
  const rows = cells({ a: [40, 4], b: [90, 60] });
  await assertRejected(newton([category], rows, { iterationsMax: 2 }), "not-converged", /in 2 passes/);
});

Deno.test("newton: without a penalty, a loose tolerance is not reported as separation", async () => {
  const { coefficients } = await newton([category], cells({ a: [400, 4], b: [90, 60] }), {
    gradientTolerance: 1e-2,
  });
  assert(coefficients.every((value) => Math.abs(value) < 10));
});
