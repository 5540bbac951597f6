import type { Candidate } from "./grid.ts";
import type { Score } from "../fit/holdout_score.ts";

/** The score of one fold's fit. */
export interface FoldScore extends Score {
  /** Number of nonzero coefficients. */
  readonly columns: number;
  /** Number of points at which the fit evaluated the loss. */
  readonly points: number;
}

/** The result of cross-validating a candidate: a score per fold, or why it could not be fitted. */
export type Outcome = { readonly folds: readonly FoldScore[] } | { readonly failure: string };

/** A candidate with its rank. */
export interface LeaderboardEntry {
  readonly candidate: Candidate;
  /** 1 is the best. */
  readonly rank: number;
  readonly outcome: Outcome;
  /** Null if the candidate could not be fitted. */
  readonly summary: Summary | null;
}

/** Unweighted means over the folds, as in scikit-learn. */
export interface Summary {
  readonly logLoss: number;
  /** Standard error of the mean log loss: the folds' standard deviation / √folds. */
  readonly standardError: number;
  /** Null if no fold has rows of both classes. */
  readonly auc: number | null;
  readonly columns: number;
}

export function summaryOf(folds: readonly FoldScore[]): Summary {
  const losses = folds.map((fold) => fold.logLoss);
  const logLoss = mean(losses);
  const variance = losses.reduce((sum, loss) => sum + (loss - logLoss) ** 2, 0) / (losses.length - 1);
  const aucs = folds.flatMap(({ auc }) => auc === null ? [] : [auc]);
  return {
    logLoss,
    standardError: Math.sqrt(variance / losses.length),
    auc: aucs.length > 0 ? mean(aucs) : null,
    columns: mean(folds.map(({ columns }) => columns)),
  };
}

/** Ranks candidates by log loss, then by the strength of the penalty, strongest first. Failed candidates come last. */
export function leaderboardOf(
  tried: readonly { readonly candidate: Candidate; readonly outcome: Outcome }[],
): LeaderboardEntry[] {
  const entries = tried.map(({ candidate, outcome }) => ({
    candidate,
    outcome,
    summary: "folds" in outcome ? summaryOf(outcome.folds) : null,
  }));
  entries.sort((a, b) =>
    order(a.summary?.logLoss ?? Infinity, b.summary?.logLoss ?? Infinity) ||
    order(strengthOf(a.candidate), strengthOf(b.candidate))
  );
  return entries.map((entry, i) => ({ ...entry, rank: i + 1 }));
}

/**
 * Returns the best candidate; with `oneStandardError`, the strongest penalty of the same kind whose log loss is within one
 * standard error of the best, which is simpler and hardly worse.
 *
 * @returns undefined if every candidate failed.
 * @see Hastie, Tibshirani & Friedman, The Elements of Statistical Learning (2009), section 7.10.
 */
export function chooseBest(
  leaderboard: readonly LeaderboardEntry[],
  options: { oneStandardError: boolean },
): LeaderboardEntry | undefined {
  const [first] = leaderboard;
  const best = first?.summary;
  if (!best) return undefined;
  if (!options.oneStandardError) return first;
  const limit = best.logLoss + best.standardError;
  return leaderboard
    .filter(({ candidate, summary }) =>
      sameKind(candidate, first.candidate) && summary && summary.logLoss <= limit
    )
    .reduce((strongest, entry) =>
      strengthOf(entry.candidate) < strengthOf(strongest.candidate) ? entry : strongest
    );
}

/** Whether the penalties are of one kind. No penalty is the weak end of l2. */
function sameKind(a: Candidate, b: Candidate): boolean {
  const kind = ({ penalty }: Candidate) => penalty === "none" ? "l2" : penalty;
  return kind(a) === kind(b);
}

/** Returns the inverse strength: smaller is stronger. */
function strengthOf({ C }: Candidate): number {
  return C ?? Infinity;
}

function order(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
