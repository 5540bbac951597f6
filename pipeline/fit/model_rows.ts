import { mixed } from "../math/hash.ts";
import { type DesignMatrix, hasWeights, rowsOf } from "../encode/design_matrix.ts";
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
  const rows = {
    logits: new Float64Array(rowCount),
    labels: new Uint8Array(rowCount),
    groups: new Uint32Array(rowCount),
    ...(hasWeights(design) ? { weights: new Float64Array(rowCount) } : {}),
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

/** Returns the rows of some groups, about `rowsMax` of them; all rows if they are fewer. */
export function rowsOfSomeGroups(rows: OutOfFoldRows, rowsMax: number): OutOfFoldRows {
  const { logits, labels, groups, weights } = rows;
  if (labels.length <= rowsMax) return rows;
  const below = rowsMax / labels.length * 2 ** 32;
  const kept = Uint32Array.from(groups.keys()).filter((row) => mixed(groups[row] ^ 0x2545f491) < below);
  return {
    logits: Float64Array.from(kept, (row) => logits[row]),
    labels: Uint8Array.from(kept, (row) => labels[row]),
    groups: Uint32Array.from(kept, (row) => groups[row]),
    ...(weights ? { weights: Float64Array.from(kept, (row) => weights[row]) } : {}),
  };
}
