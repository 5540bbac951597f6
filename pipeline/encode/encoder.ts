import { log1p } from "../math/elementary.ts";
import type { FeatureType, NumericSpec, OrdinalSpec, TimeSpec } from "../examples/feature_types.ts";
import { timeOf } from "../examples/input_columns.ts";
import { levelOf, type ValueType } from "../examples/level.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { type CyclicPart, cyclicParts, partCounts } from "../examples/time_parts.ts";
import { Failure } from "../failure.ts";

/** The value with which every row is scored, in place of the field's own. */
export type ServedValue = string | number | boolean | null;

/** The encoder of one numeric field, fitted on the training rows. */
export interface NumericEncoder {
  readonly type: "numeric";
  readonly name: string;
  readonly nullable: boolean;
  readonly transform: "none" | "log1p";
  /** Replaces a missing value, in the field's unit. */
  readonly impute: number;
  /** The column is (transform(x) − mean) / scale. */
  readonly mean: number;
  readonly scale: number;
  /** Column of the value. The indicator of missing values, if any, is the next one; then come the bins. */
  readonly column: number;
  readonly missingIndicator: boolean;
  /** Bin edges of the transformed value, ascending; absent if the field has no bins. */
  readonly edges?: readonly number[] | undefined;
}

/** The encoder of one categorical field: one column per level, then one for missing, one for unseen. */
export interface CategoricalEncoder {
  readonly type: "categorical";
  readonly name: string;
  readonly nullable: boolean;
  /** Type of its values in training; absent for a model that does not record it. */
  readonly values?: ValueType | undefined;
  /** In ascending order of code units; empty if levels are hashed. */
  readonly levels: readonly string[];
  /** If levels are hashed: count of columns that they share, in place of one per level. */
  readonly buckets?: number | undefined;
  readonly column: number;
}

/** Fields whose combinations have columns. */
export interface CrossEncoder {
  /** Names of fields with levels or bins, in the order of the encoder. */
  readonly of: readonly string[];
  /**
   * Combinations that have a column, ascending. A key has the fields' positions as mixed-radix digits, the first field's the
   * most significant, each to the base of its field's number of positions.
   */
  readonly keys: readonly number[];
  /** Column of the first key. The columns of the other keys follow. */
  readonly column: number;
}

/** The encoder of one ordinal field: a column per level above the first, which is 1 from there upwards; then missing, unseen. */
export interface OrdinalEncoder {
  readonly type: "ordinal";
  readonly name: string;
  readonly nullable: boolean;
  /** Type of its values in training. */
  readonly values: ValueType;
  /** In ascending order, as the spec has them. */
  readonly levels: readonly string[];
  readonly column: number;
}

/** The encoder of one time: the columns of its parts, as `cyclicColumnsOf` has them, then those of its age. */
export interface TimeEncoder {
  readonly type: "time";
  readonly name: string;
  readonly nullable: boolean;
  readonly parts: readonly CyclicPart[];
  /** What the age is counted from: another column, or a time in microseconds. */
  readonly since?: string | number | undefined;
  readonly age?: NumericEncoder | undefined;
  readonly column: number;
}

export type FeatureEncoder =
  & (NumericEncoder | CategoricalEncoder | OrdinalEncoder | TimeEncoder)
  & { readonly servedAs?: ServedValue | undefined };

/** A field whose values are levels. */
export type LeveledEncoder = CategoricalEncoder | OrdinalEncoder;

/** Maps raw fields to columns. It is part of the artifact, so serving encodes as training did. */
export interface Encoder {
  readonly features: readonly FeatureEncoder[];
  readonly columnCount: number;
  /** Their columns follow those of the fields. */
  readonly crosses?: readonly CrossEncoder[] | undefined;
}

/** Summary of a numeric column over the training rows. */
export interface NumericSummary {
  readonly type: "numeric";
  readonly impute: number;
  readonly mean: number;
  readonly scale: number;
  readonly edges?: readonly number[] | undefined;
}

/** Summary of one field over the training rows, from which the encoder is fitted. */
export type FieldSummary =
  | NumericSummary
  | { readonly type: "categorical"; readonly values: ValueType; readonly levels: readonly string[] }
  | { readonly type: "ordinal"; readonly values: ValueType }
  /** @property age Present if it is one of the parts. */
  | { readonly type: "time"; readonly age?: NumericSummary | undefined };

/** Creates an encoder whose columns are in the order of the spec's fields. */
export function createEncoder(spec: FeatureSpec, summaries: readonly FieldSummary[]): Encoder {
  let column = 0;
  const features = spec.features.map((feature, i): FeatureEncoder => {
    const summary = summaries[i];
    const encoder = encoderOf(feature, summary, column);
    column += widthOf(encoder);
    return feature.servedAs === undefined ? encoder : { ...encoder, servedAs: feature.servedAs };
  });
  return { features, columnCount: column };
}

function encoderOf(feature: FeatureType, summary: FieldSummary, column: number): FeatureEncoder {
  const { name, nullable } = feature;
  if (feature.type === "numeric" && summary.type === "numeric") {
    return numericEncoder(feature, summary, column);
  }
  if (feature.type === "categorical" && summary.type === "categorical") {
    // By code units, not by locale: the order is the same on every machine.
    const levels = [...summary.levels].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const { hash } = feature;
    const own = { name, nullable, values: summary.values };
    if (hash !== undefined) return { type: "categorical", ...own, levels: [], buckets: hash, column };
    return { type: "categorical", ...own, levels, column };
  }
  if (feature.type === "ordinal" && summary.type === "ordinal") {
    const { values } = summary;
    return { type: "ordinal", name, nullable, values, levels: ordinalLevels(feature, values), column };
  }
  if (feature.type === "time" && summary.type === "time") return timeEncoder(feature, summary.age, column);
  throw new Error(`the summary of ${name} is of another type`);
}

function numericEncoder(
  { name, nullable, transform, missingIndicator }: Omit<NumericSpec, "type">,
  { impute, mean, scale, edges }: NumericSummary,
  column: number,
): NumericEncoder {
  const own = { name, nullable, transform, impute, mean, scale, column, missingIndicator };
  return { type: "numeric", ...own, ...(edges ? { edges } : {}) };
}

/** Returns the levels of an ordinal field as the column's type spells them. @throws {Failure} `spec-invalid` if two are one. */
export function ordinalLevels({ name, levels }: OrdinalSpec, values: ValueType): string[] {
  const own = levels.map((level) => levelOf(values, level) ?? String(level));
  if (new Set(own).size === own.length) return own;
  throw new Failure(
    "spec-invalid",
    `The feature spec lists a level of ${name} twice: ${levels.join(", ")} are ${
      own.join(", ")
    } in a column of numbers.`,
  );
}

function timeEncoder(
  { name, nullable, parts, since }: TimeSpec,
  summary: NumericSummary | undefined,
  column: number,
): TimeEncoder {
  const cyclic = cyclicParts(parts);
  const own = { type: "time", name, nullable, parts: cyclic, column } as const;
  if (summary === undefined) return own;
  const ageColumn = column + widthOf(own);
  const age = numericEncoder({ ...ageSpecOf(name), nullable }, summary, ageColumn);
  return { ...own, ...(since === undefined ? {} : { since: timeOf(since) ?? since }), age };
}

/** Returns how the age of a time is encoded. */
export function ageSpecOf(name: string): NumericSpec {
  const own = { name: `${name}:age`, type: "numeric", impute: "mean", missingIndicator: true } as const;
  return { ...own, transform: "none", scale: "standard", nullable: true };
}

/** Returns the specs of all numeric columns that features have, in order: those of numeric fields, and of ages. */
export function numericSpecsOf({ features }: FeatureSpec): NumericSpec[] {
  return features.flatMap((feature) =>
    feature.type === "numeric"
      ? [feature]
      : feature.type === "time" && feature.parts.includes("age")
      ? [ageSpecOf(feature.name)]
      : []
  );
}

/** Returns the encoders of all numeric columns, in order. */
export function numericOf({ features }: Pick<Encoder, "features">): NumericEncoder[] {
  return features.flatMap((feature) =>
    feature.type === "numeric" ? [feature] : feature.type === "time" && feature.age ? [feature.age] : []
  );
}

/** Returns the count of columns of a field. */
export function widthOf(feature: FeatureEncoder): number {
  switch (feature.type) {
    case "numeric":
      return (feature.missingIndicator ? 2 : 1) + (feature.edges ? feature.edges.length + 1 : 0);
    case "categorical":
      return positionCountOf(feature);
    case "ordinal":
      return positionCountOf(feature) - 1;
    case "time":
      return feature.parts.reduce((sum, part) => sum + partCounts[part] + 1, 0) +
        (feature.age ? widthOf(feature.age) : 0);
  }
}

/** Returns the count of positions of known levels. Those of missing and unseen values follow them. */
export function levelCountOf(feature: LeveledEncoder): number {
  return feature.type === "categorical" && feature.buckets !== undefined
    ? feature.buckets
    : feature.levels.length;
}

/** Returns the count of a field's levels or bins, plus missing, plus unseen for levels. 0 for a field without either. */
export function positionCountOf(feature: FeatureEncoder): number {
  if (feature.type === "categorical" || feature.type === "ordinal") return levelCountOf(feature) + 2;
  return feature.type === "numeric" && feature.edges ? feature.edges.length + 2 : 0;
}

/** Returns the columns that are 1 at a position of a field with levels. */
export function columnsAt(feature: LeveledEncoder, position: number): number[] {
  const { column } = feature;
  if (feature.type === "categorical") return [column + position];
  const { length } = feature.levels;
  return position < length
    ? Array.from({ length: position }, (_, above) => column + above)
    : [column + position - 1];
}

/** Applies the transform before scaling. log1p keeps the sign, so that it has no pole and no gap. */
export function transformed(transform: NumericEncoder["transform"], value: number): number {
  if (transform === "none") return value;
  return value < 0 ? -log1p(-value) : log1p(value);
}

/** Returns the value of a numeric field's column. @param value In the field's unit; NaN is missing. */
export function encodeNumeric(feature: NumericEncoder, value: number): number {
  const present = value === value ? value : feature.impute;
  return (transformed(feature.transform, present) - feature.mean) / feature.scale;
}

/** Returns the bin of a number: the count of edges that are not above it. @param edges Ascending. */
export function binOf(edges: readonly number[], value: number): number {
  let from = 0;
  let to = edges.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (edges[middle] <= value) from = middle + 1;
    else to = middle;
  }
  return from;
}
