import type { Passes } from "./passes.ts";

/** Passes over one fold, for fits along a path of penalties. */
export interface WarmPasses extends Passes {
  /**
   * Starts the next fit.
   *
   * @param curvature Computes the Hessian of the mean loss at a nearby point. Used for the fit's first Hessian, and only
   *   called then.
   */
  begin(curvature?: () => Promise<Float64Array>): void;
  /** Returns the number of points evaluated since the fit began; the first may have cost no pass. */
  pointCount(): number;
}

/**
 * Saves passes when a fit starts from its neighbour's solution. Loss and gradient there are known from the neighbour's last
 * pass, since they do not depend on the penalty. A Hessian from nearby is enough to start with, since the solvers update it
 * and request another if they converge slowly. So the first step costs no pass.
 */
export function warmPasses(passes: Passes): WarmPasses {
  let last: { coefficients: Float64Array; loss: number; gradient: Float64Array } | undefined;
  let nearby: (() => Promise<Float64Array>) | undefined;
  let latest: Float64Array | undefined;
  let pointCount = 0;
  return {
    ...passes,
    begin(curvature) {
      nearby = curvature;
      latest = undefined;
      pointCount = 0;
    },
    pointCount: () => pointCount,
    async evaluate(coefficients, { hessian, scope = "all" }) {
      if (scope !== "all") return await passes.evaluate(coefficients, { hessian, scope });
      if (coefficients !== latest) pointCount++;
      latest = coefficients;
      const curvature = hessian ? nearby : undefined;
      if (hessian) nearby = undefined;
      if (last?.coefficients !== coefficients || (hessian && !curvature)) {
        const sums = await passes.evaluate(coefficients, { hessian: hessian && !curvature, scope });
        // Not stored: a pass with a Hessian may round the gradient differently, and results must not depend on the order of fits.
        last = sums.hessian ? undefined : { coefficients, loss: sums.loss, gradient: sums.gradient.slice() };
        if (!curvature || !last) return sums;
      }
      // Copies, since callers modify them in place.
      const { loss, gradient } = last;
      const known = { loss, gradient: gradient.slice() };
      if (!curvature) return known;
      const weight = passes.weight.all;
      return { ...known, hessian: (await curvature()).map((value) => value * weight) };
    },
  };
}
