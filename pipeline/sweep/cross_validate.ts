import { type ClassSums, corrected } from "../fit/class_balance.ts";
import { Failure } from "../failure.ts";
import { chooseSolver, fitPasses } from "../fit/fit.ts";
import type { Fold, FoldedDesign } from "./folds.ts";
import type { FoldScore } from "./leaderboard.ts";
import { pureColumns, Separation } from "../fit/separation.ts";
import type { AttachedDesign, Passes } from "../fit/passes.ts";
import { evaluatePoint, type Penalty } from "../fit/penalised.ts";
import { type WarmPasses, warmPasses } from "../fit/warm_passes.ts";

/** One fold's fit, with what the next candidate of the path starts from. */
export interface FoldFit extends FoldScore {
  /** Shape (columns + 1), intercept last; not corrected for sampling. */
  readonly coefficients: Float64Array;
}

/** A candidate's fits, one per fold, or why one of them failed. `index` counts the candidates of all paths. */
export type Trial =
  | { readonly index: number; readonly folds: readonly FoldFit[] }
  | { readonly index: number; readonly failure: string };

export interface CrossValidation {
  readonly attached: AttachedDesign;
  readonly folded: FoldedDesign;
  /** Per path the candidates' penalties, from the strongest to the weakest. */
  readonly paths: readonly (readonly Penalty[])[];
  /** Trials of an earlier run, by index: they are not fitted again. */
  readonly known: ReadonlyMap<number, Trial>;
  /** Largest entry of the gradient at which a fit ends. */
  readonly gradientTolerance: number;
  /** Passes of one fit at the most. */
  readonly iterationsMax: number;
  /** What the fits' intercepts are corrected by before they are scored. */
  readonly correction: {
    readonly sums: ClassSums;
    readonly negatives: number;
    readonly classWeight: "none" | "balanced";
  };
  /** Throws to end early. */
  readonly checkpoint: () => void;
}

/**
 * Fits every candidate to every fold and scores it on the fold's own rows. Along a path each fold starts near its
 * last solution, with a Hessian that all folds share. A trial depends on the data and the trials before it in its path alone:
 * where some are known, the others come out the same to the last bit, as for any number of threads.
 *
 * @returns The trials that are not known, in order.
 * @throws {Failure} `usage-invalid` where a penalty cannot be fitted to so many columns; what `checkpoint` throws.
 */
export async function* crossValidate(validation: CrossValidation): AsyncGenerator<Trial> {
  const { attached, folded: { folds, trainParts }, paths, known } = validation;
  const fitters = folds.map((fold) => ({ fold, passes: warmPasses(attached.passes(fold.trainParts)) }));
  const curvatureAt = createCurvature(attached.passes(trainParts));
  let index = 0;
  for (const path of paths) {
    let neighbour: readonly FoldFit[] | undefined;
    for (const penalty of path) {
      const earlier = known.get(index);
      const trial = earlier ??
        { index, ...await tryCandidate(validation, fitters, curvatureAt, penalty, neighbour) };
      if (!earlier) yield trial;
      if ("folds" in trial) neighbour = trial.folds;
      index++;
    }
  }
}

interface Fitter {
  readonly fold: Fold;
  readonly passes: WarmPasses;
}

/**
 * A leader that asked at no more points had a short way: then a fold gains more from its own last point, where the first
 * step is free, than from moving as the leader did.
 */
const nearPointsMax = 3;

/** @param neighbour The folds' fits for the penalty before. */
async function tryCandidate(
  validation: CrossValidation,
  fitters: readonly Fitter[],
  curvatureAt: CurvatureAt,
  penalty: Penalty,
  neighbour: readonly FoldFit[] | undefined,
): Promise<{ folds: FoldFit[] } | { failure: string }> {
  const { attached, folded: { folds }, correction, checkpoint } = validation;
  const fits: { coefficients: Float64Array; points: number }[] = [];
  for (const [f, fitter] of fitters.entries()) {
    checkpoint();
    const before = neighbour?.[f].coefficients;
    // The first fold leads: where it is now is the curvature that the others need, and about as far they have to move.
    const leader = fits.at(0);
    const start = leader && (!before || leader.points > nearPointsMax)
      ? following(leader.coefficients, neighbour?.[0].coefficients, before)
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
  const moved = [...fits.keys()].filter((f) => fits[f].coefficients !== neighbour?.[f].coefficients);
  const scores = await attached.score(moved.map((f) => ({
    coefficients: corrected(fits[f].coefficients, correction.sums, correction),
    parts: folds[f].scoreParts,
  })));
  return {
    folds: fits.map((fit, f): FoldFit => {
      // A fold that stays where it was keeps its score.
      const score = moved.includes(f) ? scores[moved.indexOf(f)] : neighbour?.[f];
      if (!score) throw new Error("a fold without a score");
      return { ...score, ...fit, columns: columnsUsed(fit.coefficients) };
    }),
  };
}

/**
 * @param before The fold's solution for the penalty before: it comes back where it is optimal for this one too.
 * @param start Where the fit begins otherwise.
 */
async function fitFold(
  { folded, gradientTolerance, iterationsMax, checkpoint }: CrossValidation,
  { fold, passes }: Fitter,
  penalty: Penalty,
  before: Float64Array | undefined,
  start: Float64Array | undefined,
): Promise<Float64Array> {
  const penalised = penalty.l2 + penalty.l1 > 0;
  const held = penalised ? [] : pureColumns(folded.design, fold.trainParts);
  // Without a penalty a small gradient proves nothing: the solver also has to see that the optimum is finite.
  if (before && penalised) {
    const { gradientMax } = await evaluatePoint(passes, "all", before, { penalty }, false);
    if (gradientMax <= gradientTolerance) {
      // Newton's method also asks how long its next step would be: from there, it costs no pass.
      if (chooseSolver(folded.design, { penalty, solver: "auto" }) !== "newton") return before;
      start = before;
    }
  }
  const { coefficients } = await fitPasses(passes, {
    penalty,
    solver: "auto",
    gradientTolerance,
    iterationsMax,
    fixedAtZero: held,
    ...(start ? { start: withZeros(start, held) } : {}),
    checkpoint,
  });
  return coefficients;
}

/** Where a fold is about to be: moved from where it was as the leader has moved, or, at a path's beginning, beside it. */
function following(
  leader: Float64Array,
  leaderBefore: Float64Array | undefined,
  before: Float64Array | undefined,
): Float64Array {
  return leaderBefore && before ? before.map((value, j) => value + leader[j] - leaderBefore[j]) : leader;
}

/** Hessian of the mean loss over all training rows: each fold has most of them, so that one pass serves all folds. */
type CurvatureAt = (coefficients: Float64Array) => Promise<Float64Array>;

/** Keeps the last one: the next candidate's leader starts where this one's ended. */
function createCurvature(all: Passes): CurvatureAt {
  let at: Float64Array | undefined;
  let made: Promise<Float64Array> | undefined;
  return (coefficients) => {
    if (!made || at !== coefficients) made = hessianAt(all, at = coefficients);
    return made;
  };
}

async function hessianAt(passes: Passes, coefficients: Float64Array): Promise<Float64Array> {
  const { hessian } = await passes.evaluate(coefficients, { hessian: true });
  if (!hessian) throw new Error("the pass gave no Hessian");
  return hessian.map((value) => value / passes.weight.all);
}

/** The same array where nothing is held: passes know their last point by it. */
function withZeros(start: Float64Array, held: readonly number[]): Float64Array {
  return held.length === 0 ? start : start.map((value, j) => held.includes(j) ? 0 : value);
}

function columnsUsed(coefficients: Float64Array): number {
  return coefficients.subarray(0, coefficients.length - 1).reduce(
    (sum, beta) => sum + (beta === 0 ? 0 : 1),
    0,
  );
}

/** Why a fit found no answer; what is no answer's lack is thrown on. */
function reasonOf(error: unknown): string {
  if (error instanceof Failure && error.kind === "not-converged") return error.message;
  if (error instanceof Separation) {
    return "there is no finite optimum without a penalty: some columns together separate the rows with label 1 from the others";
  }
  throw error;
}
