import { pairedTest } from "../evaluate/comparison.ts";
import { lossesOf, numberGroups } from "../evaluate/ranked_rows.ts";
import { confidenceLevel } from "../evaluate/resampling.ts";
import { normalQuantile } from "../math/normal_quantile.ts";
import { createRandom } from "../math/random.ts";
import { clearFindings, createFindings } from "../model/findings.ts";
import { createPredictor, type Predictor, probabilityOf, type ServableModel } from "../model/predictor.ts";
import type { Importance } from "./model_report.ts";
import type { SampledRow } from "./sampled_rows.ts";

/** Fields beyond this many are not listed. */
const fieldsMax = 60;
/** Terms that are added up, at most, to choose the fields of a wide model: each field takes a prediction, which adds a term of each field. */
const termsMax = 5e7;
const screeningRowsMin = 8;

/**
 * Measures how much the mean log loss rises if the values of a field are permuted among the rows, field by field. The interval is that of
 * the rows, clustered by group, for the permutation that was drawn. Of a wide model, the fields are measured whose values, permuted among
 * some of the rows, move the log-odds most: the log loss cannot rise by more than the log-odds move.
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
  const logitOf = (features: SampledRow["features"]) => {
    clearFindings(findings);
    return predictor.logit(features, findings);
  };
  const all = rows.map(({ features }) => logitOf(features));
  // A row that the model rejects has no log-odds.
  const answered = rows.filter((_, i) => all[i] === all[i]);
  if (answered.length < 2) return undefined;
  const labelled = {
    labels: Uint8Array.from(answered, ({ label }) => label),
    groups: Uint32Array.from(answered, ({ group }) => group),
    weights: Float64Array.from(answered, ({ weight }) => weight),
  };
  const own = Float64Array.from(all.filter((logit) => logit === logit));
  const losses = lossesOf(labelled, own.map(probabilityOf));
  const groups = numberGroups(labelled.groups);
  const z = -normalQuantile((1 - confidenceLevel) / 2);
  const exchanged = exchangedValues(predictor, answered, logitOf);
  /** Returns the log-odds of the first rows with the values that a field has in other rows. */
  const permuted = (field: number, rowCount: number) => exchanged(field, permutation(rowCount, seed + field));
  const chosen = chosenFields(predictor.fields.length, answered.length, (field, rowCount) => {
    const others = permuted(field, rowCount);
    return others.reduce((sum, logit, i) => sum + (logit === logit ? Math.abs(logit - own[i]) : 0), 0);
  });
  const fields = chosen.map((field) => {
    // A value that is invalid beside another field's leaves the row as it is.
    const others = lossesOf(labelled, permuted(field, answered.length).map(probabilityOf))
      .map((loss, i) => loss === loss ? loss : losses[i]);
    const { difference, standard_error: error } = pairedTest(labelled, groups, losses, others);
    return {
      field: predictor.fields[field].name,
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

/** Returns a function that gives the log-odds of the first rows, of which each has the value of a field that another one has. */
function exchangedValues(
  { additive, fields }: Predictor,
  rows: readonly SampledRow[],
  logitOf: (features: SampledRow["features"]) => number,
): (field: number, order: Uint32Array) => Float64Array {
  if (additive) {
    const parts = rows.map(({ features }) => additive.partsOf(features));
    return (field, order) => exchange(parts, additive.places[field], order, additive.logitOf);
  }
  const copies = rows.map(({ features }) => ({ ...features }));
  return (field, order) => exchange(copies, fields[field].name, order, logitOf);
}

/** Scores each row with the value that row `order[i]` has at a place. */
function exchange<Place extends PropertyKey, Value, Row extends Record<Place, Value>>(
  rows: readonly Row[],
  place: Place,
  order: Uint32Array,
  scoreOf: (row: Row) => number,
): Float64Array {
  const values = Array.from(order, (_, i) => rows[i][place]);
  return Float64Array.from(values, (value, i) => {
    const row = rows[i];
    row[place] = values[order[i]];
    const score = scoreOf(row);
    row[place] = value;
    return score;
  });
}

/** Returns the fields to measure, in ascending order: all if that is affordable. @param moved Of a field, by some of the rows. */
function chosenFields(
  fieldCount: number,
  rowCount: number,
  moved: (field: number, rowCount: number) => number,
): number[] {
  const fields = Array.from({ length: fieldCount }, (_, field) => field);
  if (fieldCount <= fieldsMax || fieldCount ** 2 * rowCount <= termsMax) return fields;
  const rows = Math.min(rowCount, Math.max(screeningRowsMin, Math.floor(termsMax / fieldCount ** 2)));
  const movements = fields.map((field) => moved(field, rows));
  return fields.sort((a, b) => movements[b] - movements[a] || a - b).slice(0, fieldsMax).sort((a, b) =>
    a - b
  );
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
