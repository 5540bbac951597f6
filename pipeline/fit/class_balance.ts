import { type ChunkStore, createChunkStore } from "../chunks/chunk_store.ts";
import { log } from "../math/elementary.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";

/** Rows and clicks that a model is fitted to, each row counted by its weight. */
export interface ClassSums {
  readonly rows: { readonly train: number };
  readonly clicks: { readonly train: number };
}

/** Weights that make both classes count the same in the fit. */
function classWeights({ rows, clicks }: ClassSums): { clicked: number; notClicked: number } {
  return { clicked: rows.train / 2 / clicks.train, notClicked: rows.train / 2 / (rows.train - clicks.train) };
}

/**
 * Gives each row its class's weight for the fit, on top of its own, which stays what it is measured by.
 *
 * @param design Is used up.
 */
export function balance(
  design: DesignMatrix,
  sums: ClassSums,
  keeper: ChunkStore = createChunkStore(),
): DesignMatrix {
  const { clicked, notClicked } = classWeights(sums);
  const chunks = keeper.rewrite([...design.chunks], (chunk) => {
    const { labels, weights } = chunk;
    const fitWeights = keeper.columns.float64(labels.length).fill(1);
    if (weights) fitWeights.set(weights);
    for (let i = 0; i < fitWeights.length; i++) fitWeights[i] *= labels[i] === 1 ? clicked : notClicked;
    return { ...chunk, fitWeights };
  });
  return { ...design, chunks };
}

/**
 * Takes back what sampling and class weights did to the odds, so that what is served is a probability: rows without a
 * click at rate r multiply the odds by 1/r, weights by their ratio. Only the intercept feels it.
 *
 * @see King & Zeng, Logistic Regression in Rare Events Data (2001), section 4.1.
 */
export function corrected(
  fitted: Float64Array,
  sums: ClassSums,
  { negatives, classWeight }: { negatives: number; classWeight: "none" | "balanced" },
): Float64Array {
  const { clicked, notClicked } = classWeights(sums);
  const shift = log(negatives) - (classWeight === "balanced" ? log(clicked / notClicked) : 0);
  const coefficients = fitted.slice();
  coefficients[coefficients.length - 1] += shift;
  return coefficients;
}
