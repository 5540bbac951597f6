import { loadEach } from "../chunks/chunk_store.ts";
import { type DesignChunk, type DesignMatrix, forRowRanges } from "../encode/design_matrix.ts";
import { passPoint } from "./objective.ts";
import { createRowKernel } from "./row_kernel.ts";

/**
 * Calls `use` with the log-odds of each range of rows of some parts.
 *
 * @param coefficients Shape (columns + 1), intercept last.
 * @param use Takes rows from … to − 1 of a chunk and their log-odds, shape (to − from), which it may overwrite. The array is
 *   reused for the next range: separate arrays would be garbage of 8 bytes per row of the data.
 */
export function forLogits(
  design: DesignMatrix,
  parts: readonly number[],
  coefficients: Float64Array,
  use: (chunk: DesignChunk, from: number, to: number, logits: Float64Array) => void,
): void {
  const kernel = createRowKernel(design);
  kernel.setPoint(passPoint(design, coefficients));
  let scratch = new Float64Array();
  for (const chunk of loadEach(design.chunks)) {
    forRowRanges(chunk, parts, (from, to) => {
      if (scratch.length < to - from) scratch = new Float64Array(to - from);
      const logits = scratch.subarray(0, to - from);
      kernel.logits(chunk, from, to, logits);
      use(chunk, from, to, logits);
    });
  }
}
