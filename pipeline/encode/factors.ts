import {
  columnsAt,
  type Encoder,
  type LeveledEncoder,
  type NumericEncoder,
  numericOf,
  positionCountOf,
  type TimeEncoder,
} from "./encoder.ts";
import { createCategoryReader } from "./category_positions.ts";
import { binOf, type Division, divisionsOf } from "./divisions.ts";
import type { PositionSource } from "./positions.ts";
import { cyclicColumnsOf } from "./time_columns.ts";
import { type OrderedChunk, strideOf, type Walk } from "../examples/ordered_chunk.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import { partCounts } from "../examples/time_parts.ts";
import { sharedUint32 } from "../runtime/shared_memory.ts";

/** A field with levels, a part of a time, a numeric field's bins or exact values, or its indicator of missing values. */
export interface Factor {
  /** Name of the field. */
  readonly name: string;
  /** Index among a numeric field's divisions, if it is not the first one; `allBins` for all bins together, which cannot be crossed. */
  readonly division?: number;
  readonly positionCount: number;
  /** The most columns that have a 1 at a position; 0 for a factor that is only crossed. */
  readonly columnsMax: number;
  /** Returns the columns that have a 1 at a position, ascending. Not a list of lists: hashed fields have millions of positions. */
  readonly columnsAt: (position: number) => readonly number[];
  /** Where a row's position comes from. */
  readonly source: PositionSource;
}

/** As the division of a factor: bins of several counts. */
const allBins = -1;

/**
 * Returns the factors of all one-hot columns but those of words, and of the fields of rates, in the order of the encoder.
 *
 * @param walk Chunks in which missing numbers are not imputed yet.
 */
export function factorsOf(walk: Walk, levels: RawExamples["levels"], encoder: Encoder): Factor[] {
  const factors: Factor[] = [];
  const missing = missingFields(walk, encoder);
  let numericIndex = 0;
  let categoricalIndex = 0;
  // Parts of times follow the categories.
  let partIndex = levels.length;
  // Positions of exact values follow the parts.
  let exactIndex = partIndex +
    encoder.features.reduce((sum, feature) => sum + (feature.type === "time" ? feature.parts.length : 0), 0);
  const addNumeric = (feature: NumericEncoder) => {
    const field = numericIndex++;
    if (feature.edges || feature.resolutions || feature.exactValues) {
      factors.push(...divisionFactors(feature, field, feature.exactValues ? exactIndex++ : -1));
    } // If nothing is missing, the indicator's column is all 0 and needs no factor.
    else if (missing.has(field)) factors.push(missingFactor(feature, field));
  };
  for (const feature of encoder.features) {
    if (feature.type === "numeric") addNumeric(feature);
    else if (feature.type === "time") {
      factors.push(...partFactors(feature, partIndex));
      partIndex += feature.parts.length;
      if (feature.age) addNumeric(feature.age);
    } else if (feature.type === "words") categoricalIndex++;
    else if (feature.type === "binned" || feature.type === "levels" || feature.type === "clock") {
      throw new Error(`${feature.name} has no columns: it is looked up in tables`);
    } else {
      const field = categoricalIndex++;
      factors.push(levelFactor(feature, field, levels[field]));
    }
  }
  return factors;
}

/** Returns the numeric fields that have an indicator and at least one missing value. */
function missingFields(walk: Walk, encoder: Encoder): ReadonlySet<number> {
  const numeric = numericOf(encoder);
  const open = new Set([...numeric.keys()].filter((field) => numeric[field].missingIndicator));
  const found = new Set<number>();
  if (open.size === 0) return found;
  for (const chunk of walk()) {
    for (const field of open) {
      if (!hasMissing(chunk, field)) continue;
      open.delete(field);
      found.add(field);
    }
    if (open.size === 0) break;
  }
  return found;
}

function hasMissing(chunk: OrderedChunk, field: number): boolean {
  const { numeric } = chunk;
  const stride = strideOf(chunk);
  for (let k = field; k < numeric.length; k += stride) if (numeric[k] !== numeric[k]) return true;
  return false;
}

function missingFactor({ name, column }: NumericEncoder, field: number): Factor {
  return {
    name,
    positionCount: 2,
    columnsMax: 1,
    columnsAt: (position) => position === 0 ? [] : [column + 1],
    source: { kind: "missing", field },
  };
}

/**
 * Returns the factors of a field's bins and exact values, with missing as their last position: a value has either a bin or the indicator.
 *
 * @param exactField Index of the codes of exact values, which are positions.
 */
function divisionFactors(feature: NumericEncoder, field: number, exactField: number): Factor[] {
  const { name, column, missingIndicator } = feature;
  const indicator = missingIndicator ? [column + 1] : [];
  const divisions = divisionsOf(feature);
  const bins = divisions.filter((division) => division.kind === "bins");
  const own = bins.map(({ edges, column }, i): Factor => ({
    ...binFactor(name, field, edges),
    division: i,
    columnsMax: bins.length > 1 ? 0 : 1,
    columnsAt: (position) => position <= edges.length ? [column + position] : indicator,
  }));
  const together = bins.length > 1 ? [allBinsFactor(name, field, bins, indicator)] : [];
  const exact = divisions.filter(({ kind }) => kind === "values").map((
    { column, count, positionCount },
  ): Factor => ({
    ...codesFactor(name, exactField, positionCount),
    division: bins.length,
    columnsMax: count > 0 || (bins.length === 0 && missingIndicator) ? 1 : 0,
    columnsAt: (position) =>
      position < count
        ? [column + position]
        : position === positionCount - 1 && bins.length === 0
        ? indicator
        : [],
  }));
  return [...together, ...own, ...exact];
}

/** A factor of bins of several counts: its positions are the intervals between all their edges. */
function allBinsFactor(
  name: string,
  field: number,
  bins: readonly (Division & { readonly kind: "bins" })[],
  indicator: readonly number[],
): Factor {
  const edges = [...Float64Array.from(new Set(bins.flatMap(({ edges }) => edges))).sort()];
  const columnsFrom = (least: number) => bins.map(({ edges, column }) => column + binOf(edges, least));
  return {
    ...binFactor(name, field, edges),
    division: allBins,
    columnsMax: bins.length,
    columnsAt: (position) =>
      position <= edges.length ? columnsFrom(position === 0 ? -Infinity : edges[position - 1]) : indicator,
  };
}

/** A factor that has no columns yet. */
type Uncolumned = Omit<Factor, "columnsMax" | "columnsAt">;

function binFactor(name: string, field: number, edges: readonly number[]): Uncolumned {
  const positionCount = edges.length + 2;
  return {
    name,
    positionCount,
    source: { kind: "bins", field, edges },
  };
}

/** Returns the factors of a time's parts. @param firstField Index of the first one's codes, which are positions. */
function partFactors(feature: TimeEncoder, firstField: number): Factor[] {
  return cyclicColumnsOf(feature).map(({ part, column }, i) => {
    const positionCount = partCounts[part] + 1;
    return {
      name: `${feature.name}:${part}`,
      positionCount,
      columnsMax: 1,
      columnsAt: (position) => [column + position],
      source: { kind: "codes", field: firstField + i },
    };
  });
}

function levelFactor(
  feature: LeveledEncoder,
  field: number,
  levels: readonly (string | null)[],
): Factor {
  const read = createCategoryReader(feature);
  const positionOf = sharedUint32(levels.length);
  levels.forEach((level, code) => positionOf[code] = read(level));
  const positionCount = positionCountOf(feature);
  return {
    name: feature.name,
    positionCount,
    columnsMax: feature.type === "rate" ? 0 : feature.type === "ordinal" ? feature.levels.length - 1 : 1,
    columnsAt: (position) => columnsAt(feature, position),
    source: { kind: "levels", field, positionOf },
  };
}

/** Returns the factor of a raw field's codes, whose positions are the codes. */
export function codesFactor(name: string, field: number, levelCount: number): Factor {
  return {
    name,
    positionCount: levelCount,
    columnsMax: 0,
    columnsAt: () => [],
    source: { kind: "codes", field },
  };
}

/** Returns the count of possible combinations. */
export function combinationCount(factors: readonly Pick<Factor, "positionCount">[]): number {
  return factors.reduce((product, { positionCount }) => product * positionCount, 1);
}
