import { normalTails } from "../math/normal_tail.ts";
import type { Groups, LabelledRows } from "./ranked_rows.ts";

/** Whether two predictions of the same rows differ in log loss by more than chance. */
export interface PairedTest {
  /** Mean log loss of the other prediction minus that of the model: positive if the model is better. */
  readonly difference: number;
  /** Standard error of the difference, clustered by group; null if there are fewer than two groups. */
  readonly standard_error: number | null;
  readonly z: number | null;
  /** Probability of such a difference, or a larger one in either direction, between equal models. */
  readonly p_value: number | null;
}

/**
 * Tests the mean difference of two losses of the same rows. Rows of a group may depend on each other.
 *
 * @param losses,others Log loss of each row, shape (rows).
 * @see Diebold & Mariano, Comparing Predictive Accuracy (1995); Cameron & Miller, A Practitioner's Guide to Cluster-Robust
 *   Inference (2015), section II.
 */
export function pairedTest(
  { weights }: LabelledRows,
  { ofRow, hashes }: Groups,
  losses: Float64Array,
  others: Float64Array,
): PairedTest {
  const groupCount = hashes.length;
  let [total, sum] = [0, 0];
  for (let i = 0; i < losses.length; i++) {
    const weight = weights ? weights[i] : 1;
    total += weight;
    sum += weight * (others[i] - losses[i]);
  }
  const difference = sum / total;
  const residuals = new Float64Array(groupCount);
  for (let i = 0; i < losses.length; i++) {
    const weight = weights ? weights[i] : 1;
    residuals[ofRow[i]] += weight * (others[i] - losses[i] - difference);
  }
  if (groupCount < 2) return { difference, standard_error: null, z: null, p_value: null };
  let squares = 0;
  for (const residual of residuals) squares += residual ** 2;
  const error = Math.sqrt(squares * groupCount / (groupCount - 1)) / total;
  // Predictions that are the same differ by 0, with a standard error of 0.
  const z = error > 0 ? difference / error : null;
  return { difference, standard_error: error, z, p_value: z === null ? null : normalTails(z) };
}
