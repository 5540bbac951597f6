import { type Factor, factorise } from "../math/cholesky.ts";
import { stepRule } from "./convergence.ts";
import { correctedInverse } from "./corrected_inverse.ts";
import { descend } from "./descent.ts";
import { hessianOf } from "./objective.ts";
import type { Passes } from "./passes.ts";
import { dot, negated, type Point, type Solution, type SolverOptions } from "./penalised.ts";

/**
 * Minimises mean log loss + l2/2 · ‖β‖² by Newton's method with line search. A Hessian is used for several steps, with BFGS
 * updates between them.
 *
 * @returns The point where it stopped; `convergence` reports whether that is an optimum.
 * @see Nocedal & Wright, Numerical Optimization (2006), chapter 3, and section 7.2 for the updates.
 */
export function solveNewton(passes: Passes, options: SolverOptions): Promise<Solution> {
  return descend(passes, options, stepRule, (start) => {
    const inverse = correctedInverse(factorOf(start, options.fixedAtZero));
    return {
      propose({ gradient }) {
        const direction = negated(inverse.times(gradient));
        return { direction, slope: dot(direction, gradient) };
      },
      update: inverse.update,
    };
  });
}

/** Factorises the point's Hessian over the columns that are not fixed at zero. */
export function factorOf(point: Point, fixedAtZero: readonly number[] = []): Factor {
  const size = point.gradient.length;
  const free = Array.from({ length: size - 1 }, (_, i) => i).filter((column) =>
    !fixedAtZero.includes(column)
  );
  // The intercept first, so that it is kept and collinear columns are aliased.
  return factorise(hessianOf(point), size, [size - 1, ...free]);
}
