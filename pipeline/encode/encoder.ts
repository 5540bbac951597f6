import { log1p } from "../math/elementary.ts";
import type { ValueType } from "../examples/level.ts";
import type { CategoricalSpec, FeatureSpec, NumericSpec } from "../examples/spec.ts";

/** How one numeric field becomes its column, as fitted on the training rows. */
export interface NumericEncoder {
  readonly type: "numeric";
  readonly name: string;
  readonly nullable: boolean;
  readonly transform: "none" | "log1p";
  /** Stands for a missing value, in the field's own unit. */
  readonly impute: number;
  /** The column is (transform(x) − mean) / scale. */
  readonly mean: number;
  readonly scale: number;
  /** Column of the value; where there is an indicator of missing values it is the next one; then come the bins. */
  readonly column: number;
  readonly missingIndicator: boolean;
  /** Between bins, of the transformed value, ascending; absent where the field has none. */
  readonly edges?: readonly number[] | undefined;
}

/** How one categorical field becomes its columns: one per level, then one for missing, one for unseen. */
export interface CategoricalEncoder {
  readonly type: "categorical";
  readonly name: string;
  readonly nullable: boolean;
  /** What its values were in training; absent for a model that does not keep it. */
  readonly values?: ValueType | undefined;
  /** In ascending order of code units; none where they are hashed. */
  readonly levels: readonly string[];
  /** Where levels are hashed: columns that they share, in place of one per level. */
  readonly buckets?: number | undefined;
  readonly column: number;
}

/** Fields whose combinations have columns of their own. */
export interface CrossEncoder {
  /** Names of fields with levels or bins, in the order of the encoder. */
  readonly of: readonly string[];
  /**
   * Combinations that have a column, ascending: the fields' positions as digits of one number, the first field's the
   * highest, each to the base of its field's number of positions. All others have none.
   */
  readonly keys: readonly number[];
  /** Column of the first key; the others' follow. */
  readonly column: number;
}

export type FeatureEncoder = NumericEncoder | CategoricalEncoder;

/** All that turns raw fields into columns; it travels in the artifact, so serving encodes as training did. */
export interface Encoder {
  readonly features: readonly FeatureEncoder[];
  readonly columnCount: number;
  /** Their columns come after the fields' own. */
  readonly crosses?: readonly CrossEncoder[] | undefined;
}

/** Summary of one field over the training rows: what the encoder is fitted from. */
export type FieldSummary =
  | {
    readonly type: "numeric";
    readonly impute: number;
    readonly mean: number;
    readonly scale: number;
    readonly edges?: readonly number[] | undefined;
  }
  | { readonly type: "categorical"; readonly values: ValueType; readonly levels: readonly string[] };

/** Lays the fields' columns side by side, in the order of the spec. */
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
    // By code units and not by locale: the same order on every machine.
    const levels = [...summary.levels].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const { name, nullable, hash } = feature;
    const own = { name, nullable, values: summary.values };
    if (hash !== undefined) return { type: "categorical", ...own, levels: [], buckets: hash, column };
    return { type: "categorical", ...own, levels, column };
  }
  throw new Error(`the summary of ${feature.name} is of another type`);
}

/** How many columns a field has. */
export function widthOf(feature: FeatureEncoder): number {
  if (feature.type === "categorical") return positionCountOf(feature);
  const bins = feature.edges ? feature.edges.length + 1 : 0;
  return (feature.missingIndicator ? 2 : 1) + bins;
}

/** Columns for known levels: those after them are for missing and for unseen ones. */
export function levelCountOf({ levels, buckets }: CategoricalEncoder): number {
  return buckets ?? levels.length;
}

/** A field's levels or bins, with missing; of levels also the unseen. 0 for a number without bins. */
export function positionCountOf(feature: FeatureEncoder): number {
  if (feature.type === "categorical") return levelCountOf(feature) + 2;
  return feature.edges ? feature.edges.length + 2 : 0;
}

/** The transform before scaling. log1p keeps the sign, so that it has no pole and no gap. */
export function transformed(transform: NumericEncoder["transform"], value: number): number {
  if (transform === "none") return value;
  return value < 0 ? -log1p(-value) : log1p(value);
}

/** The value of a numeric field's column. @param value In the field's unit; NaN is missing. */
export function encodeNumeric(feature: NumericEncoder, value: number): number {
  const present = value === value ? value : feature.impute;
  return (transformed(feature.transform, present) - feature.mean) / feature.scale;
}

/**
 * The bin of a number: how many edges are not above it.
 *
 * @param edges Ascending.
 */
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
