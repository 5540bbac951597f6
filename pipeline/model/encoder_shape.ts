import { type Encoder, positionCountOf, widthOf } from "../encode/encoder.ts";
import { valueTypes } from "../examples/level.ts";
import {
  anyOf,
  finite,
  flag,
  integerFrom,
  list,
  none,
  object,
  oneOf,
  optional,
  positive,
  text,
  textOf,
  variant,
} from "./json_shape.ts";

const count = integerFrom(0);
const columnName = textOf(1, 256);
/** With the suffix of a derived column. */
const derivedName = textOf(1, 300);

const servedAs = optional(
  anyOf("a string, a finite number, true, false or null", text, finite, flag, none),
);

const numericEncoder = object({
  type: oneOf("numeric"),
  name: derivedName,
  nullable: flag,
  transform: oneOf("none", "log1p"),
  impute: finite,
  mean: finite,
  scale: positive,
  column: count,
  servedAs,
  missingIndicator: flag,
  edges: optional(list(finite, 0, 255)),
});

const categoricalEncoder = object({
  type: oneOf("categorical"),
  name: columnName,
  nullable: flag,
  /** Type of the values in training, which determines how spellings are read. Absent in models of 0.1.0. */
  values: optional(oneOf(...valueTypes)),
  levels: list(text),
  buckets: optional(integerFrom(2)),
  column: count,
  servedAs,
});

const ordinalEncoder = object({
  type: oneOf("ordinal"),
  name: columnName,
  nullable: flag,
  values: oneOf(...valueTypes),
  levels: list(text, 2),
  column: count,
  servedAs,
});

const timeEncoder = object({
  type: oneOf("time"),
  name: columnName,
  nullable: flag,
  parts: list(oneOf("hour", "weekday", "month")),
  since: optional(anyOf("a string or a finite number", columnName, finite)),
  age: optional(numericEncoder),
  column: count,
  servedAs,
});

const featureEncoder = variant("type", {
  numeric: numericEncoder,
  categorical: categoricalEncoder,
  ordinal: ordinalEncoder,
  time: timeEncoder,
});

const crossEncoder = object({
  of: list(columnName, 2),
  keys: list(count),
  column: count,
});

/** The encoder of a model, as its metadata have it. */
export const encoder = object({
  features: list(featureEncoder, 1),
  columnCount: count,
  crosses: optional(list(crossEncoder)),
});

/** Counts the columns of an encoder. @returns NaN if the columns are not contiguous, or a cross does not fit its fields. */
export function columnCountOf({ features, crosses = [] }: Encoder): number {
  let columns = 0;
  for (const feature of features) {
    if (feature.column !== columns) return NaN;
    if (feature.type === "numeric" && !ascends(feature.edges ?? [])) return NaN;
    if (feature.type === "time" && feature.age) {
      const { age } = feature;
      if (age.column + widthOf(age) !== columns + widthOf(feature)) return NaN;
    }
    columns += widthOf(feature);
  }
  for (const { of, keys, column } of crosses) {
    // Fields of a cross are in the order of the encoder, so each must exist and occur once.
    const crossed = features.filter(({ name }) => of.includes(name));
    if (crossed.length !== of.length || crossed.some(({ name }, i) => name !== of[i])) return NaN;
    const combinations = crossed.reduce((product, feature) => product * positionCountOf(feature), 1);
    if (column !== columns || !ascends(keys) || keys.some((key) => key >= combinations)) return NaN;
    columns += keys.length;
  }
  return columns;
}

function ascends(values: readonly number[]): boolean {
  return values.every((value, i) => i === 0 || value > values[i - 1]);
}
