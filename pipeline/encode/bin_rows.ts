import { inputIndices } from "../examples/input_columns.ts";
import type { FeatureType, TimeSpec } from "../examples/feature_types.ts";
import { timeOf } from "../examples/input_columns.ts";
import { strideOf, type Walk } from "../examples/ordered_chunk.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { trainPart } from "../examples/split.ts";
import { ageOf, cyclicParts, partCounts, positionOfPart } from "../examples/time_parts.ts";
import { sharedUint16, sharedUint32 } from "../runtime/shared_memory.ts";
import { levelsWithRows } from "./bin_levels.ts";
import { binOf } from "./divisions.ts";
import type { TableFieldEncoder } from "./encoder.ts";
import { ordinalLevels } from "./create_encoder.ts";
import { quantileCuts } from "./quantile_cuts.ts";
import type { PooledLevels } from "./summarise.ts";

/** Bins of a field of numbers, besides that of missing values; as many as LightGBM's are useful up to. */
const binsMax = 1_023;

/** A field, or a part of a time, whose values are numbered bins: bin 0 is missing, or a level that is not known. */
export interface BinnedAxis {
  readonly name: string;
  /** Index of its feature in the spec. */
  readonly feature: number;
  readonly kind: "numeric" | "categorical";
  readonly binCount: number;
  /** The bin of each position: its bins or levels, then missing, then unseen for levels. */
  readonly binOfPosition: Int32Array;
  /** Edges of the bins of numbers. */
  readonly edges?: readonly number[] | undefined;
  /** Least and greatest number of the training rows; absent without one. */
  readonly range?: readonly [min: number, max: number] | undefined;
  /** Shape (rows): of all parts, chunk by chunk. */
  readonly codes: Uint16Array<SharedArrayBuffer> | Uint32Array<SharedArrayBuffer>;
}

/** All rows as bins, from which tables are found. */
export interface BinnedRows {
  readonly rowCount: number;
  /** In the order of the spec's features. */
  readonly axes: readonly BinnedAxis[];
  /** Per feature of the spec, as it is looked up; the edges are those of all bins. */
  readonly features: readonly TableFieldEncoder[];
  /** Levels that share the bin of unseen ones. */
  readonly pooled: readonly PooledLevels[];
  /** Names of features that cannot be looked up: texts, whose words are many at once. */
  readonly leftOut: readonly string[];
}

/**
 * Bins all rows by the training rows: a number by its quantiles, or each of its values if they are few; a category by its levels; an
 * ordinal in the order of its levels; a time by its parts. Yields after each feature.
 *
 * @param walk Chunks of rows in the order of their parts, as they were read.
 */
export function* binRows(
  walk: Walk,
  raw: Pick<RawExamples, "levels" | "types">,
  spec: FeatureSpec,
): Generator<void, BinnedRows> {
  const context = contextOf(walk, raw, spec);
  const axes: BinnedAxis[] = [];
  const pooled: PooledLevels[] = [];
  const features: TableFieldEncoder[] = [];
  for (const [i, feature] of spec.features.entries()) {
    const found = binFeature(feature, context);
    axes.push(...found.axes.map((axis) => ({ ...axis, feature: i })));
    pooled.push(...found.pooled ?? []);
    const served = feature.type === "words" ? { servedAs: null } : servedOf(feature);
    features.push({ ...found.encoder, ...served });
    yield;
  }
  const leftOut = spec.features.filter(({ type }) => type === "words").map(({ name }) => name);
  return { rowCount: context.rowCount, axes, features, pooled, leftOut };
}

function servedOf({ servedAs }: FeatureType) {
  return servedAs === undefined ? {} : { servedAs };
}

type Context = ReturnType<typeof contextOf>;

function contextOf(walk: Walk, { levels, types }: Pick<RawExamples, "levels" | "types">, spec: FeatureSpec) {
  let rowCount = 0;
  let trainRows = 0;
  for (const chunk of walk()) {
    rowCount += chunk.rowCount;
    trainRows += chunk.partEnds[trainPart];
  }
  const indexOf = inputIndices(spec.features);
  return {
    walk,
    levels,
    types,
    rowCount,
    trainRows,
    isWeighted: spec.weight !== undefined,
    numberAt: (name: string) => indexOf({ name, kind: "number" }),
    categoryAt: (name: string) => indexOf({ name, kind: "category" }),
  };
}

interface BinnedFeature {
  readonly encoder: TableFieldEncoder;
  readonly axes: readonly Omit<BinnedAxis, "feature">[];
  readonly pooled?: readonly PooledLevels[];
}

function binFeature(feature: FeatureType, context: Context): BinnedFeature {
  const { name, nullable } = feature;
  switch (feature.type) {
    case "numeric": {
      const axis = binNumbers(name, valueAt(context.numberAt(name)), context);
      return { encoder: { type: "binned", name, nullable, edges: axis.edges, column: 0 }, axes: [axis] };
    }
    case "time":
      return binTime(feature, context);
    case "words":
      return {
        encoder: { type: "levels", name, nullable: true, values: "text", levels: [], column: 0 },
        axes: [],
      };
    case "ordinal": {
      const field = context.categoryAt(name);
      const values = context.types[field];
      const levels = ordinalLevels(feature, values);
      const axis = binLevels(name, "numeric", { field, levels, missing: 0 }, context);
      return { encoder: { type: "levels", name, nullable, values, levels, column: 0 }, axes: [axis] };
    }
    default: {
      const field = context.categoryAt(name);
      const values = context.types[field];
      const minCount = feature.type === "categorical" ? feature.minCount : 1;
      const { levels, missingRows, pooled } = levelsWithRows(context, field, { name, minCount });
      const missing = missingRows ? levels.length + 1 : 0;
      const axis = binLevels(name, "categorical", { field, levels, missing }, context);
      return { encoder: { type: "levels", name, nullable, values, levels, column: 0 }, axes: [axis], pooled };
    }
  }
}

/** Returns a row's number. */
type NumberOf = (numeric: Float64Array, start: number) => number;

/** Infinite numbers, which serving rejects, count as missing. */
function valueAt(place: number): NumberOf {
  return (numeric, start) => {
    const value = numeric[start + place];
    return Number.isFinite(value) ? value : NaN;
  };
}

function binTime(feature: TimeSpec, context: Context): BinnedFeature {
  const { name, nullable, since } = feature;
  const micros = valueAt(context.numberAt(name));
  const parts = cyclicParts(feature.parts);
  const cyclic = parts.map((part) => {
    const count = partCounts[part];
    const positionOf = positionOfPart(part);
    return numbersAxis(`${name}:${part}`, count, context, (numeric, start) => {
      const position = positionOf(micros(numeric, start));
      return position === count ? 0 : position + 1;
    });
  });
  const own = { type: "clock", name, nullable, parts, column: 0 } as const;
  if (!feature.parts.includes("age")) return { encoder: own, axes: cyclic };
  const origin = since === undefined ? 0 : timeOf(since) ?? since;
  const from = typeof origin === "number" ? () => origin : valueAt(context.numberAt(origin));
  const age = binNumbers(
    `${name}:age`,
    (numeric, start) => ageOf(micros(numeric, start), from(numeric, start)),
    context,
  );
  return {
    encoder: { ...own, ...(since === undefined ? {} : { since: origin }), ageEdges: age.edges },
    axes: [...cyclic, age],
  };
}

function binNumbers(name: string, numberOf: NumberOf, context: Context) {
  const { walk, trainRows, isWeighted } = context;
  const values = new Float64Array(trainRows);
  const weights = new Float64Array(isWeighted ? trainRows : 0);
  let count = 0;
  for (const chunk of walk()) {
    const stride = strideOf(chunk);
    for (let i = 0; i < chunk.partEnds[trainPart]; i++) {
      const value = numberOf(chunk.numeric, i * stride);
      if (value !== value) continue;
      if (isWeighted) weights[count] = chunk.weights?.[i] ?? 1;
      // −0 and 0 are one value.
      values[count++] = value + 0;
    }
  }
  const edges = quantileCuts(
    values.subarray(0, count),
    isWeighted ? weights.subarray(0, count) : undefined,
    binsMax,
  );
  const axis = numbersAxis(name, edges.length + 1, context, (numeric, start) => {
    const value = numberOf(numeric, start);
    return value === value ? binOf(edges, value) + 1 : 0;
  });
  const own = values.subarray(0, count);
  const [min, max] = [Math.min, Math.max].map((of) => own.reduce((a, b) => of(a, b), own[0]));
  return { ...axis, edges, ...(count > 0 ? { range: [min, max] as const } : {}) };
}

/** @param binCount Without that of missing values. */
function numbersAxis(
  name: string,
  binCount: number,
  { walk, rowCount }: Context,
  codeOf: NumberOf,
): Omit<BinnedAxis, "feature"> {
  const codes = sharedUint16(rowCount);
  let at = 0;
  for (const chunk of walk()) {
    const stride = strideOf(chunk);
    for (let i = 0; i < chunk.rowCount; i++) codes[at++] = codeOf(chunk.numeric, i * stride);
  }
  const binOfPosition = Int32Array.from({ length: binCount + 1 }, (_, i) => i === binCount ? 0 : i + 1);
  return { name, kind: "numeric", binCount: binCount + 1, binOfPosition, codes };
}

/** @param missing Bin of missing values; that of unseen ones is 0. */
function binLevels(
  name: string,
  kind: BinnedAxis["kind"],
  { field, levels, missing }: { field: number; levels: readonly string[]; missing: number },
  { walk, rowCount, levels: raw }: Context,
): Omit<BinnedAxis, "feature"> {
  const places = new Map(levels.map((level, i) => [level, i + 1]));
  const binOfCode = Uint32Array.from(
    raw[field],
    (level) => level === null ? missing : places.get(level) ?? 0,
  );
  const binCount = levels.length + (missing > 0 ? 2 : 1);
  const codes = binCount <= 0x10000 ? sharedUint16(rowCount) : sharedUint32(rowCount);
  let at = 0;
  for (const chunk of walk()) {
    const own = chunk.codes[field];
    for (let i = 0; i < chunk.rowCount; i++) codes[at++] = binOfCode[own[i]];
  }
  const binOfPosition = Int32Array.from([...levels.keys()].map((i) => i + 1).concat(missing, 0));
  return { name, kind, binCount, binOfPosition, codes };
}
