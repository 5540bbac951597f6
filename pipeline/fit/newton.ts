import { type Factor, factorise } from "../math/cholesky.ts";
import { stepRule } from "./convergence.ts";
import { correctedInverse } from "./corrected_inverse.ts";
import { descend } from "./descent.ts";
import type { Passes } from "./passes.ts";
import { dot, type Point, type Solution, type SolverOptions } from "./penalised.ts";

/**
 * Minimises mean log loss + l2/2 · ‖β‖² by Newton's method with line search. One Hessian serves several steps: BFGS updates
 * keep it true on the way.
 *
 * @returns The point where it stopped: whether that is an optimum, its `convergence` tells.
 * @see Nocedal & Wright, Numerical Optimization (2006), chapter 3, and section 7.2 for the updates.
 */
export function solveNewton(passes: Passes, options: SolverOptions): Promise<Solution> {
  return descend(passes, options, stepRule, (made) => {
    const inverse = correctedInverse(factorOf(made, options.fixedAtZero));
    return {
      towards({ gradient }) {
        const direction = inverse.times(gradient).map((value) => -value);
        return { direction, slope: dot(direction, gradient) };
      },
      learn: inverse.learn,
    };
  });
}

/** Factorises the point's Hessian over the columns that are not held. */
export function factorOf({ hessian, gradient }: Point, held: readonly number[] = []): Factor {
  if (!hessian) throw new Error("a factor needs a Hessian");
  const size = gradient.length;
  const free = Array.from({ length: size - 1 }, (_, i) => i).filter((column) => !held.includes(column));
  // The intercept first: of columns that say the same, it is the one to keep.
  return factorise(hessian, size, [size - 1, ...free]);
}
