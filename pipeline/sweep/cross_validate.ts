import { type ClassSums, corrected } from "../fit/class_balance.ts";
import { Failure } from "../failure.ts";
import { chooseSolver, fitPasses } from "../fit/fit.ts";
import type { Fold, FoldedDesign } from "../fit/folds.ts";
import type { FoldScore } from "./leaderboard.ts";
import { pureColumns, Separation } from "../fit/separation.ts";
import type { AttachedDesign, Passes } from "../fit/passes.ts";
import { evaluatePoint, type Penalty } from "../fit/penalised.ts";
import { type WarmPasses, warmPasses } from "../fit/warm_passes.ts";

/** One fold's fit, with the coefficients from which the next candidate of the path starts. */
export interface FoldFit extends FoldScore {
  /** Shape (columns + 1), intercept last; not corrected for sampling. */
  readonly coefficients: Float64Array;
}

/** A candidate's fits, one per fold, or why a fit failed. `index` numbers the candidates of all paths. */
export type Trial =
  | { readonly index: number; readonly folds: readonly FoldFit[] }
  | { readonly index: number; readonly failure: string };

export interface CrossValidation {
  readonly attached: AttachedDesign;
  readonly folded: FoldedDesign;
  /** Penalties of the candidates of each path, strongest first. */
  readonly paths: readonly (readonly Penalty[])[];
  /** Trials of earlier runs, by index; they are not fitted again. */
  readonly known: ReadonlyMap<number, Trial>;
  /** Largest entry of the gradient at which a fit ends. */
  readonly gradientTolerance: number;
  /** Maximum number of passes per fit. */
  readonly iterationsMax: number;
  /** Sampling and class weights for which intercepts are corrected before scoring. */
  readonly correction: {
    readonly sums: ClassSums;
    readonly negatives: number;
    readonly classWeight: "none" | "balanced";
  };
  /** Called between fits; throws to stop early. */
  readonly checkpoint: () => void;
}

/**
 * Fits every candidate to every fold and scores it on the fold's held-out rows. Along a path each fold starts near its
 * last solution, with a Hessian that all folds share. A trial depends only on the data and the earlier trials of its path:
 * with some trials known, the others are the same, bit for bit, and so they are for any number of threads.
 *
 * @returns The trials that are not known, in order.
 * @throws {Failure} `usage-invalid` if the design has too many columns for a penalty; whatever `checkpoint` throws.
 */
export async function* crossValidate(validation: CrossValidation): AsyncGenerator<Trial> {
  const { attached, folded: { folds, trainParts }, paths, known } = validation;
  const fitters = folds.map((fold) => ({ fold, passes: warmPasses(attached.passes(fold.trainParts)) }));
  const curvatureAt = createCurvature(attached.passes(trainParts));
  let index = 0;
  for (const path of paths) {
    let previous: readonly FoldFit[] | undefined;
    for (const penalty of path) {
      const earlier = known.get(index);
      const trial = earlier ??
        { index, ...await tryCandidate(validation, fitters, curvatureAt, penalty, previous) };
      if (!earlier) yield trial;
      if ("folds" in trial) previous = trial.folds;
      index++;
    }
  }
}

interface Fitter {
  readonly fold: Fold;
  readonly passes: WarmPasses;
}

/**
 * If the leader evaluated at most this many points, its solution moved little: a fold then gains more from its own last
 * solution, where the first step is free, than from moving as the leader did.
 */
const nearPointsMax = 3;

/** @param previous The folds' fits for the previous penalty. */
async function tryCandidate(
  validation: CrossValidation,
  fitters: readonly Fitter[],
  curvatureAt: CurvatureAt,
  penalty: Penalty,
  previous: readonly FoldFit[] | undefined,
): Promise<{ folds: FoldFit[] } | { failure: string }> {
  const { attached, folded: { folds }, correction, checkpoint } = validation;
  const fits: { coefficients: Float64Array; points: number }[] = [];
  for (const [f, fitter] of fitters.entries()) {
    checkpoint();
    const before = previous?.[f].coefficients;
    // The first fold is the leader: the others use the curvature at its solution, and move about as far as it did.
    const leader = fits.at(0);
    const start = leader && (!before || leader.points > nearPointsMax)
      ? predictSolution(leader.coefficients, previous?.[0].coefficients, before)
      : before;
    const near = leader?.coefficients ?? before;
    fitter.passes.begin(near && (() => curvatureAt(near)));
    try {
      const coefficients = await fitFold(validation, fitter, penalty, before, start);
      fits.push({ coefficients, points: fitter.passes.pointCount() });
    } catch (error) {
      return { failure: `fold ${f + 1}: ${reasonOf(error)}` };
    }
  }
  const changed = [...fits.keys()].filter((f) => fits[f].coefficients !== previous?.[f].coefficients);
  const scores = await attached.score(changed.map((f) => ({
    coefficients: corrected(fits[f].coefficients, correction.sums, correction),
    parts: folds[f].scoreParts,
  })));
  return {
    folds: fits.map((fit, f): FoldFit => {
      // A fold whose coefficients did not change keeps its score.
      const score = changed.includes(f) ? scores[changed.indexOf(f)] : previous?.[f];
      if (!score) throw new Error("a fold has no score");
      return { ...score, ...fit, columns: columnsUsed(fit.coefficients) };
    }),
  };
}

/**
 * @param before The fold's solution for the previous penalty, returned if it is optimal for this one too.
 * @param start Starting point of the fit otherwise.
 */
async function fitFold(
  { folded, gradientTolerance, iterationsMax, checkpoint }: CrossValidation,
  { fold, passes }: Fitter,
  penalty: Penalty,
  before: Float64Array | undefined,
  start: Float64Array | undefined,
): Promise<Float64Array> {
  const penalised = penalty.l2 + penalty.l1 > 0;
  const fixedAtZero = penalised ? [] : pureColumns(folded.design, fold.trainParts);
  // Without a penalty a small gradient is not enough: the solver must also check that the optimum is finite.
  if (before && penalised) {
    const { gradientMax } = await evaluatePoint(passes, "all", before, { penalty }, false);
    if (gradientMax <= gradientTolerance) {
      // Newton's method also checks the length of its next step, which takes no pass from this point.
      if (chooseSolver(folded.design, { penalty, solver: "auto" }) !== "newton") return before;
      start = before;
    }
  }
  const { coefficients } = await fitPasses(passes, {
    penalty,
    solver: "auto",
    gradientTolerance,
    iterationsMax,
    fixedAtZero,
    ...(start ? { start: withZeros(start, fixedAtZero) } : {}),
    checkpoint,
  });
  return coefficients;
}

/** Predicts a fold's solution: its last one, moved as the leader has moved, or the leader's at the beginning of a path. */
function predictSolution(
  leader: Float64Array,
  leaderBefore: Float64Array | undefined,
  before: Float64Array | undefined,
): Float64Array {
  return leaderBefore && before ? before.map((value, j) => value + leader[j] - leaderBefore[j]) : leader;
}

/** Computes the Hessian of the mean loss over all training rows. Each fold has most of them, so one pass serves all folds. */
type CurvatureAt = (coefficients: Float64Array) => Promise<Float64Array>;

/** Caches the last Hessian: the next candidate's leader starts where this one's ended. */
function createCurvature(all: Passes): CurvatureAt {
  let at: Float64Array | undefined;
  let hessian: Promise<Float64Array> | undefined;
  return (coefficients) => {
    if (!hessian || at !== coefficients) hessian = hessianAt(all, at = coefficients);
    return hessian;
  };
}

async function hessianAt(passes: Passes, coefficients: Float64Array): Promise<Float64Array> {
  const { hessian } = await passes.evaluate(coefficients, { hessian: true });
  if (!hessian) throw new Error("the pass returned no Hessian");
  return hessian.map((value) => value / passes.weight.all);
}

/** Returns the same array if no column is fixed, since passes recognise their last point by identity. */
function withZeros(start: Float64Array, fixedAtZero: readonly number[]): Float64Array {
  return fixedAtZero.length === 0 ? start : start.map((value, j) => fixedAtZero.includes(j) ? 0 : value);
}

function columnsUsed(coefficients: Float64Array): number {
  return coefficients.subarray(0, coefficients.length - 1).reduce(
    (sum, beta) => sum + (beta === 0 ? 0 : 1),
    0,
  );
}

/** Returns why a fit has no solution; rethrows any other error. */
function reasonOf(error: unknown): string {
  if (error instanceof Failure && error.kind === "not-converged") return error.message;
  if (error instanceof Separation) {
    return "there is no finite optimum without a penalty: some columns together separate the rows with label 1 from the others";
  }
  throw error;
}
