import { binOf, encodeNumeric, type Encoder, levelCountOf, transformed } from "../encode/encoder.ts";
import { createCategoryReader, ordinaryPositions } from "../encode/category_positions.ts";
import { isTimeFeature, misreadTime } from "../encode/time_feature.ts";
import { probabilityOf, type ServableModel } from "./predictor.ts";

/** What scoring many rows by columns finds; the caller keeps one and hands it to each call. */
export interface ColumnFindings {
  /** Per field in the model's order: places of rows whose category the training rows did not have. */
  readonly unseen: number[][];
  /** Per field: rows that had null. */
  readonly missing: Float64Array;
}

/**
 * Scores rows that come as one array of values per field.
 *
 * @param columns In the order of the model's fields, each with as many values.
 * @returns Log-odds, shape (rows): to the last bit those of the predictor; NaN where a value is none that it answers.
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

/** @returns undefined for a model with hidden layers or crosses, whose rows are not sums of their fields alone. */
export function createColumnPredictor(model: ServableModel): ColumnPredictor | undefined {
  if (model.network || model.encoder.crosses) return undefined;
  const adders = model.encoder.features.map((feature) =>
    feature.type === "numeric"
      ? numericAdder(feature, model.coefficients)
      : categoricalAdder(feature, model.coefficients)
  );
  return (columns, rowCount, findings) => {
    // Field after field in the order of the encoder: each row's sum is that of the predictor, term by term.
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
        // As the predictor: what encoding makes infinite is too large.
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

/** Probabilities in place of the log-odds. */
export function toProbabilities(logits: Float64Array): Float64Array {
  for (let i = 0; i < logits.length; i++) logits[i] = probabilityOf(logits[i]);
  return logits;
}
