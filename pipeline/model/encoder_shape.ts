import {
  type CombinedFields,
  type Encoder,
  type FeatureEncoder,
  type NumericEncoder,
  positionCountOf,
  widthOf,
} from "../encode/encoder.ts";
import { axesOf, isTableField, unpackTable } from "../encode/table_lookup.ts";
import { valueTypes } from "../examples/level.ts";
import {
  anyOf,
  between,
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

/** Edges of bins. */
const edges = list(finite, 0, 255);

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
  edges: optional(edges),
  resolutions: optional(list(object({ bins: integerFrom(2), edges }), 1, 8)),
  exactValues: optional(list(finite)),
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

const wordsEncoder = object({
  type: oneOf("words"),
  name: columnName,
  nullable: flag,
  values: oneOf(...valueTypes),
  words: list(text),
  wordsMax: integerFrom(1),
  column: count,
  servedAs,
});

const rateFieldEncoder = object({
  type: oneOf("rate"),
  name: columnName,
  nullable: flag,
  values: oneOf(...valueTypes),
  levels: list(text),
  column: count,
  servedAs,
});

/** Weight of rows: 0 if they have decayed, or have no time. */
const weight = between(0, Number.MAX_VALUE);

const rateEncoder = object({
  of: list(columnName, 1),
  divisions: optional(list(count)),
  keys: list(count),
  rows: list(weight),
  clicks: list(weight),
  base: between(0, 1),
  prior: positive,
  decay: optional(object({ time: columnName, halfLife: positive, asOf: finite })),
  column: count,
});

/** A field of tables has no columns itself. */
const tableField = { name: columnName, nullable: flag, column: count, servedAs };

const binnedEncoder = object({ type: oneOf("binned"), ...tableField, edges: list(finite, 0, 65_535) });

const levelsEncoder = object({
  type: oneOf("levels"),
  ...tableField,
  values: oneOf(...valueTypes),
  levels: list(text),
});

const clockEncoder = object({
  type: oneOf("clock"),
  ...tableField,
  parts: list(oneOf("hour", "weekday", "month")),
  since: optional(anyOf("a string or a finite number", columnName, finite)),
  ageEdges: optional(list(finite, 0, 65_535)),
});

const featureEncoder = variant("type", {
  binned: binnedEncoder,
  levels: levelsEncoder,
  clock: clockEncoder,
  numeric: numericEncoder,
  categorical: categoricalEncoder,
  ordinal: ordinalEncoder,
  time: timeEncoder,
  words: wordsEncoder,
  rate: rateFieldEncoder,
});

const crossEncoder = object({
  of: list(columnName, 2),
  divisions: optional(list(count)),
  keys: list(count),
  column: count,
});

const tableEncoder = object({
  of: list(derivedName, 1, 2),
  positions: list(text, 1, 2),
  cells: text,
  column: count,
});

/** The encoder of a model, as its metadata have it. */
export const encoder = object({
  features: list(featureEncoder, 1),
  columnCount: count,
  crosses: optional(list(crossEncoder)),
  rates: optional(list(rateEncoder)),
  tables: optional(list(tableEncoder)),
});

/** Counts the columns of an encoder. @returns NaN if the columns are not contiguous, or a cross, a rate or a table does not fit its fields. */
export function columnCountOf({ features, crosses = [], rates = [], tables }: Encoder): number {
  let columns = 0;
  for (const feature of features) {
    if (feature.column !== columns) return NaN;
    if (feature.type === "binned" && !ascends(feature.edges)) return NaN;
    if (feature.type === "clock" && !ascends(feature.ageEdges ?? [])) return NaN;
    if (tables === undefined && isTableField(feature)) return NaN;
    if (feature.type === "numeric" && !areDivided(feature)) return NaN;
    if (feature.type === "time" && feature.age) {
      const { age } = feature;
      if (age.column + widthOf(age) !== columns + widthOf(feature)) return NaN;
    }
    columns += widthOf(feature);
  }
  for (const cross of crosses) {
    if (cross.column !== columns || !fitsFields(cross, features)) return NaN;
    columns += cross.keys.length;
  }
  const own = features.filter(({ type }) => type === "rate");
  for (const [i, rate] of rates.entries()) {
    const isOwn = i < own.length;
    if (!fitsFields(rate, features) || rate.column !== (isOwn ? own[i].column : columns)) return NaN;
    if (rate.rows.length !== rate.keys.length || rate.clicks.length !== rate.keys.length) return NaN;
    if (!isOwn) columns++;
  }
  if (rates.length < own.length) return NaN;
  const axes = axesOf({ features });
  if (new Set(axes.map(({ name }) => name)).size < axes.length) return NaN;
  for (const table of tables ?? []) {
    if (table.column !== columns++ || unpackTable(table, axes) === undefined) return NaN;
  }
  return columns;
}

/** Returns whether edges and exact values ascend, and there are no bins of one count and of several. */
function areDivided({ edges, resolutions = [], exactValues = [] }: NumericEncoder): boolean {
  if (edges && resolutions.length > 0) return false;
  return [edges ?? [], ...resolutions.map((resolution) => resolution.edges), exactValues].every(ascends);
}

/** Returns whether the fields exist, in the order of the encoder, and have all combinations. */
function fitsFields(
  { of, divisions, keys }: CombinedFields & { readonly keys: readonly number[] },
  features: readonly FeatureEncoder[],
): boolean {
  // Fields are in the order of the encoder, so each must exist and occur once.
  const crossed = features.filter(({ name }) => of.includes(name));
  if (crossed.length !== of.length || crossed.some(({ name }, i) => name !== of[i])) return false;
  if (divisions && divisions.length !== of.length) return false;
  if (divisions?.some((division, i) => division > 0 && crossed[i].type !== "numeric")) return false;
  const counts = crossed.map((feature, i) => positionCountOf(feature, divisions?.[i]));
  if (counts.includes(0)) return false;
  const combinations = counts.reduce((product, count) => product * count, 1);
  return ascends(keys) && keys.every((key) => key < combinations);
}

function ascends(values: readonly number[]): boolean {
  return values.every((value, i) => i === 0 || value > values[i - 1]);
}
