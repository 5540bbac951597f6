import { addScaled, dot, type Point } from "./penalised.ts";

type Iterate = Pick<Point, "coefficients" | "gradient">;

/**
 * The inverse Hessian of an earlier point, updated by the steps since then.
 * Creates L-BFGS's two-loop recursion with a given initial inverse.
 *
 * @param initial Solves with the initial Hessian: an exact factor, or a diagonal.
 * @param pairsMax Maximum number of stored steps: each costs four passes over the coefficients per direction.
 * @see Nocedal & Wright, Numerical Optimization (2006), algorithm 7.4.
 */
export function correctedInverse(
  initial: { solve(right: Float64Array): Float64Array },
  pairsMax = 30,
) {
  const pairs: { step: Float64Array; change: Float64Array; curvature: number }[] = [];
  /** @param change Of the gradient, by the step. */
  const add = (step: Float64Array, change: Float64Array): void => {
    const curvature = dot(step, change);
    // Skips the last, tiny steps, whose curvature is lost in rounding.
    if (curvature <= 1e-14 * Math.sqrt(dot(step, step) * dot(change, change))) return;
    pairs.push({ step, change, curvature });
    if (pairs.length > pairsMax) pairs.shift();
  };
  return {
    times(gradient: Float64Array): Float64Array {
      const rest = gradient.slice();
      const shares = pairs.map(() => 0);
      for (let i = pairs.length - 1; i >= 0; i--) {
        shares[i] = dot(pairs[i].step, rest) / pairs[i].curvature;
        addTo(rest, pairs[i].change, -shares[i]);
      }
      const direction = initial.solve(rest);
      pairs.forEach(({ step, change, curvature }, i) =>
        addTo(direction, step, shares[i] - dot(change, direction) / curvature)
      );
      return direction;
    },
    update(from: Iterate, to: Iterate): void {
      add(addScaled(to.coefficients, from.coefficients, -1), addScaled(to.gradient, from.gradient, -1));
    },
    add,
  };
}

function addTo(target: Float64Array, direction: Float64Array, share: number): void {
  for (let i = 0; i < target.length; i++) target[i] += share * direction[i];
}
