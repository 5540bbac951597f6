/** The shares of the allowed passes between which progress is judged: too little is known before, too few are left after. */
const judged = { from: 3 / 8, to: 3 / 4 };
/** Passes before which progress is no sign of convergence. */
const passesMin = 20;
/** Progress is too slow only if it would take more than this multiple of the passes that are left; more in the first half. */
const margins = { first: 4, second: 2 };

/**
 * Watches a fit that converges linearly. Its distance is the logarithm of a factor, so that it falls by about the same amount
 * in each pass: its fall in the second half of the passes so far tells how many more are needed.
 *
 * @param passesMax Number of passes that are allowed.
 */
export function createProgress(passesMax: number) {
  const points: { readonly passes: number; readonly distance: number }[] = [];
  return {
    /** Adds the distance that is left after a number of passes. */
    add(passes: number, distance: number): void {
      const least = points.at(-1)?.distance ?? Infinity;
      points.push({ passes, distance: Math.min(least, distance) });
    },
    /** Whether the fit will not converge in the passes that are left. */
    isTooSlow(): boolean {
      const now = points.at(-1);
      if (!now || now.passes < Math.max(passesMin, judged.from * passesMax)) return false;
      if (now.passes > judged.to * passesMax) return false;
      const half = points.findLast(({ passes }) => passes <= now.passes / 2);
      if (!half) return false;
      const margin = 2 * now.passes < passesMax ? margins.first : margins.second;
      const perPass = (half.distance - now.distance) / (now.passes - half.passes);
      return now.distance > margin * (passesMax - now.passes) * perPass;
    },
  };
}
