import { type ChunkStore, createChunkStore } from "../chunks/chunk_store.ts";
import { log } from "../math/elementary.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";

/** Weighted counts of the rows and clicks that a model is fitted to. */
export interface ClassSums {
  readonly rows: { readonly train: number };
  readonly clicks: { readonly train: number };
}

/** Returns the weights that give both classes the same total weight in the fit. */
export function classWeights({ rows, clicks }: ClassSums): { clicked: number; notClicked: number } {
  return { clicked: rows.train / 2 / clicks.train, notClicked: rows.train / 2 / (rows.train - clicks.train) };
}

/**
 * Multiplies each row's weight in the fit by its class's weight. Metrics still use the row's own weight.
 *
 * @param design Must not be used afterwards: its chunks are rewritten.
 */
export function balance(
  design: DesignMatrix,
  sums: ClassSums,
  store: ChunkStore = createChunkStore(),
): DesignMatrix {
  const { clicked, notClicked } = classWeights(sums);
  const chunks = store.rewrite([...design.chunks], (chunk) => {
    const { labels, weights } = chunk;
    const fitWeights = store.columns.float64(labels.length).fill(1);
    if (weights) fitWeights.set(weights);
    for (let i = 0; i < fitWeights.length; i++) fitWeights[i] *= labels[i] === 1 ? clicked : notClicked;
    return { ...chunk, fitWeights };
  });
  return { ...design, chunks };
}

/**
 * Corrects the intercept for sampling and class weights, so that the model predicts probabilities: sampling the rows without
 * a click at rate r multiplies the odds by 1/r, class weights multiply them by their ratio. Other coefficients are unaffected.
 *
 * @see King & Zeng, Logistic Regression in Rare Events Data (2001), section 4.1.
 */
export function corrected(
  fitted: Float64Array,
  sums: ClassSums,
  { negatives, classWeight }: { negatives: number; classWeight: "none" | "balanced" },
): Float64Array {
  const coefficients = fitted.slice();
  coefficients[coefficients.length - 1] += log(negatives) + classShift(sums, classWeight);
  return coefficients;
}

/** Returns what turns the log-odds of a fit into those of the rows without class weights. */
export function classShift(sums: ClassSums, classWeight: "none" | "balanced"): number {
  if (classWeight === "none") return 0;
  const { clicked, notClicked } = classWeights(sums);
  return -log(clicked / notClicked);
}
