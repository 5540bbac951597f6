import type { ColumnMaker } from "../chunks/chunk_store.ts";
import { type OrderedChunk, strideOf } from "../examples/ordered_chunk.ts";
import { type CellPlan, cellsOf } from "./cells.ts";
import type { DesignChunk } from "./design_matrix.ts";
import { type NumericEncoder, transformed } from "./encoder.ts";

/** How a chunk of a design is computed: plain data, which can be posted to other threads. */
export interface ChunkPlan {
  readonly plans: readonly CellPlan[];
  readonly numeric: readonly NumericEncoder[];
  readonly withGroups: boolean;
}

/**
 * Makes a chunk of a design, in place.
 *
 * @param rates Columns of numbers that follow the others, shape (rows).
 */
export function designChunkOf(
  chunk: OrderedChunk,
  { plans, numeric: features, withGroups }: ChunkPlan,
  columns: ColumnMaker,
  rates: readonly Float64Array[] = [],
): DesignChunk {
  // Before missing numbers are imputed: the indicators read them from the columns.
  const cells = plans.map((plan) => cellsOf(plan, chunk, columns));
  features.forEach((feature, field) => standardise(chunk, field, feature));
  const { partEnds, labels, weights, times, groups } = chunk;
  return {
    partEnds,
    numeric: widened(chunk, rates, columns),
    cells,
    labels,
    ...(weights ? { weights } : {}),
    ...(times ? { times } : {}),
    ...(withGroups ? { groups } : {}),
  };
}

/** Returns the chunk's numbers with those of more columns after them in each row. */
function widened(
  { numeric, rowCount }: OrderedChunk,
  added: readonly Float64Array[],
  columns: ColumnMaker,
): OrderedChunk["numeric"] {
  if (added.length === 0) return numeric;
  const width = rowCount === 0 ? 0 : numeric.length / rowCount;
  const target = columns.float64(rowCount * (width + added.length));
  for (let i = 0, from = 0, to = 0; i < rowCount; i++) {
    for (let j = 0; j < width; j++) target[to++] = numeric[from++];
    for (const values of added) target[to++] = values[i];
  }
  return target;
}

/** As `encodeNumeric`, in place, on values that are already transformed. */
function standardise(
  chunk: OrderedChunk,
  field: number,
  { transform, impute, mean, scale }: NumericEncoder,
): void {
  const imputed = (transformed(transform, impute) - mean) / scale;
  const { numeric } = chunk;
  const stride = strideOf(chunk);
  for (let k = field; k < numeric.length; k += stride) {
    numeric[k] = numeric[k] === numeric[k] ? (numeric[k] - mean) / scale : imputed;
  }
}
