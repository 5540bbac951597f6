import type { DesignMatrix } from "../encode/design_matrix.ts";
import { createPasses, type Passes } from "./passes.ts";
import { hessianOf } from "./objective.ts";
import { evaluatePoint, type Penalty } from "./penalised.ts";
import type { Threads } from "../runtime/thread_pool.ts";

/** Maximum number of coefficients for which an artifact stores the precision, whose size is their square. */
export const precisionColumnsMax = 512;

/** As `precisionOf`, over the rows of some parts of a design. */
export async function precisionAt(
  design: DesignMatrix,
  parts: readonly number[],
  threads: Threads,
  coefficients: Float64Array,
  penalty: Penalty,
): Promise<Float64Array> {
  return await precisionOf(await createPasses(design, parts, threads), coefficients, penalty);
}

/**
 * Computes the Hessian of the penalised sum of losses: the inverse of the coefficients' covariance, to first order.
 *
 * @param coefficients An optimum, shape (columns + 1), intercept last.
 * @returns Shape (columns + 1, columns + 1).
 */
export async function precisionOf(
  passes: Passes,
  coefficients: Float64Array,
  penalty: Penalty,
): Promise<Float64Array> {
  const optimum = await evaluatePoint(passes, "all", coefficients, { penalty }, true);
  return hessianOf(optimum).map((value) => value * passes.weight.all);
}
