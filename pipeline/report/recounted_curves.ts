import { bucketsOf, createCategoryReader } from "../encode/category_positions.ts";
import { rowTimeOf } from "../encode/cross_lookup.ts";
import { type Encoder, type FeatureEncoder, levelCountOf, type LeveledEncoder } from "../encode/encoder.ts";
import type { ColumnValues, Value } from "../evaluate/divisions.ts";
import { ageOf, partCounts, partValues, positionOfPart } from "../examples/time_parts.ts";
import type { CurvePart, FieldCurve, PredictedCounts } from "./model_report.ts";
import { shortName } from "./short_name.ts";

/** Rows that were evaluated, with the values of their fields. */
export interface EvaluatedValues {
  readonly fields: readonly ColumnValues[];
  /** Shape (rows). */
  readonly probabilities: Float64Array;
  readonly labels: Uint8Array;
  readonly weights?: Float64Array | undefined;
  /** Whether a row was evaluated: a model may not have answered it. */
  readonly isAnswered: (row: number) => boolean;
}

const none: PredictedCounts = { rows: 0, clicks: 0, predicted: 0 };

/**
 * Counts the rows of each part of the curves. Curves of what rows do not have as a value by itself, such as words, the rate of a level
 * or a field that is served as a fixed value, are left without evaluated rows.
 */
export function recountedCurves(
  curves: readonly FieldCurve[],
  encoder: Pick<Encoder, "features">,
  rows: EvaluatedValues,
): FieldCurve[] {
  return curves.map((curve) => {
    const feature = encoder.features.find(({ name }) => name === curve.field);
    const values = rows.fields.find(({ name }) => name === curve.field);
    const parts = withAbsent(curve.parts, feature);
    const partOf = feature && feature.servedAs === undefined
      ? partReader({ ...curve, parts }, feature)
      : undefined;
    if (!values || !partOf) {
      return { ...curve, parts: curve.parts.map((part) => ({ ...part, evaluated: none })) };
    }
    const counts = countParts(values.codesBy(partOf), parts.length, rows);
    return {
      ...curve,
      parts: parts.map((part, i) => ({ ...part, evaluated: counts[i] }))
        .filter((part, i) => i < curve.parts.length || part.evaluated.rows > 0),
    };
  });
}

/** @param codes The part of each row; −1 for a value that is not among them. */
function countParts(
  codes: Int32Array,
  partCount: number,
  { probabilities, labels, weights, isAnswered }: EvaluatedValues,
): PredictedCounts[] {
  const counts = Array.from({ length: partCount }, () => ({ rows: 0, clicks: 0, predicted: 0 }));
  for (let i = 0; i < codes.length; i++) {
    if (codes[i] < 0 || !isAnswered(i)) continue;
    const [part, weight] = [counts[codes[i]], weights ? weights[i] : 1];
    part.rows += weight;
    part.clicks += weight * labels[i];
    part.predicted += weight * probabilities[i];
  }
  return counts;
}

/** Adds the parts of missing values and unseen levels, which the rows of the training may not have had. */
function withAbsent(parts: readonly CurvePart[], feature: FeatureEncoder | undefined): readonly CurvePart[] {
  const others = feature && isLeveled(feature) ? ["missing", "unseen"] as const : ["missing"] as const;
  const absent = others.filter((is) => parts.every((part) => part.is !== is));
  const train = { rows: 0, clicks: 0 };
  return [...parts, ...absent.map((is) => ({ name: is, is, effect: null, train, evaluated: none }))];
}

function isLeveled(feature: FeatureEncoder): feature is LeveledEncoder {
  return feature.type === "categorical" || feature.type === "ordinal" || feature.type === "levels";
}

/** Returns a function that gives the part of a value, −1 for none; undefined if a value by itself has no part. */
function partReader(
  { part, type, parts }: FieldCurve,
  feature: FeatureEncoder,
): ((value: Value) => number) | undefined {
  const ofMissing = parts.findIndex(({ is }) => is === "missing");
  if (isLeveled(feature)) return levelReader(parts, feature);
  const numberOf = createRangeReader(parts);
  const partOfNumber = (value: number) => value === value ? numberOf(value) : ofMissing;
  if (type === "numeric") return (value) => partOfNumber(typeof value === "number" ? value : NaN);
  if (feature.type !== "time" && feature.type !== "clock") return undefined;
  if (part === "hour" || part === "weekday" || part === "month") {
    const positionOf = positionOfPart(part);
    const places = [...partValues[part], "missing"].map((name) =>
      parts.findIndex((one) => one.name === name)
    );
    return (value) => places[Math.min(partCounts[part], positionOf(rowTimeOf(value)))];
  }
  const { since = 0 } = feature;
  // An age that is counted from another field is not of one value.
  if (part !== "age" || typeof since !== "number") return undefined;
  return (value) => partOfNumber(ageOf(rowTimeOf(value), since));
}

function levelReader(parts: readonly CurvePart[], feature: LeveledEncoder): (value: Value) => number {
  const read = createCategoryReader(feature);
  const isHashed = bucketsOf(feature) !== undefined;
  const count = levelCountOf(feature);
  const nameOf = (position: number) =>
    position >= count
      ? ["missing", "unseen"][position - count]
      : shortName(isHashed ? `bucket ${position}` : feature.levels[position]);
  const places = new Map(parts.map(({ name, is }, i) => [is ?? `=${name}`, i]));
  return (value) => {
    const position = read(value);
    if (position < 0) return -1;
    const name = nameOf(position);
    return places.get(position < count ? `=${name}` : name) ?? -1;
  };
}

/** Returns a function that gives the part whose range has a number: below the first and above the last, these. */
function createRangeReader(parts: readonly CurvePart[]): (value: number) => number {
  const ranges = parts.flatMap(({ from, to, is }, i) =>
    is === undefined ? [{ from: from ?? -Infinity, to: to ?? Infinity, i }] : []
  );
  return (value) => {
    let [low, high] = [0, ranges.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (ranges[middle].from <= value) low = middle;
      else high = middle - 1;
    }
    if (high < 0) return -1;
    const { to, i } = ranges[low];
    // Between two parts may be a range that had no row.
    return value < to || low === ranges.length - 1 || ranges[low + 1].from === to ? i : -1;
  };
}
