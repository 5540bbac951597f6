import { exp, log1p } from "../math/elementary.ts";
import type { ValueType } from "../examples/level.ts";
import { type CyclicPart, partCounts } from "../examples/time_parts.ts";
import { divisionsOf, type Resolution } from "./divisions.ts";

/** The value with which every row is scored, in place of the field's own. */
export type ServedValue = string | number | boolean | null;

/** The encoder of one field. */
interface FieldEncoder {
  readonly name: string;
  /** Whether a row may lack the field. */
  readonly nullable: boolean;
  /** Its first column; where it would be, for a field that is only looked up in tables. */
  readonly column: number;
}

/** The encoder of a field whose values are levels. */
interface LevelsOf extends FieldEncoder {
  /** Type of its values in training. */
  readonly values: ValueType;
  /** In ascending order of code units. */
  readonly levels: readonly string[];
}

/** The encoder of a time. */
interface TimeOf extends FieldEncoder {
  readonly parts: readonly CyclicPart[];
  /** What the age is counted from: another column, or a time in microseconds. */
  readonly since?: string | number | undefined;
}

/** The encoder of one numeric field, fitted on the training rows. */
export interface NumericEncoder extends FieldEncoder {
  readonly type: "numeric";
  readonly transform: "none" | "log1p";
  /** Replaces a missing value, in the field's unit. */
  readonly impute: number;
  /** The column is (transform(x) − mean) / scale. */
  readonly mean: number;
  readonly scale: number;
  /** Column of the value. The indicator of missing values, if any, is the next one; then come bins, then exact values. */
  readonly column: number;
  readonly missingIndicator: boolean;
  /** Bin edges of the transformed value, ascending; absent if the field has no bins, or those of several counts. */
  readonly edges?: readonly number[] | undefined;
  /** Bins of several counts, the coarsest first. */
  readonly resolutions?: readonly Resolution[] | undefined;
  /** Exact values that have a column, ascending, in the field's unit. */
  readonly exactValues?: readonly number[] | undefined;
}

/** The encoder of one categorical field: one column per level, then one for missing, one for unseen. */
export interface CategoricalEncoder extends FieldEncoder {
  readonly type: "categorical";
  /** Type of its values in training; absent for a model that does not record it. */
  readonly values?: ValueType | undefined;
  /** In ascending order of code units; empty if levels are hashed. */
  readonly levels: readonly string[];
  /** If levels are hashed: count of columns that they share, in place of one per level. */
  readonly buckets?: number | undefined;
}

/** Fields whose levels, bins or exact values are combined. */
export interface CombinedFields {
  /** Names of fields with levels, bins or exact values, in the order of the encoder. */
  readonly of: readonly string[];
  /** Per field: the index among its divisions of the one that is combined, 0 for a field with levels; absent if all are 0. */
  readonly divisions?: readonly number[] | undefined;
}

/** Fields whose combinations have columns. */
export interface CrossEncoder extends CombinedFields {
  /**
   * Combinations that have a column, ascending. A key has the fields' positions as mixed-radix digits, the first field's the
   * most significant, each to the base of its field's number of positions.
   */
  readonly keys: readonly number[];
  /** Column of the first key. The columns of the other keys follow. */
  readonly column: number;
}

/** The encoder of one ordinal field: a column per level above the first, which is 1 from there upwards; then missing, unseen. */
export interface OrdinalEncoder extends LevelsOf {
  readonly type: "ordinal";
  /** In ascending order, as the spec has them. */
  readonly levels: readonly string[];
}

/** The encoder of one time: the columns of its parts, as `cyclicColumnsOf` has them, then those of its age. */
export interface TimeEncoder extends TimeOf {
  readonly type: "time";
  readonly age?: NumericEncoder | undefined;
}

/** The encoder of one field of texts: one column per word, then one for missing. A row has a 1 in the column of each of its words. */
export interface WordsEncoder extends FieldEncoder {
  readonly type: "words";
  /** Type of its values in training. */
  readonly values: ValueType;
  /** In ascending order of code units. */
  readonly words: readonly string[];
  /** How many different known words of a text count: the first ones. */
  readonly wordsMax: number;
}

/** The encoder of a field whose only column is the click rate of its level. The rates are in the encoder's `rates`. */
export interface RateFieldEncoder extends LevelsOf {
  readonly type: "rate";
}

/** A number that is looked up in tables and has no column itself. Its positions are its bins, then missing. */
export interface BinnedEncoder extends FieldEncoder {
  readonly type: "binned";
  /** In the field's unit, ascending. */
  readonly edges: readonly number[];
}

/** A category that is looked up in tables and has no column itself. Its positions are its levels, then missing, then unseen. */
export interface LevelsEncoder extends LevelsOf {
  readonly type: "levels";
}

/** A time whose parts and age are looked up in tables and have no columns. */
export interface ClockEncoder extends TimeOf {
  readonly type: "clock";
  /** Bin edges of the age in days, ascending; absent if the age is not looked up. */
  readonly ageEdges?: readonly number[] | undefined;
}

/** A field that is looked up in tables. */
export type TableFieldEncoder = BinnedEncoder | LevelsEncoder | ClockEncoder;

/** Log-odds by the positions of one or two axes of fields, in one column: the value of a row is its cell. */
export interface TableEncoder {
  /** Names of axes, in the order of `axesOf`: of a field, or of a part of a time. */
  readonly of: readonly string[];
  /** Per axis the table's row, or column, of each position, as `packPositions` packs them. */
  readonly positions: readonly string[];
  /** Row by row, as `packCells` packs them. */
  readonly cells: string;
  readonly column: number;
}

/** How the rows of a rate lose weight with their age. */
export interface RateDecay {
  /** Name of the field that has a row's time. */
  readonly time: string;
  /** Time after which a row counts half, in microseconds. */
  readonly halfLife: number;
  /** Time of the last training row, in microseconds since 1970, as of which the sums are. */
  readonly asOf: number;
}

/** The click rate of the training rows by the levels or bins of one or more fields, which has a column. */
export interface RateEncoder extends CombinedFields {
  /** Combinations that occur in the training rows, ascending, as the keys of a cross. */
  readonly keys: readonly number[];
  /** Weight of the training rows of each key. */
  readonly rows: readonly number[];
  /** Weight of those with label 1. */
  readonly clicks: readonly number[];
  /** The click rate of all training rows, in (0, 1). */
  readonly base: number;
  /** Weight of the base rate in each key's rate, in rows. */
  readonly prior: number;
  readonly decay?: RateDecay | undefined;
  /** That of the field, if it is of a single field of the type `rate`. */
  readonly column: number;
}

export type FeatureEncoder =
  & (
    | NumericEncoder
    | CategoricalEncoder
    | OrdinalEncoder
    | TimeEncoder
    | WordsEncoder
    | RateFieldEncoder
    | TableFieldEncoder
  )
  & { readonly servedAs?: ServedValue | undefined };

/** A field whose values are levels. */
export type LeveledEncoder = CategoricalEncoder | OrdinalEncoder | RateFieldEncoder | LevelsEncoder;

/** Maps raw fields to columns. It is part of the artifact, so serving encodes as training did. */
export interface Encoder {
  readonly features: readonly FeatureEncoder[];
  readonly columnCount: number;
  /** Their columns follow those of the fields. */
  readonly crosses?: readonly CrossEncoder[] | undefined;
  /** First those of the fields of the type `rate`; the columns of the others follow those of the crosses. */
  readonly rates?: readonly RateEncoder[] | undefined;
  /** Their columns are the last. */
  readonly tables?: readonly TableEncoder[] | undefined;
}

/** Returns the name of the field that has a row's time, as of which rates are; undefined if none decays. */
export function rateTimeOf({ rates = [] }: Pick<Encoder, "rates">): string | undefined {
  return rates.find(({ decay }) => decay !== undefined)?.decay?.time;
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
      return divisionsOf(feature).reduce((sum, { count }) => sum + count, feature.missingIndicator ? 2 : 1);
    case "categorical":
      return positionCountOf(feature);
    case "ordinal":
      return positionCountOf(feature) - 1;
    case "words":
      return feature.words.length + 1;
    case "rate":
      return 1;
    case "binned":
    case "levels":
    case "clock":
      return 0;
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

/**
 * Returns the count of a field's levels or bins, plus missing, plus unseen for levels or other for exact values. 0 for a field without
 * any.
 *
 * @param division Index among a numeric field's divisions.
 */
export function positionCountOf(feature: FeatureEncoder, division = 0): number {
  if (feature.type === "numeric") return divisionsOf(feature)[division]?.positionCount ?? 0;
  if (feature.type === "binned") return feature.edges.length + 2;
  return "levels" in feature ? levelCountOf(feature) + 2 : 0;
}

/** Returns the columns that are 1 at a position of a field with levels. */
export function columnsAt(feature: LeveledEncoder, position: number): number[] {
  const { column } = feature;
  if (feature.type === "categorical") return [column + position];
  if (feature.type === "rate" || feature.type === "levels") return [];
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

/** Inverts `transformed`. */
export function restored(transform: NumericEncoder["transform"], value: number): number {
  if (transform === "none") return value;
  return value < 0 ? 1 - exp(-value) : exp(value) - 1;
}

/** Returns the value of a numeric field's column. @param value In the field's unit; NaN is missing. */
export function encodeNumeric(feature: NumericEncoder, value: number): number {
  const present = value === value ? value : feature.impute;
  return (transformed(feature.transform, present) - feature.mean) / feature.scale;
}
