import type { Candidate } from "./grid.ts";
import type { Score } from "../fit/holdout_score.ts";

/** What one fold's fit came to. */
export interface FoldScore extends Score {
  /** Columns whose coefficient is not 0. */
  readonly columns: number;
  /** Points at which the fit asked for the loss. */
  readonly points: number;
}

/** A candidate's cross-validation: a score per fold, or why it could not be fitted. */
export type Outcome = { readonly folds: readonly FoldScore[] } | { readonly failure: string };

/** A candidate in the order of its score. */
export interface LeaderboardEntry {
  readonly candidate: Candidate;
  /** 1 is the best. */
  readonly rank: number;
  readonly outcome: Outcome;
  /** Null where the candidate could not be fitted. */
  readonly summary: Summary | null;
}

/** Means over the folds, each of which counts once, as in scikit-learn. */
export interface Summary {
  readonly logLoss: number;
  /** Standard error of the mean log loss: the folds' standard deviation / √folds. */
  readonly standardError: number;
  /** Null where no fold has rows of both classes. */
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

/** The candidates by their log loss; of equal ones the stronger penalty first; those that failed last. */
export function leaderboardOf(
  tried: readonly { readonly candidate: Candidate; readonly outcome: Outcome }[],
): LeaderboardEntry[] {
  const standings = tried.map(({ candidate, outcome }) => ({
    candidate,
    outcome,
    summary: "folds" in outcome ? summaryOf(outcome.folds) : null,
  }));
  standings.sort((a, b) =>
    order(a.summary?.logLoss ?? Infinity, b.summary?.logLoss ?? Infinity) ||
    order(strengthOf(a.candidate), strengthOf(b.candidate))
  );
  return standings.map((standing, i) => ({ ...standing, rank: i + 1 }));
}

/**
 * The best candidate; with `oneStandardError`, the strongest penalty of the best one's kind whose log loss is within one
 * standard error of the best: hardly worse, and simpler.
 *
 * @returns undefined where every candidate failed.
 * @see Hastie, Tibshirani & Friedman, The Elements of Statistical Learning (2009), section 7.10.
 */
export function chooseBest(
  standings: readonly LeaderboardEntry[],
  options: { oneStandardError: boolean },
): LeaderboardEntry | undefined {
  const [first] = standings;
  const best = first?.summary;
  if (!best) return undefined;
  if (!options.oneStandardError) return first;
  const limit = best.logLoss + best.standardError;
  return standings
    .filter(({ candidate, summary }) =>
      sameKind(candidate, first.candidate) && summary && summary.logLoss <= limit
    )
    .reduce((strongest, standing) =>
      strengthOf(standing.candidate) < strengthOf(strongest.candidate) ? standing : strongest
    );
}

/** No penalty is the weak end of l2. */
function sameKind(a: Candidate, b: Candidate): boolean {
  const kind = ({ penalty }: Candidate) => penalty === "none" ? "l2" : penalty;
  return kind(a) === kind(b);
}

/** Inverse strength: the smaller, the stronger. */
function strengthOf({ C }: Candidate): number {
  return C ?? Infinity;
}

function order(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
