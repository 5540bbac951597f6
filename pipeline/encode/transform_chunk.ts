import type { ColumnMaker } from "../chunks/chunk_store.ts";
import { type OrderedChunk, strideOf } from "../examples/ordered_chunk.ts";
import { log1p } from "../math/elementary.ts";
import { type NumericEncoder, transformed } from "./encoder.ts";
import { exactPositions } from "./exact_values.ts";

/** How the numbers of a field are transformed. */
export type Transform = Pick<NumericEncoder, "transform" | "exactValues">;

/** Whether transforms change a chunk. */
export function changesNumbers(features: readonly Transform[]): boolean {
  return features.some(({ transform, exactValues }) => transform !== "none" || exactValues);
}

/**
 * Transforms the numeric columns, in place, and appends the positions of exact values as codes: a transform can make two values equal.
 * Missing values stay missing.
 */
export function transformChunk(
  chunk: OrderedChunk,
  features: readonly Transform[],
  columns: ColumnMaker,
): OrderedChunk {
  const { rowCount } = chunk;
  const positions = features.flatMap(({ exactValues }, field) => {
    if (!exactValues) return [];
    const target = exactValues.length < 0xffff ? columns.uint16(rowCount) : columns.uint32(rowCount);
    return [exactPositions(chunk, field, exactValues, target)];
  });
  features.forEach(({ transform }, field) => {
    if (transform !== "none") transformColumn(chunk, field, transform);
  });
  return positions.length === 0 ? chunk : { ...chunk, codes: [...chunk.codes, ...positions] };
}

/** Counts are most of what is transformed: their logarithms are looked up. Index: the number. */
const logarithms = Float64Array.from({ length: 4_096 }, (_, count) => log1p(count));

function transformColumn(chunk: OrderedChunk, field: number, transform: NumericEncoder["transform"]): void {
  const { numeric } = chunk;
  const stride = strideOf(chunk);
  for (let k = field; k < numeric.length; k += stride) {
    const value = numeric[k];
    // Neither 0 of either sign nor a missing value changes.
    if (value === 0 || value !== value) continue;
    numeric[k] = value > 0 && value < 4_096 && value === (value | 0)
      ? logarithms[value]
      : transformed(transform, value);
  }
}
