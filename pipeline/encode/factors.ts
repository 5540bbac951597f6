import {
  binOf,
  type CategoricalEncoder,
  type Encoder,
  type NumericEncoder,
  positionCountOf,
} from "./encoder.ts";
import { createCategoryReader } from "./category_positions.ts";
import { type OrderedChunk, strideOf, type Walk } from "../examples/ordered_chunk.ts";
import type { RawExamples } from "../examples/raw_examples.ts";

/** One categorical field, a numeric field's bins, or its indicator of missing values. */
export interface Factor {
  /** Name of the field. */
  readonly name: string;
  readonly positionCount: number;
  /** By position: the column that has a 1; −1 for none. */
  readonly columns: readonly number[];
  /** Multiplies each row's combination by `positionCount` and adds the row's position. @param out Combinations, shape (rows). */
  append(chunk: OrderedChunk, out: Uint32Array): void;
}

/**
 * Returns the factors of all one-hot columns, in the order of the encoder.
 *
 * @param walk Chunks in which missing numbers are not imputed yet.
 */
export function factorsOf(walk: Walk, levels: RawExamples["levels"], encoder: Encoder): Factor[] {
  const factors: Factor[] = [];
  const missing = missingFields(walk, encoder);
  let numericIndex = 0;
  let categoricalIndex = 0;
  for (const feature of encoder.features) {
    if (feature.type === "categorical") {
      const field = categoricalIndex++;
      factors.push(categoricalFactor(feature, field, levels[field]));
      continue;
    }
    const field = numericIndex++;
    if (feature.edges) factors.push(binFactor(feature, feature.edges, field));
    // If nothing is missing, the indicator's column is all 0 and needs no factor.
    else if (missing.has(field)) factors.push(missingFactor(feature, field));
  }
  return factors;
}

/** Returns the numeric fields that have an indicator and at least one missing value. */
function missingFields(walk: Walk, { features }: Encoder): ReadonlySet<number> {
  const numeric = features.filter((feature) => feature.type === "numeric");
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
    columns: [-1, column + 1],
    append(chunk, out) {
      const { numeric } = chunk;
      const stride = strideOf(chunk);
      for (let i = 0, k = field; i < out.length; i++, k += stride) {
        out[i] = 2 * out[i] + (numeric[k] === numeric[k] ? 0 : 1);
      }
    },
  };
}

/** The factor of a field's bins, with missing as its last position: a value has either a bin or the indicator. */
function binFactor(feature: NumericEncoder, edges: readonly number[], field: number): Factor {
  const { name, column, missingIndicator } = feature;
  const positionCount = positionCountOf(feature);
  const first = column + (missingIndicator ? 2 : 1);
  return {
    name,
    positionCount,
    columns: [
      ...edges.map((_, bin) => first + bin),
      first + edges.length,
      missingIndicator ? column + 1 : -1,
    ],
    append(chunk, out) {
      const { numeric } = chunk;
      const stride = strideOf(chunk);
      for (let i = 0, k = field; i < out.length; i++, k += stride) {
        const value = numeric[k];
        out[i] = positionCount * out[i] + (value === value ? binOf(edges, value) : positionCount - 1);
      }
    },
  };
}

function categoricalFactor(
  feature: CategoricalEncoder,
  field: number,
  levels: readonly (string | null)[],
): Factor {
  const positionOf = Uint32Array.from(levels, createCategoryReader(feature));
  const positionCount = positionCountOf(feature);
  return {
    name: feature.name,
    positionCount,
    columns: Array.from({ length: positionCount }, (_, position) => feature.column + position),
    append(chunk, out) {
      const codes = chunk.codes[field];
      for (let i = 0; i < out.length; i++) out[i] = positionCount * out[i] + positionOf[codes[i]];
    },
  };
}

/** Returns each row's combination of the factors' positions, as a mixed-radix number. */
export function combinationsOf(factors: readonly Factor[], chunk: OrderedChunk): Uint32Array {
  const combinations = new Uint32Array(chunk.rowCount);
  for (const factor of factors) factor.append(chunk, combinations);
  return combinations;
}

/** Returns the count of possible combinations. */
export function combinationCount(factors: readonly Pick<Factor, "positionCount">[]): number {
  return factors.reduce((product, { positionCount }) => product * positionCount, 1);
}
