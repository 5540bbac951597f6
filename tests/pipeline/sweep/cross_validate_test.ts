import assert from "node:assert/strict";
import { loadEach } from "../../../pipeline/chunks/chunk_store.ts";
import { crossValidate, type CrossValidation, type Trial } from "../../../pipeline/sweep/cross_validate.ts";
import {
  allTrain,
  alone,
  encodeExamples,
  rawExamplesOf,
  rowsOfColumns,
  specOf,
} from "../../support/example_rows.ts";
import { evaluateModel } from "../../../pipeline/fit/evaluate.ts";
import { fit } from "../../../pipeline/fit/fit.ts";
import { divideIntoFolds, type FoldedDesign } from "../../../pipeline/fit/folds.ts";
import { attachDesign, type Passes } from "../../../pipeline/fit/passes.ts";
import type { Penalty } from "../../../pipeline/fit/penalised.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { scoreOf } from "../../../pipeline/fit/holdout_score.ts";
import { trainTestSplit } from "../../../pipeline/examples/split.ts";
import { sortSpread } from "../../../pipeline/math/bucket_sort.ts";
import { warmPasses } from "../../../pipeline/fit/warm_passes.ts";
import { assertAllClose, assertClose } from "../../support/assert_close.ts";
import reference from "../../fixtures/sweep.json" with { type: "json" };

const spec = specOf([
  { name: "size", type: "numeric", missingIndicator: false },
  { name: "colour", type: "categorical" },
]);

/** The rows of the scikit-learn reference. */
function foldReference(): FoldedDesign {
  const raw = rawExamplesOf(spec, rowsOfColumns(reference.columns));
  const { design } = encodeExamples(raw, spec, allTrain, { poolPure: false, withGroups: true });
  return divideIntoFolds(design, reference);
}

async function validationOf(
  folded: FoldedDesign,
  paths: readonly (readonly Penalty[])[],
  options: Partial<CrossValidation> = {},
): Promise<CrossValidation> {
  return {
    attached: await attachDesign(folded.design, alone),
    folded,
    paths,
    known: new Map(),
    gradientTolerance: 1e-9,
    iterationsMax: 200,
    correction: { sums: { rows: { train: 2 }, clicks: { train: 1 } }, negatives: 1, classWeight: "none" },
    checkpoint: () => {},
    ...options,
  };
}

async function trialsOf(validation: CrossValidation): Promise<Trial[]> {
  return await Array.fromAsync(crossValidate(validation));
}

function foldsOf(trial: Trial) {
  if ("folds" in trial) return trial.folds;
  throw new Error(trial.failure);
}

Deno.test("cross-validation: the log loss of each fold is scikit-learn's, for every penalty and strength", async () => {
  const folded = foldReference();
  assert.deepEqual(folded.design.partRows.slice(0, reference.foldCount), reference.foldRows);
  const l1Shares = { l2: 0, l1: 1, elasticnet: 0.5 };
  for (const [name, expected] of Object.entries(reference.logLosses)) {
    const share = l1Shares[name as keyof typeof l1Shares];
    const path = reference.strengths.map((C) => ({ l2: (1 - share) / C, l1: share / C }));
    const trials = await trialsOf(await validationOf(folded, [path]));
    trials.forEach((trial, i) =>
      assertAllClose(foldsOf(trial).map(({ logLoss }) => logLoss), expected[i], 1e-7, `${name} ${i}`)
    );
  }
});

Deno.test("cross-validation: warm starts along a path reach the solutions of cold starts", async () => {
  const folded = foldReference();
  const paths = [
    [{ l2: 30, l1: 0 }, { l2: 3, l1: 0 }, { l2: 0.3, l1: 0 }, { l2: 0, l1: 0 }],
    [{ l2: 0, l1: 12 }, { l2: 0, l1: 4 }, { l2: 0.5, l1: 1 }],
  ];
  const trials = await trialsOf(await validationOf(folded, paths));
  for (const [i, penalty] of paths.flat().entries()) {
    for (const [f, { trainParts, scoreParts }] of folded.folds.entries()) {
      const cold = await fit(folded.design, trainParts, alone, {
        penalty,
        solver: "auto",
        gradientTolerance: 1e-10,
        iterationsMax: 200,
      });
      const got = foldsOf(trials[i])[f];
      // Without a penalty a category's columns and the intercept can share their sum in many ways.
      if (penalty.l2 + penalty.l1 > 0) {
        assertAllClose(got.coefficients, cold.coefficients, 1e-6, `candidate ${i}, fold ${f}`);
      }
      const { logLoss, auc } = scoreOf(folded.design, scoreParts, cold.coefficients);
      assertClose(got.logLoss, logLoss, 1e-8, "log loss");
      assertClose(got.auc ?? NaN, auc ?? NaN, 1e-3, "AUC");
    }
  }
});

Deno.test("cross-validation: a design too wide for a Hessian is fitted by L-BFGS", async () => {
  const random = createRandom(8);
  const rows = Array.from({ length: 3200 }, (_, i) => {
    const level = i % 1600;
    return {
      size: random.uniform(),
      colour: `colour-${level}`,
      clicked: random.below(4) > level % 3 ? 1 : 0,
    };
  });
  const raw = rawExamplesOf(spec, rows, 500);
  const { design } = encodeExamples(raw, spec, allTrain, { poolPure: false, withGroups: true });
  const folded = divideIntoFolds(design, { foldCount: 2, seed: 1 });
  const path = [{ l2: 10, l1: 0 }, { l2: 5, l1: 0 }];
  const [, trial] = await trialsOf(await validationOf(folded, [path], { gradientTolerance: 1e-8 }));
  const cold = await fit(folded.design, [1], alone, {
    penalty: path[1],
    solver: "auto",
    gradientTolerance: 1e-9,
    iterationsMax: 200,
  });
  assert.equal(cold.solver, "lbfgs");
  assertAllClose(foldsOf(trial)[0].coefficients, cold.coefficients, 1e-4, "coefficients");
});

Deno.test("cross-validation: known trials are not repeated, and later ones are the same bit for bit", async () => {
  const folded = foldReference();
  const paths = [[10, 3, 1, 0.3, 1e-9, 1e-10].map((l2) => ({ l2, l1: 0 })), [{ l2: 0, l1: 3 }, {
    l2: 0,
    l1: 1,
  }]];
  const all = await trialsOf(await validationOf(folded, paths, { gradientTolerance: 1e-6 }));
  assert.equal(all.length, 8);
  for (const done of [1, 3, 5, 7]) {
    const known = new Map(all.slice(0, done).map((trial) => [trial.index, trial]));
    const rest = await trialsOf(await validationOf(folded, paths, { known, gradientTolerance: 1e-6 }));
    assert.deepEqual(rest, all.slice(done));
  }
});

Deno.test("cross-validation: a candidate that cannot be fitted has a reason, and the others continue", async () => {
  const rows = Array.from(
    { length: 80 },
    (_, i) => ({ size: i < 40 ? i / 10 : i, clicked: i < 40 ? 0 : 1, colour: "red" }),
  );
  const raw = rawExamplesOf(spec, rows);
  const { design } = encodeExamples(raw, spec, allTrain, { poolPure: false, withGroups: true });
  const folded = divideIntoFolds(design, { foldCount: 4, seed: 1 });
  const [first, second] = await trialsOf(
    await validationOf(folded, [[{ l2: 0, l1: 0 }], [{ l2: 1, l1: 0 }]]),
  );
  assert.match("failure" in first ? first.failure : "", /^fold 1: /);
  assert.equal(foldsOf(second).length, 4);
});

Deno.test("folds: rows that sampling left out are not trained on, but scored", () => {
  const raw = rawExamplesOf(spec, rowsOfColumns(reference.columns));
  const split = trainTestSplit({ seed: 3, testShare: 0.2, negatives: 0.5 });
  const { design } = encodeExamples(raw, spec, split, { poolPure: false, withGroups: true });
  const [train, test, leftOut] = design.partRows;
  const folded = divideIntoFolds(design, { foldCount: 3, seed: 3 });
  const rows = folded.design.partRows;
  assert.ok(leftOut > 0);
  assert.equal(rows[0] + rows[1] + rows[2], train);
  assert.equal(rows[3], test);
  assert.equal(rows[4] + rows[5] + rows[6], leftOut);
  const [{ trainParts, scoreParts }] = folded.folds;
  assert.deepEqual({ trainParts, scoreParts }, { trainParts: [1, 2], scoreParts: [0, 4] });
});

Deno.test("folds: no group is in two folds, and every row keeps its values", () => {
  const random = createRandom(5);
  const numbered = specOf([{ name: "lead", type: "numeric", scale: "none", missingIndicator: false }]);
  const leads = Array.from({ length: 500 }, () => random.below(60));
  const rows = leads.map((lead) => ({ lead, who: `lead-${lead}`, clicked: lead % 2 }));
  const raw = rawExamplesOf(numbered, rows, 70);
  const { design } = encodeExamples(
    raw,
    numbered,
    trainTestSplit({ seed: 2, testShare: 0.2, negatives: 1 }),
    { poolPure: false, withGroups: true },
  );
  const folded = divideIntoFolds(design, { foldCount: 5, seed: 2 });
  const partOf = new Map<number, number>();
  const seen: number[] = [];
  for (const { numeric, labels, partEnds } of loadEach(folded.design.chunks)) {
    numeric.forEach((lead, i) => {
      const part = partEnds.findIndex((end) => i < end);
      assert.equal(partOf.get(lead) ?? part, part, `lead ${lead}`);
      partOf.set(lead, part);
      assert.equal(labels[i], lead % 2);
      seen.push(lead);
    });
  }
  assert.deepEqual(seen.sort((a, b) => a - b), leads.sort((a, b) => a - b));
  assert.deepEqual([...new Set(partOf.values())].sort(), [0, 1, 2, 3, 4, 5]);
});

Deno.test("warm passes: a fit that starts from the previous solution takes its first step without a pass", async () => {
  const calls: string[] = [];
  const passes: Passes = {
    design: foldReference().design,
    parts: [0],
    weight: { all: 10, sample: 10 },
    clickWeight: () => 5,
    separates: () => Promise.resolve(false),
    curvatures: () => Promise.reject(new Error("Newton's method asks for a Hessian")),
    hessianTimes: () => Promise.reject(new Error("Newton's method asks for a Hessian")),
    evaluate(coefficients, { hessian }) {
      calls.push(hessian ? "Hessian" : "gradient");
      const sums = { loss: coefficients[0], gradient: Float64Array.of(coefficients[0], 2) };
      return Promise.resolve(hessian ? { ...sums, hessian: Float64Array.of(1, 0, 0, 1) } : sums);
    },
  };
  const warm = warmPasses(passes);
  const point = Float64Array.of(7, 1);
  warm.begin();
  const { gradient } = await warm.evaluate(point, { hessian: false });
  gradient.fill(0);
  warm.begin(() => Promise.resolve(Float64Array.of(3, 0, 0, 3)));
  const start = await warm.evaluate(point, { hessian: true });
  assert.deepEqual(start, {
    loss: 7,
    gradient: Float64Array.of(7, 2),
    hessian: Float64Array.of(30, 0, 0, 30),
  });
  assert.deepEqual(calls, ["gradient"]);
  // The previous curvature is used once; the next request computes that of the point.
  await warm.evaluate(point, { hessian: true });
  assert.deepEqual(calls, ["gradient", "Hessian"]);
});

Deno.test("score: it equals the metrics of a model", () => {
  const { design } = foldReference();
  const coefficients = Float64Array.from({ length: design.columnCount + 1 }, (_, j) => Math.sin(j + 1));
  const parts = design.partRows.map((_, part) => part);
  const raw = rawExamplesOf(spec, rowsOfColumns(reference.columns));
  const plain = encodeExamples(raw, spec, allTrain, { poolPure: false, withGroups: true }).design;
  const metrics = evaluateModel(plain, { coefficients }, 0.3);
  const score = scoreOf(design, parts, coefficients);
  assertClose(score.logLoss, metrics.log_loss, 1e-13, "log loss");
  assertClose(score.auc ?? NaN, metrics.auc ?? NaN, 1e-13, "AUC");
  assert.equal(score.rows, 300);
});

Deno.test("bucket sort: numbers are sorted, evenly distributed or not", () => {
  const random = createRandom(1);
  const lists = {
    none: [],
    one: [3],
    equal: Array<number>(1000).fill(2.5),
    spread: Array.from({ length: 5000 }, () => random.uniform() - random.uniform()),
    tied: Array.from({ length: 5000 }, () => random.below(7)),
    outlying: [...Array.from({ length: 3000 }, () => random.uniform()), 1e300, -1e300],
    close: [1, 1 + Number.EPSILON, 1],
    clustered: Array.from({ length: 5000 }, (_, i) => i % 50 + random.uniform() * 1e-9),
    skewed: Array.from({ length: 20_000 }, () => random.uniform() ** 30),
    signed: Array.from({ length: 100 }, (_, i) => (i % 3 - 1) * 0.5),
  };
  for (const [name, values] of Object.entries(lists)) {
    assert.deepEqual(sortSpread(Float64Array.from(values)), Float64Array.from(values).sort(), name);
  }
});
