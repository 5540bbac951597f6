import { type Encoder, type FeatureEncoder, rateTimeOf } from "../encode/encoder.ts";
import { inputsOf, servedColumnsOf } from "../examples/input_columns.ts";
import type { ValueType } from "../examples/level.ts";

/** A raw field of the model's signature. */
export interface Field {
  readonly name: string;
  /** How its values are sent: a time is microseconds since 1970-01-01T00:00:00Z, or a text. */
  readonly type: "numeric" | "categorical" | "time";
  readonly nullable: boolean;
  /** Levels of a categorical field that have a coefficient or a rate. */
  readonly levels?: readonly string[];
  /** Number of words that the model knows, if the values of a categorical field are texts. */
  readonly wordCount?: number;
  /** Type of a categorical field's values in training, if the model keeps it. */
  readonly values?: ValueType;
}

/** Returns the raw fields that features read, each once, in the order of the features; at last the time as of which rates are. */
export function fieldsOf({ features, rates }: Pick<Encoder, "features" | "rates">): Field[] {
  const time = rateTimeOf({ rates });
  const names = new Set([
    ...servedColumnsOf(features).map(({ name }) => name),
    ...(time === undefined ? [] : [time]),
  ]);
  return [...names].map((name) => {
    const own = features.find((feature) => feature.name === name && feature.servedAs === undefined);
    const reader = own ?? features.find((feature) => inputsOf(feature).some((input) => input.name === name));
    return fieldOf(name, own, reader?.nullable ?? true);
  });
}

/** Returns the names of features that are served as fixed values, and are no fields: rows may have them, to no effect. */
export function unusedFieldsOf(encoder: Pick<Encoder, "features" | "rates">): string[] {
  const fields = new Set(fieldsOf(encoder).map(({ name }) => name));
  return encoder.features.map(({ name }) => name).filter((name) => !fields.has(name));
}

/** @param feature The feature of that name; undefined for a time that another one, or a rate, is counted from. */
function fieldOf(name: string, feature: FeatureEncoder | undefined, nullable: boolean): Field {
  if (feature === undefined || feature.type === "time" || feature.type === "clock") {
    return { name, type: "time", nullable };
  }
  if (feature.type === "numeric" || feature.type === "binned") return { name, type: "numeric", nullable };
  if (feature.type === "words") {
    return { name, type: "categorical", nullable, values: feature.values, wordCount: feature.words.length };
  }
  const { levels, values } = feature;
  return { name, type: "categorical", nullable, levels, ...(values === undefined ? {} : { values }) };
}
