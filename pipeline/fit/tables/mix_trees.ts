import type { BoostRows, BoostRun } from "./boost_rows.ts";
import { scoreFolds } from "./fold_scores.ts";
import type { RowFolds } from "./found_model.ts";

/** A further kind of trees is taken if the mean with it has at most this share of the loss without it. */
const mixedShare = 0.999;
/** Kinds whose mean is taken, at most: as many as final runs. */
const kindsMax = 4;

type ScoredRows = Pick<BoostRows, "labels" | "weights"> & RowFolds;

/** Trees of a kind, cross-validated. */
interface Kind {
  /** Per fold. */
  readonly runs: readonly Pick<BoostRun, "logits">[];
  readonly logLoss: number;
}

/**
 * Returns the kinds of trees whose mean is taken: a first one, and each time the one with which the mean has the least loss on rows that
 * the trees of their fold were not fitted to, as long as it falls. Few rows cannot tell which kind is best, and errors of several are not
 * the same.
 *
 * @param kinds Those to choose from.
 * @see Caruana et al., Ensemble Selection from Libraries of Models (2004).
 */
export function mixTrees<Found extends Kind>(
  rows: ScoredRows,
  kinds: readonly Found[],
  first: Found,
): readonly Found[] {
  const mixed = [first];
  let loss = first.logLoss;
  while (mixed.length < kindsMax) {
    let best: { kind: Found; loss: number } | undefined;
    for (const kind of kinds.filter((other) => !mixed.includes(other))) {
      const own = lossOfMean(rows, [...mixed, kind]);
      if (!best || own < best.loss) best = { kind, loss: own };
    }
    if (!best || best.loss > loss * mixedShare) break;
    mixed.push(best.kind);
    loss = best.loss;
  }
  return mixed;
}

function lossOfMean(rows: ScoredRows, kinds: readonly Kind[]): number {
  const means = rows.folds.map((_, fold) => {
    const [first, ...others] = kinds.map(({ runs }) => runs[fold].logits);
    return first.map((logit, i) => others.reduce((sum, own) => sum + own[i], logit) / kinds.length);
  });
  return scoreFolds(rows, rows, means).logLoss;
}
