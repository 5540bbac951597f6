import type { Passes } from "./passes.ts";

/** Passes of one fold along a path of penalties. */
export interface WarmPasses extends Passes {
  /**
   * Starts the next fit.
   *
   * @param curvature Hessian of the mean loss at a point nearby: it answers the fit's first question for one. Asked for
   *   when it is needed.
   */
  begin(curvature?: () => Promise<Float64Array>): void;
  /** Points at which the loss was asked for since the fit began; the first may have cost no pass. */
  pointCount(): number;
}

/**
 * Spares passes where a fit starts from its neighbour's solution: the loss and its gradient there are known from the
 * neighbour's last pass, since another penalty leaves them as they are; and a first Hessian from nearby will do, since the
 * solvers correct it on the way and ask for another where it leads them slowly. So the first step costs no pass at all.
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
        // A pass for a Hessian may round the gradient differently: what is remembered is what any other run would find.
        last = sums.hessian ? undefined : { coefficients, loss: sums.loss, gradient: sums.gradient.slice() };
        if (!curvature || !last) return sums;
      }
      // Copies: who asks works on them in place.
      const { loss, gradient } = last;
      const known = { loss, gradient: gradient.slice() };
      if (!curvature) return known;
      const weight = passes.weight.all;
      return { ...known, hessian: (await curvature()).map((value) => value * weight) };
    },
  };
}
