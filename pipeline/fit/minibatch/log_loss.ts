import { exp, log1p } from "../../math/elementary.ts";
import type { BatchInputs } from "./batch_inputs.ts";

/**
 * Returns the summed log loss of a batch, each row by its weight, in float64.
 *
 * @param logits Shape (rows).
 * @param slopes Shape (rows): receives the derivatives of the sum by the log-odds.
 */
export function logLoss(
  logits: Float32Array,
  { labels, weights }: BatchInputs,
  { shift = 0, slopes }: { readonly shift?: number; readonly slopes?: Float32Array } = {},
): number {
  let loss = 0;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] + shift;
    const weight = weights === undefined ? 1 : weights[i];
    const odds = exp(logit < 0 ? logit : -logit);
    const against = labels[i] === 1 ? -logit : logit;
    // A NaN must be added too, so that the loss shows it.
    loss += weight * (against <= 0 ? log1p(odds) : against + log1p(odds));
    if (slopes) slopes[i] = weight * ((logit < 0 ? odds : 1) / (1 + odds) - labels[i]);
  }
  return loss;
}
