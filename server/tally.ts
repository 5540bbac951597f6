import type { Findings, Predictor } from "../pipeline/model/predictor.ts";

/** Upper bounds of the bins of probabilities that are counted, the last of which ends at 1. */
export const probabilityBins = 20;

/** What one model has answered since it was loaded; numbers only, so that a prediction costs next to nothing more. */
export interface Tally {
  /** Rows that got a probability. */
  predictions: number;
  /** Their sum, for the mean. */
  probabilitySum: number;
  /** Shape ({@link probabilityBins}): rows whose probability lies in (i/20, (i+1)/20], 0 in the first. */
  readonly probabilities: Float64Array;
  /** Per field of the model, rows whose category was unseen. */
  readonly unseen: Map<string, number>;
  /** Per field of the model, rows that had null. */
  readonly missing: Map<string, number>;
}

export function createTally({ fields }: Predictor): Tally {
  const zeros = () => new Map(fields.map(({ name }) => [name, 0]));
  return {
    predictions: 0,
    probabilitySum: 0,
    probabilities: new Float64Array(probabilityBins),
    unseen: zeros(),
    missing: zeros(),
  };
}

/** @param probability In [0, 1]. */
export function countPrediction(tally: Tally, probability: number, { unseen, missing }: Findings): void {
  tally.predictions++;
  tally.probabilitySum += probability;
  const bin = Math.ceil(probability * probabilityBins) - 1;
  tally.probabilities[bin < 0 ? 0 : bin]++;
  for (let i = 0; i < unseen.length; i++) increase(tally.unseen, unseen[i], 1);
  for (let i = 0; i < missing.length; i++) increase(tally.missing, missing[i], 1);
}

/** Counts rows of one field that were unseen or missing. */
export function increase(counts: Map<string, number>, name: string, rows: number): void {
  counts.set(name, (counts.get(name) ?? 0) + rows);
}
