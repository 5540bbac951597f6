import { encodeNumeric, type NumericEncoder, transformed } from "../encode/encoder.ts";
import { divisionsOf, positionIn } from "../encode/divisions.ts";
import { isTimeFeature, misreadTime } from "../encode/time_feature.ts";
import { createCellResults } from "./cell_results.ts";
import type { AddFeature } from "./column_findings.ts";

/** Returns a function that adds the parts of a numeric field, with its bins and exact values. @param field Its index. */
export function numericAdder(
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
  const isPlain = !isTime && divisionsOf(feature).length === 0;
  /** @returns NaN for a value that the predictor rejects. */
  const partOf = (value: number): number => {
    const part = isTime && misreadTime(value) !== undefined ? NaN : scaledPart(feature, coefficient, value);
    return part === part ? addDivided(part, value) : NaN;
  };
  const resultOf = createCellResults((cell) => partOf(Number(cell)));
  return (columns, logits, { missing }, typed) => {
    const column = typed[field];
    const addMissing = (i: number) => {
      if (nullable) missing[field]++;
      logits[i] += nullable ? ofMissing : NaN;
    };
    if (column?.type === "INTEGER" || column?.type === "REAL") {
      const { nulls } = column;
      // This number of values is that of a dictionary, whose entries differ.
      if (isPlain && column.type === "REAL" && logits.length > entriesAtOnce) {
        addScaledParts(feature, coefficient, column, logits);
        for (let i = 0; i < logits.length; i++) if (nulls[i] === 1) addMissing(i);
        return;
      }
      const partAt = resultOf(column);
      for (let i = 0; i < logits.length; i++) {
        if (nulls[i] === 1) addMissing(i);
        else logits[i] += partAt(i);
      }
      return;
    }
    const values = columns[field];
    for (let i = 0; i < logits.length; i++) {
      const value = values[i];
      if (typeof value === "number" || typeof value === "bigint") logits[i] += partOf(Number(value));
      else if (value === null) addMissing(i);
      else logits[i] = NaN;
    }
  };
}

/** V8 compiles a function that is called often; a long loop it compiles at each call. */
const entriesAtOnce = 1_024;

/** Adds the parts of all values that are not null. */
function addScaledParts(
  feature: NumericEncoder,
  coefficient: number,
  { values, nulls }: { readonly values: Float64Array; readonly nulls: Uint8Array },
  logits: Float64Array,
): void {
  for (let from = 0; from < logits.length; from += entriesAtOnce) {
    const to = Math.min(logits.length, from + entriesAtOnce);
    addScaledPartsOf(feature, coefficient, values, nulls, logits, from, to);
  }
}

function addScaledPartsOf(
  feature: NumericEncoder,
  coefficient: number,
  values: Float64Array,
  nulls: Uint8Array,
  logits: Float64Array,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    if (nulls[i] === 0) logits[i] += scaledPart(feature, coefficient, values[i]);
  }
}

/** @returns NaN for a value that is not finite or, as in the predictor, too large: its encoding is infinite. */
function scaledPart(feature: NumericEncoder, coefficient: number, value: number): number {
  if (!Number.isFinite(value)) return NaN;
  const part = encodeNumeric(feature, value) * coefficient;
  return Number.isFinite(part) ? part : NaN;
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
