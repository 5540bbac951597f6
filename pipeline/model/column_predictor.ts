import { binOf, encodeNumeric, type Encoder, levelCountOf, transformed } from "../encode/encoder.ts";
import { createCategoryReader, ordinaryPositions } from "../encode/category_positions.ts";
import { isTimeFeature, misreadTime } from "../encode/time_feature.ts";
import { probabilityOf, type ServableModel } from "./predictor.ts";

/** Results of checking many rows by columns. The caller may pass one object to several calls. */
export interface ColumnFindings {
  /** Per field in the model's order: indices of rows whose category did not occur in the training rows. */
  readonly unseen: number[][];
  /** Per field: number of rows with null. */
  readonly missing: Float64Array;
}

/**
 * Scores rows given as one array of values per field.
 *
 * @param columns In the order of the model's fields, shape (rows) each.
 * @returns Log-odds, shape (rows): bit for bit those of the predictor; NaN for rows that it rejects.
 */
export type ColumnPredictor = (
  columns: readonly (readonly unknown[])[],
  rowCount: number,
  findings: ColumnFindings,
) => Float64Array;

export function createColumnFindings(fieldCount: number): ColumnFindings {
  return { unseen: Array.from({ length: fieldCount }, () => []), missing: new Float64Array(fieldCount) };
}

/** Adds a field's part to the log-odds of all rows. */
type AddField = (
  values: readonly unknown[],
  logits: Float64Array,
  at: number,
  findings: ColumnFindings,
) => void;

/** @returns undefined for a model with hidden layers or crosses, whose log-odds are not sums over single fields. */
export function createColumnPredictor(model: ServableModel): ColumnPredictor | undefined {
  if (model.network || model.encoder.crosses) return undefined;
  const adders = model.encoder.features.map((feature) =>
    feature.type === "numeric"
      ? numericAdder(feature, model.coefficients)
      : categoricalAdder(feature, model.coefficients)
  );
  return (columns, rowCount, findings) => {
    // Fields are added in the order of the encoder, so that each sum has the terms of the predictor in its order.
    const logits = new Float64Array(rowCount).fill(model.intercept);
    adders.forEach((add, field) => add(columns[field], logits, field, findings));
    return logits;
  };
}

type Feature<T extends Encoder["features"][number]["type"]> = Extract<
  Encoder["features"][number],
  { type: T }
>;

function numericAdder(feature: Feature<"numeric">, coefficients: ArrayLike<number>): AddField {
  const { column, missingIndicator, nullable } = feature;
  const { edges, transform } = feature;
  const coefficient = coefficients[column];
  const firstBin = column + (missingIndicator ? 2 : 1);
  const ofMissing = encodeNumeric(feature, NaN) * coefficient +
    (missingIndicator ? coefficients[column + 1] : 0);
  const isTime = isTimeFeature(feature);
  return (values, logits, field, { missing }) => {
    for (let i = 0; i < logits.length; i++) {
      let value = values[i];
      if (typeof value === "bigint") value = Number(value);
      if (typeof value === "number" && Number.isFinite(value)) {
        const part = isTime && misreadTime(value) !== undefined
          ? NaN
          : encodeNumeric(feature, value) * coefficient;
        const ofBin = edges ? coefficients[firstBin + binOf(edges, transformed(transform, value))] : 0;
        // As in the predictor, a value whose encoding is infinite is too large.
        logits[i] += Number.isFinite(part) ? part + ofBin : NaN;
      } else if (value === null && nullable) {
        missing[field]++;
        logits[i] += ofMissing;
      } else logits[i] = NaN;
    }
  };
}

function categoricalAdder(feature: Feature<"categorical">, coefficients: ArrayLike<number>): AddField {
  const { column, nullable } = feature;
  const levelCount = levelCountOf(feature);
  const ordinary = ordinaryPositions(feature);
  const read = createCategoryReader(feature, ordinary);
  const own = Float64Array.from(
    { length: levelCount + 2 },
    (_, position) => coefficients[column + position],
  );
  return (values, logits, field, { unseen, missing }) => {
    for (let i = 0; i < logits.length; i++) {
      const known = ordinary.get(values[i]);
      if (known !== undefined) {
        logits[i] += own[known];
        continue;
      }
      const position = read(values[i]);
      if (position < 0 || (position === levelCount && !nullable)) {
        logits[i] = NaN;
        continue;
      }
      if (position === levelCount) missing[field]++;
      else if (position > levelCount) unseen[field].push(i);
      logits[i] += own[position];
    }
  };
}

/** Replaces log-odds by probabilities, in place. */
export function toProbabilities(logits: Float64Array): Float64Array {
  for (let i = 0; i < logits.length; i++) logits[i] = probabilityOf(logits[i]);
  return logits;
}
