import type { DesignMatrix } from "../encode/design_matrix.ts";

type Chunks = DesignMatrix["chunks"];

/** Each range of chunks is summed separately, and the sums are added in order: the same result for any number of threads. */
const rangeCountMax = 16;
const rangeCountMin = 4;
/** Numbers in all ranges' sums: clearing and adding more would cost more than threads gain. */
const rangeSumsMax = 2 ** 19;

/** @param sumsLength Of one range. */
export function chunkRangeCount(chunkCount: number, sumsLength: number): number {
  const wanted = Math.max(rangeCountMin, Math.min(rangeCountMax, Math.floor(rangeSumsMax / sumsLength)));
  return Math.min(wanted, chunkCount);
}

/** Divides the chunks into ranges of about equal length, which depend on the data only. */
export function chunkRangesOf(chunks: Chunks, sumsLength: number): Chunks[] {
  const count = chunkRangeCount(chunks.length, sumsLength);
  const endOf = (range: number) => Math.floor((range * chunks.length) / count);
  return Array.from({ length: count }, (_, i) => chunks.slice(endOf(i), endOf(i + 1)));
}

/** Adds the sums of ranges, in order. @param sums Shape (ranges, length). */
export function totalOf(sums: Float64Array, length: number): Float64Array {
  const total = new Float64Array(length);
  for (let k = 0; k < sums.length;) for (let i = 0; i < length; i++, k++) total[i] += sums[k];
  return total;
}
