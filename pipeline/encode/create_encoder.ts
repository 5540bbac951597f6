import {
  binCountsOf,
  type FeatureType,
  type NumericSpec,
  type OrdinalSpec,
  type TimeSpec,
} from "../examples/feature_types.ts";
import { timeOf } from "../examples/input_columns.ts";
import { levelOf, type ValueType } from "../examples/level.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { cyclicParts } from "../examples/time_parts.ts";
import { Failure } from "../failure.ts";
import {
  type Encoder,
  type FeatureEncoder,
  type NumericEncoder,
  type TimeEncoder,
  widthOf,
} from "./encoder.ts";

/** Summary of a numeric column over the training rows. */
export interface NumericSummary {
  readonly type: "numeric";
  readonly impute: number;
  readonly mean: number;
  readonly scale: number;
  /** For each count of bins. */
  readonly edges: readonly (readonly number[])[];
  readonly exactValues?: readonly number[] | undefined;
}

/** Summary of one field over the training rows, from which the encoder is fitted. */
export type FieldSummary =
  | NumericSummary
  | { readonly type: "categorical" | "rate"; readonly values: ValueType; readonly levels: readonly string[] }
  | {
    readonly type: "words";
    readonly values: ValueType;
    readonly words: readonly string[];
    readonly wordsMax: number;
  }
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
    const levels = inOrder(summary.levels);
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
  if (feature.type === "words" && summary.type === "words") {
    const { values, words, wordsMax } = summary;
    return { type: "words", name, nullable, values, words: inOrder(words), wordsMax, column };
  }
  if (feature.type === "rate" && summary.type === "rate") {
    return { type: "rate", name, nullable, values: summary.values, levels: inOrder(summary.levels), column };
  }
  throw new Error(`the summary of ${name} is of another type`);
}

/** Sorts texts by code units, not by locale: the order is the same on every machine. */
function inOrder(texts: readonly string[]): string[] {
  return [...texts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function numericEncoder(
  spec: Omit<NumericSpec, "type">,
  { impute, mean, scale, edges, exactValues }: NumericSummary,
  column: number,
): NumericEncoder {
  const { name, nullable, transform, missingIndicator } = spec;
  const own = { name, nullable, transform, impute, mean, scale, column, missingIndicator };
  return {
    type: "numeric",
    ...own,
    ...(typeof spec.bins === "number" ? { edges: edges[0] } : {}),
    ...(typeof spec.bins === "object"
      ? { resolutions: binCountsOf(spec).map((bins, i) => ({ bins, edges: edges[i] })) }
      : {}),
    ...(exactValues ? { exactValues } : {}),
  };
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
