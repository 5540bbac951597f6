import { type ChunkKeeper, createKeeper } from "../chunks/chunk_keeper.ts";
import { log } from "../elementary.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";

/** Rows and clicks that a model is fitted to. */
export interface ClassCounts {
  readonly rows: { readonly train: number };
  readonly clicks: { readonly train: number };
}

/** Weights that make both classes count the same in the fit. */
function classWeights({ rows, clicks }: ClassCounts): { clicked: number; notClicked: number } {
  return { clicked: rows.train / 2 / clicks.train, notClicked: rows.train / 2 / (rows.train - clicks.train) };
}

/**
 * Gives each row its class's weight, on top of its own.
 *
 * @param design Is used up.
 */
export function balance(
  design: DesignMatrix,
  counts: ClassCounts,
  keeper: ChunkKeeper = createKeeper(),
): DesignMatrix {
  const { clicked, notClicked } = classWeights(counts);
  const chunks = keeper.rewrite([...design.chunks], (chunk) => {
    const weights = chunk.weights ?? keeper.columns.float64(chunk.labels.length).fill(1);
    for (let i = 0; i < weights.length; i++) weights[i] *= chunk.labels[i] === 1 ? clicked : notClicked;
    return { ...chunk, weights };
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
  counts: ClassCounts,
  { negatives, classWeight }: { negatives: number; classWeight: "none" | "balanced" },
): Float64Array {
  const { clicked, notClicked } = classWeights(counts);
  const shift = log(negatives) - (classWeight === "balanced" ? log(clicked / notClicked) : 0);
  const coefficients = fitted.slice();
  coefficients[coefficients.length - 1] += shift;
  return coefficients;
}
