import {
  encodeNumeric,
  type FeatureEncoder,
  levelCountOf,
  type LeveledEncoder,
  type NumericEncoder,
  type TimeEncoder,
  transformed,
  type WordsEncoder,
} from "../encode/encoder.ts";
import { createCategoryReader, ordinaryPositions } from "../encode/category_positions.ts";
import { divisionsOf, positionIn } from "../encode/divisions.ts";
import { isTimeFeature, misreadTime } from "../encode/time_feature.ts";
import { inputsOf } from "../examples/input_columns.ts";
import { clearFindings, createFindings } from "./findings.ts";
import { probabilityOf, type ServableModel } from "./predictor.ts";
import { fieldsOf } from "./signature.ts";
import { createTerm, partAt } from "./terms.ts";

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

/** Adds a feature's part to the log-odds of all rows. @param columns Values of all fields. */
type AddFeature = (
  columns: readonly (readonly unknown[])[],
  logits: Float64Array,
  findings: ColumnFindings,
) => void;

/** @returns undefined for a model with hidden layers, crosses or rates, whose log-odds are not sums over single features. */
export function createColumnPredictor(model: ServableModel): ColumnPredictor | undefined {
  if (model.network || model.encoder.crosses || model.encoder.rates) return undefined;
  const { encoder: { features }, coefficients, intercept } = model;
  const names = fieldsOf(model.encoder).map(({ name }) => name);
  const adders = features.map((feature) => adderOf(feature, coefficients, names));
  return (columns, rowCount, findings) => {
    // Features are added in the order of the encoder, so that each sum has the terms of the predictor in its order.
    const logits = new Float64Array(rowCount).fill(intercept);
    for (const add of adders) add(columns, logits, findings);
    return logits;
  };
}

function adderOf(
  feature: FeatureEncoder,
  coefficients: ArrayLike<number>,
  names: readonly string[],
): AddFeature {
  if (feature.servedAs !== undefined) return servedAdder(feature, coefficients, names);
  const field = names.indexOf(feature.name);
  switch (feature.type) {
    case "numeric":
      return numericAdder(feature, coefficients, field);
    case "time":
    case "words":
      return termAdder(feature, coefficients, names);
    default:
      return levelAdder(feature, coefficients, field);
  }
}

function numericAdder(
  feature: NumericEncoder,
  coefficients: ArrayLike<number>,
  field: number,
): AddFeature {
  const { column, missingIndicator, nullable } = feature;
  const coefficient = coefficients[column];
  const addDivided = dividedAdder(feature, coefficients);
  const ofMissing = encodeNumeric(feature, NaN) * coefficient +
    (missingIndicator ? coefficients[column + 1] : 0);
  const isTime = isTimeFeature(feature);
  return (columns, logits, { missing }) => {
    const values = columns[field];
    for (let i = 0; i < logits.length; i++) {
      let value = values[i];
      if (typeof value === "bigint") value = Number(value);
      if (typeof value === "number" && Number.isFinite(value)) {
        const part = isTime && misreadTime(value) !== undefined
          ? NaN
          : encodeNumeric(feature, value) * coefficient;
        // As in the predictor, a value whose encoding is infinite is too large.
        logits[i] += Number.isFinite(part) ? addDivided(part, value) : NaN;
      } else if (value === null && nullable) {
        missing[field]++;
        logits[i] += ofMissing;
      } else logits[i] = NaN;
    }
  };
}

/** Returns a function that adds the log-odds of a number's bins and exact value to the part of the number itself. */
function dividedAdder(
  feature: NumericEncoder,
  coefficients: ArrayLike<number>,
): (part: number, value: number) => number {
  const divisions = divisionsOf(feature);
  if (divisions.length === 0) return (part) => part;
  return (part, value) => {
    const shown = transformed(feature.transform, value);
    let sum = part;
    for (const division of divisions) {
      const position = positionIn(division, value, shown);
      if (position < division.count) sum += coefficients[division.column + position];
    }
    return sum;
  };
}

function levelAdder(feature: LeveledEncoder, coefficients: ArrayLike<number>, field: number): AddFeature {
  const { nullable } = feature;
  const levelCount = levelCountOf(feature);
  const ordinary = ordinaryPositions(feature);
  const read = createCategoryReader(feature, ordinary);
  const own = Float64Array.from(
    { length: levelCount + 2 },
    (_, position) => partAt(feature, position, coefficients),
  );
  return (columns, logits, { unseen, missing }) => {
    const values = columns[field];
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

/** By the predictor's own term, whose value is the same for all rows unless it depends on other fields. */
function servedAdder(
  feature: FeatureEncoder,
  coefficients: ArrayLike<number>,
  names: readonly string[],
): AddFeature {
  const term = createTerm(feature, {
    coefficients,
    deep: undefined,
    crossing: undefined,
    names,
    rateTime: undefined,
  });
  const others = inputsOf(feature).slice(1).map(({ name }) => names.indexOf(name));
  const findings = createFindings();
  const members: unknown[] = names.map(() => undefined);
  return (columns, logits) => {
    for (let i = 0; i < logits.length; i++) {
      for (const field of others) members[field] = columns[field][i];
      logits[i] += term(undefined, findings, members);
      clearFindings(findings);
    }
  };
}

/** By the predictor's own term: a time or a text takes as long either way. */
function termAdder(
  feature: TimeEncoder | WordsEncoder,
  coefficients: ArrayLike<number>,
  names: readonly string[],
): AddFeature {
  const options = { coefficients, deep: undefined, crossing: undefined, names, rateTime: undefined };
  const term = createTerm(feature, options);
  const inputs = inputsOf(feature).map(({ name }) => names.indexOf(name));
  const [own] = inputs;
  const findings = createFindings();
  const members: unknown[] = names.map(() => undefined);
  return (columns, logits, { unseen, missing }) => {
    for (let i = 0; i < logits.length; i++) {
      for (const field of inputs) members[field] = columns[field][i];
      logits[i] += term(members[own], findings, members);
      for (const name of findings.missing) missing[names.indexOf(name)]++;
      for (const name of findings.unseen) unseen[names.indexOf(name)].push(i);
      clearFindings(findings);
    }
  };
}

/** Replaces log-odds by probabilities, in place. */
export function toProbabilities(logits: Float64Array): Float64Array {
  for (let i = 0; i < logits.length; i++) logits[i] = probabilityOf(logits[i]);
  return logits;
}
