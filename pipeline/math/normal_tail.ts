import { exp } from "./elementary.ts";

/** Coefficients of a Chebyshev series. */
const terms = [
  -1.26551223,
  1.00002368,
  0.37409196,
  0.09678418,
  -0.18628806,
  0.27886807,
  -1.13520398,
  1.48851587,
  -0.82215223,
  0.17087277,
];

/**
 * Returns the probability that a standard normal number is farther from 0 than z, on either side.
 *
 * @see Press et al., Numerical Recipes in C (1992), section 6.2, `erfcc`: a relative error of at most 1.2e-7.
 */
export function normalTails(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  return t * exp(-x * x + terms.reduceRight((sum, term) => sum * t + term, 0));
}
