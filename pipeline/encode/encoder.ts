import { log1p } from "../math/elementary.ts";
import type { ValueType } from "../examples/level.ts";
import type { CategoricalSpec, NumericSpec } from "../examples/feature_types.ts";
import type { FeatureSpec } from "../examples/spec.ts";

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

export type FeatureEncoder = NumericEncoder | CategoricalEncoder;

/** Maps raw fields to columns. It is part of the artifact, so serving encodes as training did. */
export interface Encoder {
  readonly features: readonly FeatureEncoder[];
  readonly columnCount: number;
  /** Their columns follow those of the fields. */
  readonly crosses?: readonly CrossEncoder[] | undefined;
}

/** Summary of one field over the training rows, from which the encoder is fitted. */
export type FieldSummary =
  | {
    readonly type: "numeric";
    readonly impute: number;
    readonly mean: number;
    readonly scale: number;
    readonly edges?: readonly number[] | undefined;
  }
  | { readonly type: "categorical"; readonly values: ValueType; readonly levels: readonly string[] };

/** Creates an encoder whose columns are in the order of the spec's fields. */
export function createEncoder(spec: FeatureSpec, summaries: readonly FieldSummary[]): Encoder {
  let column = 0;
  const features = spec.features.map((feature, i): FeatureEncoder => {
    const summary = summaries[i];
    const encoder = encoderOf(feature, summary, column);
    column += widthOf(encoder);
    return encoder;
  });
  return { features, columnCount: column };
}

function encoderOf(
  feature: NumericSpec | CategoricalSpec,
  summary: FieldSummary,
  column: number,
): FeatureEncoder {
  if (feature.type === "numeric" && summary.type === "numeric") {
    const { name, nullable, transform, missingIndicator } = feature;
    const { impute, mean, scale, edges } = summary;
    const own = { name, nullable, transform, impute, mean, scale, column, missingIndicator };
    return { type: "numeric", ...own, ...(edges ? { edges } : {}) };
  }
  if (feature.type === "categorical" && summary.type === "categorical") {
    // By code units, not by locale: the order is the same on every machine.
    const levels = [...summary.levels].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const { name, nullable, hash } = feature;
    const own = { name, nullable, values: summary.values };
    if (hash !== undefined) return { type: "categorical", ...own, levels: [], buckets: hash, column };
    return { type: "categorical", ...own, levels, column };
  }
  throw new Error(`the summary of ${feature.name} is of another type`);
}

/** Returns the count of columns of a field. */
export function widthOf(feature: FeatureEncoder): number {
  if (feature.type === "categorical") return positionCountOf(feature);
  const bins = feature.edges ? feature.edges.length + 1 : 0;
  return (feature.missingIndicator ? 2 : 1) + bins;
}

/** Returns the count of columns for known levels. The columns of missing and unseen values follow them. */
export function levelCountOf({ levels, buckets }: CategoricalEncoder): number {
  return buckets ?? levels.length;
}

/** Returns the count of a field's levels or bins, plus missing, plus unseen for levels. 0 for a number without bins. */
export function positionCountOf(feature: FeatureEncoder): number {
  if (feature.type === "categorical") return levelCountOf(feature) + 2;
  return feature.edges ? feature.edges.length + 2 : 0;
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
