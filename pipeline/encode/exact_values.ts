import type { NumericSpec } from "../examples/feature_types.ts";
import { type OrderedChunk, strideOf, type Walk } from "../examples/ordered_chunk.ts";
import { trainPart } from "../examples/split.ts";
import { exactPosition } from "./divisions.ts";
import type { PooledLevels } from "./summarise.ts";
import { isFrequent } from "./weight_slack.ts";

export interface ExactValueOptions {
  /** Whether the chunks have weights. */
  readonly isWeighted: boolean;
  /** Whether values that were always or never clicked get no column. */
  readonly poolPure: boolean;
  /** Called with the values of a field that get no column since they were always or never clicked. */
  readonly onPooled: (pooled: PooledLevels) => void;
}

/**
 * Finds the exact values of each numeric field with `values` that are frequent enough for a column.
 *
 * @param walk Chunks with raw values.
 * @returns Per numeric field: ascending, each once; undefined if the field has no `values`.
 */
export function exactValuesOf(
  walk: Walk,
  features: readonly NumericSpec[],
  { isWeighted, poolPure, onPooled }: ExactValueOptions,
): (readonly number[] | undefined)[] {
  return features.map(({ name, values: spec }, field) => {
    if (spec === undefined) return undefined;
    const candidates = candidatesOf(trainValues(walk, field), isWeighted ? 1 : spec.minCount);
    const { rows, clicks, weights } = countValues(walk, field, candidates);
    const isPure = (i: number) => poolPure && (clicks[i] === 0 || clicks[i] === rows[i]);
    const frequent = [...candidates.keys()].filter((i) => isFrequent(weights[i], spec.minCount));
    const pure = frequent.filter(isPure);
    if (pure.length > 0) {
      const sumOf = (sums: Float64Array) => pure.reduce((sum, i) => sum + sums[i], 0);
      const levels = pure.map((i) => String(candidates[i]));
      onPooled({ field: name, levels, rows: sumOf(rows), weight: sumOf(weights), reason: "pure-value" });
    }
    return frequent.filter((i) => !isPure(i)).map((i) => candidates[i]);
  });
}

/** Returns the values of the training rows that are not missing, ascending. */
function trainValues(walk: Walk, field: number): Float64Array {
  let trainRows = 0;
  for (const { partEnds } of walk()) trainRows += partEnds[trainPart];
  const values = new Float64Array(trainRows);
  let count = 0;
  for (const chunk of walk()) count += copyPresent(chunk, field, values.subarray(count));
  return values.subarray(0, count).sort();
}

function copyPresent(chunk: OrderedChunk, field: number, target: Float64Array): number {
  const { numeric, partEnds } = chunk;
  const stride = strideOf(chunk);
  let count = 0;
  for (let i = 0, k = field; i < partEnds[trainPart]; i++, k += stride) {
    // With 0 in place of −0, which sorts before it.
    if (numeric[k] === numeric[k]) target[count++] = numeric[k] + 0;
  }
  return count;
}

/** Returns the values that occur `countMin` times or more, each once. @param sorted Ascending. */
function candidatesOf(sorted: Float64Array, countMin: number): number[] {
  const found: number[] = [];
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    while (to < sorted.length && sorted[to] === sorted[from]) to++;
    if (to - from >= countMin) found.push(sorted[from]);
  }
  return found;
}

/** Counts the training rows of each value, their clicks and their weights. @param values Ascending. */
function countValues(walk: Walk, field: number, values: readonly number[]) {
  const rows = new Float64Array(values.length + 1);
  const clicks = new Float64Array(values.length + 1);
  const sums = new Float64Array(values.length + 1);
  for (const chunk of walk()) {
    const { labels, weights, partEnds } = chunk;
    const positions = exactPositions(chunk, field, values, new Uint32Array(partEnds[trainPart]));
    for (let i = 0; i < positions.length; i++) {
      const at = positions[i];
      if (at >= values.length) continue;
      rows[at]++;
      clicks[at] += labels[i];
      sums[at] += weights ? weights[i] : 1;
    }
  }
  return { rows, clicks, weights: sums };
}

/**
 * Writes the positions of a field's values: the index of an exact value, their count for another number, and one more for a missing one.
 *
 * @param values Ascending.
 * @param target Shape (rows) or shorter.
 */
export function exactPositions<A extends Uint32Array | Uint16Array>(
  chunk: OrderedChunk,
  field: number,
  values: readonly number[],
  target: A,
): A {
  const { numeric } = chunk;
  const stride = strideOf(chunk);
  for (let i = 0, k = field; i < target.length; i++, k += stride) {
    const value = numeric[k];
    target[i] = value === value ? exactPosition(values, value) : values.length + 1;
  }
  return target;
}
