import { createChunkStore } from "../pipeline/chunks/chunk_store.ts";
import { attachDesign } from "../pipeline/fit/passes.ts";
import { divideIntoFolds } from "../pipeline/fit/folds.ts";
import { createRandom, type Random } from "../pipeline/math/random.ts";
import { createFindings } from "../pipeline/model/findings.ts";
import { unpackPrecision } from "../pipeline/model/packed_precision.ts";
import { createPredictor } from "../pipeline/model/predictor.ts";
import { intervalAround, invertPrecision } from "../pipeline/model/standard_error.ts";
import { runToEnd } from "../pipeline/runtime/steps.ts";
import { crossValidate } from "../pipeline/sweep/cross_validate.ts";
import { gridOf } from "../pipeline/sweep/grid.ts";
import { chooseBest, leaderboardOf } from "../pipeline/sweep/leaderboard.ts";
import {
  defaultHyperParameters,
  type HyperParameters,
  penaltyOf,
} from "../pipeline/train/hyper_parameters.ts";
import { prepare } from "../pipeline/train/prepare.ts";
import { startClock } from "../pipeline/train/stage_clock.ts";
import { trainPrepared } from "../pipeline/train/train.ts";
import {
  allTrain,
  alone,
  encodeExamples,
  type ExampleRow,
  rawExamplesOf,
  specOf,
} from "../tests/support/example_rows.ts";

export const intervalLevel = 0.9;

/** `swept`: an l2 penalty with the strength that cross-validation chooses for each set. */
export type Fitting = "none" | "swept";

export interface CoverageOptions {
  readonly sets: number;
  readonly rows: number;
  readonly seed: number;
  readonly fitting: Fitting;
  /** Copies of each row, in one group. Default: 1. */
  readonly copies?: number;
  readonly hyperParameters?: Partial<HyperParameters>;
}

export const levels = ["a", "b", "c", "d", "e"];
export const levelEffects = [0.9, 0.4, 0, -0.5, -1.1];
const spec = specOf([
  { name: "x", type: "numeric" },
  { name: "z", type: "numeric" },
  { name: "c", type: "categorical" },
  { name: "d", type: "categorical" },
]);
/** Rows of a set whose intervals are looked at. */
export const askedRows = 200;
const foldCount = 5;
const strengths = Array.from({ length: 12 }, (_, i) => 10 ** (-3 + i * 5 / 11));

/**
 * Draws sets of rows from a logistic regression, fits each, and returns the share of intervals that hold the true probability of new rows.
 */
export async function coverageOf(options: CoverageOptions): Promise<number> {
  let [held, asked] = [0, 0];
  for (let set = 0; set < options.sets; set++) {
    const random = createRandom(options.seed + set);
    const rows = drawSet(random, options);
    const chosen = options.fitting === "none" ? { penalty: "none" as const } : await sweptStrength(rows);
    const { predictor, intervalOf } = await fitSet(rows, { ...chosen, ...options.hyperParameters });
    for (let i = 0; i < askedRows; i++) {
      const { row, logit } = drawRow(random);
      const found = predictor.logit(row, createFindings());
      const { low, high } = intervalOf(row, found);
      const truth = 1 / (1 + Math.exp(-logit));
      if (low <= truth && truth <= high) held++;
      asked++;
    }
  }
  return held / asked;
}

function drawRow(random: Random): { row: Record<string, number | string>; logit: number } {
  const [x, z] = [4 * random.uniform() - 2, 4 * random.uniform() - 2];
  const [c, d] = [random.below(levels.length), random.below(levels.length)];
  const logit = -1 + 0.8 * x - 0.4 * z + levelEffects[c] + 0.3 * levelEffects[d];
  return { row: { x, z, c: levels[c], d: levels[d] }, logit };
}

function drawSet(random: Random, { rows, copies = 1 }: CoverageOptions): ExampleRow[] {
  return Array.from({ length: rows }, (_, who) => {
    const { row, logit } = drawRow(random);
    const clicked = random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
    return Array.from({ length: copies }, (_, i) => ({
      ...row,
      id: who * copies + i,
      who: `who-${who}`,
      clicked,
    }));
  }).flat();
}

async function fitSet(rows: readonly ExampleRow[], settings: Partial<HyperParameters>) {
  const hyperParameters = { ...defaultHyperParameters, testShare: 0, ...settings };
  const context = { threads: alone, chunkStore: createChunkStore(), clock: startClock() };
  const prepared = prepare(rawExamplesOf(spec, rows, rows.length), spec, hyperParameters);
  const { metadata } = await trainPrepared(prepared, context, { spec, hyperParameters });
  const { encoder, precision: text = "", covariance } = metadata;
  const precision = unpackPrecision(text, encoder.columnCount + 1);
  if (!precision) throw new Error("the model has no precision");
  const robust = covariance === undefined ? undefined : unpackPrecision(covariance, encoder.columnCount + 1);
  const standardErrorOf = runToEnd(invertPrecision(encoder, precision, robust));
  return {
    predictor: createPredictor(metadata),
    intervalOf: (row: Record<string, number | string>, logit: number) =>
      intervalAround(logit, standardErrorOf(row), intervalLevel),
  };
}

/** Chooses the strength of an l2 penalty as `clickwell sweep` does. */
async function sweptStrength(rows: readonly ExampleRow[]): Promise<{ penalty: "l2"; C: number }> {
  const raw = rawExamplesOf(spec, rows, rows.length);
  const { design } = encodeExamples(raw, spec, allTrain, { poolPure: false, withGroups: true });
  const folded = divideIntoFolds(design, { foldCount, seed: 7 });
  const paths = gridOf({ penalties: ["l2"], strengths, l1Ratios: [] });
  const candidates = paths.flat();
  const sums = { rows: { train: 1 }, clicks: { train: 0.5 } };
  const validation = crossValidate({
    attached: await attachDesign(folded.design, alone),
    folded,
    paths: paths.map((path) => path.map(({ penalty, C = 1 }) => penaltyOf({ penalty, C, l1Ratio: 0 }))),
    known: new Map(),
    gradientTolerance: 1e-6,
    iterationsMax: 200,
    correction: { sums, negatives: 1, classWeight: "none" },
    checkpoint: () => {},
  });
  const tried = [];
  for await (const trial of validation) tried.push({ candidate: candidates[trial.index], outcome: trial });
  const best = chooseBest(leaderboardOf(tried), { oneStandardError: false });
  if (!best) throw new Error("no strength could be fitted");
  return { penalty: "l2", C: best.candidate.C ?? 1 };
}
