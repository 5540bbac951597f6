import { pairedTest } from "../evaluate/comparison.ts";
import { lossesOf, numberGroups } from "../evaluate/ranked_rows.ts";
import { confidenceLevel } from "../evaluate/resampling.ts";
import { normalQuantile } from "../math/normal_quantile.ts";
import { createRandom } from "../math/random.ts";
import { clearFindings, createFindings } from "../model/findings.ts";
import { createPredictor, type ServableModel } from "../model/predictor.ts";
import type { Importance } from "./model_report.ts";
import type { SampledRow } from "./sampled_rows.ts";

/** Fields beyond this many are not listed. */
const fieldsMax = 60;

/**
 * Measures how much the mean log loss rises if the values of a field are permuted among the rows, field by field. The interval is that of
 * the rows, clustered by group, for the permutation that was drawn.
 *
 * @returns undefined if the model answers fewer than two of the rows.
 * @see Breiman, Random Forests (2001), section 10; Fisher, Rudin & Dominici, All Models are Wrong, but Many are Useful (2019).
 */
export function permutationImportance(
  model: ServableModel,
  rows: readonly SampledRow[],
  seed: number,
): Importance | undefined {
  const predictor = createPredictor(model);
  const findings = createFindings();
  const predict = (features: SampledRow["features"]) => {
    clearFindings(findings);
    return predictor.predict(features, findings);
  };
  const own = rows.map(({ features }) => predict(features));
  // A row that the model rejects has no probability.
  const answered = rows.filter((_, i) => own[i] === own[i]);
  if (answered.length < 2) return undefined;
  const labelled = {
    labels: Uint8Array.from(answered, ({ label }) => label),
    groups: Uint32Array.from(answered, ({ group }) => group),
    weights: Float64Array.from(answered, ({ weight }) => weight),
  };
  const losses = lossesOf(labelled, Float64Array.from(own.filter((p) => p === p)));
  const groups = numberGroups(labelled.groups);
  const z = -normalQuantile((1 - confidenceLevel) / 2);
  const fields = predictor.fields.map(({ name }, f) => {
    const order = permutation(answered.length, seed + f);
    const predictions = Float64Array.from(
      answered,
      ({ features }, i) => predict({ ...features, [name]: answered[order[i]].features[name] }),
    );
    // A value that is invalid beside another field's leaves the row as it is.
    const others = lossesOf(labelled, predictions).map((loss, i) => loss === loss ? loss : losses[i]);
    const { difference, standard_error: error } = pairedTest(labelled, groups, losses, others);
    return {
      field: name,
      log_loss: difference,
      ...(error === null ? {} : { low: difference - z * error, high: difference + z * error }),
    };
  });
  return {
    rows: answered.length,
    seed,
    fields: fields.sort((a, b) => b.log_loss - a.log_loss).slice(0, fieldsMax),
  };
}

/** Returns a random order. @see Knuth, The Art of Computer Programming, volume 2 (1997), algorithm 3.4.2P. */
function permutation(count: number, seed: number): Uint32Array {
  const random = createRandom(seed);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
