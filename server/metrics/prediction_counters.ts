import type { Findings } from "../../pipeline/model/findings.ts";
import type { Predictor } from "../../pipeline/model/predictor.ts";

/** Bins of probabilities that are counted, all of one width. */
export const probabilityBins = 20;

/**
 * What one model has answered in one thread; numbers only, so that a prediction costs next to nothing more. It is data,
 * can be copied to another thread, and added to others.
 */
export interface PredictionCounters {
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

/** @param probability In [0, 1]. */
export function countPrediction(
  tally: PredictionCounters,
  probability: number,
  { unseen, missing }: Findings,
): void {
  tally.predictions++;
  tally.probabilitySum += probability;
  const bin = Math.ceil(probability * probabilityBins) - 1;
  tally.probabilities[bin < 0 ? 0 : bin]++;
  for (let i = 0; i < unseen.length; i++) increase(tally.unseen, unseen[i], 1);
  for (let i = 0; i < missing.length; i++) increase(tally.missing, missing[i], 1);
}

/** Counts what has a name, such as rows of one field that were unseen. */
export function increase(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

/** Adds what another thread, or another model, has counted. */
export function addPredictionCounters(into: PredictionCounters, other: PredictionCounters): void {
  into.predictions += other.predictions;
  into.probabilitySum += other.probabilitySum;
  for (let i = 0; i < probabilityBins; i++) into.probabilities[i] += other.probabilities[i];
  for (const [name, count] of other.unseen) increase(into.unseen, name, count);
  for (const [name, count] of other.missing) increase(into.missing, name, count);
}

/** The tallies of all models that have answered in one thread. */
export interface CountersByVersion {
  /** The one of a model: the same for each time that it is loaded, so that no count goes back when it returns. */
  forModel(version: number, predictor: Pick<Predictor, "fields">): PredictionCounters;
  /** By version. */
  snapshot(): Map<string, PredictionCounters>;
}

/** Versions that are counted apart. Where there are more, those that were loaded first are counted as one. */
export const versionsMax = 100;
/** What stands for a version then. */
export const olderVersions = "older";

export function createCountersByVersion(): CountersByVersion {
  const tallies = new Map<string, PredictionCounters>();
  let older: PredictionCounters | undefined;
  return {
    forModel(version, predictor) {
      const known = tallies.get(String(version));
      if (known) return known;
      const made = createPredictionCounters(predictor);
      tallies.set(String(version), made);
      const [first] = tallies;
      if (tallies.size > versionsMax && first) {
        addPredictionCounters(older ??= createPredictionCounters({ fields: [] }), first[1]);
        tallies.delete(first[0]);
      }
      return made;
    },
    snapshot() {
      const all = new Map(tallies);
      if (older) all.set(olderVersions, older);
      return all;
    },
  };
}
