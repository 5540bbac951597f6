import { isSpilled } from "../chunks/chunk_file.ts";
import { type DesignMatrix, rowsOf } from "../encode/design_matrix.ts";
import type { OutOfFoldRows } from "./calibration/calibrate.ts";
import { type EvaluatedModel, forModelLogits } from "./evaluate.ts";

/**
 * Collects the log-odds of rows by one or several models, with their labels, weights and groups.
 *
 * @param design With the hashes of the groups.
 * @param parts All parts whose rows will be added.
 */
export function createModelRows(design: DesignMatrix, parts: readonly number[]) {
  const rowCount = rowsOf(design, parts);
  const isWeighted = design.chunks.some((chunk) =>
    (isSpilled(chunk) ? chunk.fields : chunk).weights !== undefined
  );
  const rows = {
    logits: new Float64Array(rowCount),
    labels: new Uint8Array(rowCount),
    groups: new Uint32Array(rowCount),
    ...(isWeighted ? { weights: new Float64Array(rowCount) } : {}),
  } satisfies OutOfFoldRows;
  let at = 0;
  return {
    rows,
    add(parts: readonly number[], model: EvaluatedModel): void {
      forModelLogits(design, parts, model, (chunk, from, to, logits) => {
        if (!chunk.groups) throw new Error("the design has no group hashes");
        rows.logits.set(logits, at);
        rows.labels.set(chunk.labels.subarray(from, to), at);
        rows.groups.set(chunk.groups.subarray(from, to), at);
        if (chunk.weights) rows.weights?.set(chunk.weights.subarray(from, to), at);
        at += to - from;
      });
    },
  };
}
