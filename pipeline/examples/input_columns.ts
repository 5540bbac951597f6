import { parseTime } from "../files/columns/field_value.ts";
import type { FeatureType } from "./feature_types.ts";

/** A column that features read, and the form in which examples have its values. */
export interface InputColumn {
  readonly name: string;
  readonly kind: "number" | "category";
}

/** The members of a feature, in a spec or an encoder, that determine which columns it reads. */
export interface ReadingFeature {
  readonly name: string;
  readonly type: FeatureType["type"] | "binned" | "levels" | "clock";
  /** A column, or a time as text or in microseconds. */
  readonly since?: string | number | undefined;
  /** Replaces the value of the feature's own column in serving. */
  readonly servedAs?: string | number | boolean | null | undefined;
}

/** Returns the columns that a feature reads, its own first. */
export function inputsOf({ name, type, since }: ReadingFeature): InputColumn[] {
  switch (type) {
    case "numeric":
    case "binned":
      return [{ name, kind: "number" }];
    case "time":
    case "clock":
      return [name, ...(typeof since === "string" && timeOf(since) === undefined ? [since] : [])]
        .map((name) => ({ name, kind: "number" }));
    case "categorical":
    case "ordinal":
    case "words":
    case "rate":
    case "levels":
      return [{ name, kind: "category" }];
  }
}

/** Returns the columns that features read, each once, in the order of the features. Examples have them in this order. */
export function inputColumnsOf(features: readonly ReadingFeature[]): InputColumn[] {
  return eachOnce(features.flatMap(inputsOf));
}

/** Returns the columns that features read in serving, likewise: not the own column of a feature that is served as a fixed value. */
export function servedColumnsOf(features: readonly ReadingFeature[]): InputColumn[] {
  return eachOnce(
    features.flatMap((feature) => inputsOf(feature).slice(feature.servedAs === undefined ? 0 : 1)),
  );
}

function eachOnce(inputs: readonly InputColumn[]): InputColumn[] {
  const columns = new Map<string, InputColumn>();
  for (const input of inputs) columns.getOrInsertComputed(`${input.kind} ${input.name}`, () => input);
  return [...columns.values()];
}

/** Returns a function that gives the index of an input among those of its kind. */
export function inputIndices(features: readonly ReadingFeature[]): (input: InputColumn) => number {
  const columns = inputColumnsOf(features);
  const ofKind = (kind: InputColumn["kind"]) => columns.filter((column) => column.kind === kind);
  const index = new Map(
    [...ofKind("number").entries(), ...ofKind("category").entries()]
      .map(([i, { kind, name }]) => [`${kind} ${name}`, i]),
  );
  return ({ kind, name }) => index.get(`${kind} ${name}`) ?? -1;
}

/** Returns a time in microseconds since 1970-01-01T00:00:00Z; undefined if the text is the name of a column. */
export function timeOf(text: string): number | undefined {
  const time = parseTime(text);
  return time === undefined || Number.isNaN(time) ? undefined : Number(time);
}
