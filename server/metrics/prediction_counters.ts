import type { Findings } from "../../pipeline/model/findings.ts";
import type { Predictor } from "../../pipeline/model/predictor.ts";

/** Number of probability bins, all of the same width. */
export const probabilityBins = 20;

/**
 * Counts of the predictions of one model in one thread. Numbers only, so that counting costs next to nothing. Data only: they
 * can be posted to another thread and added to others.
 */
export interface PredictionCounters {
  /** Rows for which a probability was predicted. */
  predictions: number;
  /** Sum of the probabilities, for the mean. */
  probabilitySum: number;
  /** Shape ({@link probabilityBins}): rows with a probability in (i/20, (i+1)/20]; 0 is in the first. */
  readonly probabilities: Float64Array;
  /** Per field of the model, rows with an unseen category. */
  readonly unseen: Map<string, number>;
  /** Per field of the model, rows with null. */
  readonly missing: Map<string, number>;
}

export function createPredictionCounters({ fields }: Pick<Predictor, "fields">): PredictionCounters {
  const zeros = () => new Map(fields.map(({ name }) => [name, 0]));
  return {
    predictions: 0,
    probabilitySum: 0,
    probabilities: new Float64Array(probabilityBins),
    unseen: zeros(),
    missing: zeros(),
  };
}

/** Counts one prediction. @param probability In [0, 1]. */
export function countPrediction(
  counters: PredictionCounters,
  probability: number,
  { unseen, missing }: Findings,
): void {
  counters.predictions++;
  counters.probabilitySum += probability;
  const bin = Math.ceil(probability * probabilityBins) - 1;
  counters.probabilities[bin < 0 ? 0 : bin]++;
  for (let i = 0; i < unseen.length; i++) increase(counters.unseen, unseen[i], 1);
  for (let i = 0; i < missing.length; i++) increase(counters.missing, missing[i], 1);
}

/** Increases the count of a name, such as the rows of one field with an unseen category. */
export function increase(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

/** Adds the counters of another thread or model. */
export function addPredictionCounters(into: PredictionCounters, other: PredictionCounters): void {
  into.predictions += other.predictions;
  into.probabilitySum += other.probabilitySum;
  for (let i = 0; i < probabilityBins; i++) into.probabilities[i] += other.probabilities[i];
  for (const [name, count] of other.unseen) increase(into.unseen, name, count);
  for (const [name, count] of other.missing) increase(into.missing, name, count);
}

/** The prediction counters of one thread, by model version. */
export type CountersByVersion = ReturnType<typeof createCountersByVersion>;

/** Versions that are counted separately. If there are more, those loaded first are counted together. */
export const versionsMax = 100;
/** The label of the versions that are counted together. */
export const olderVersions = "older";

export function createCountersByVersion() {
  const byVersion = new Map<string, PredictionCounters>();
  let older: PredictionCounters | undefined;
  return {
    /** Returns a model's counters: the same ones each time the model is loaded, so that counts never decrease. */
    forModel(version: number, predictor: Pick<Predictor, "fields">): PredictionCounters {
      const known = byVersion.get(String(version));
      if (known) return known;
      const counters = createPredictionCounters(predictor);
      byVersion.set(String(version), counters);
      const [first] = byVersion;
      if (byVersion.size > versionsMax && first) {
        addPredictionCounters(older ??= createPredictionCounters({ fields: [] }), first[1]);
        byVersion.delete(first[0]);
      }
      return counters;
    },
    /** By version. */
    snapshot(): Map<string, PredictionCounters> {
      const all = new Map(byVersion);
      if (older) all.set(olderVersions, older);
      return all;
    },
  };
}
