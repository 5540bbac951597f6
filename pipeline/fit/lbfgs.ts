import { correctedInverse } from "./corrected_inverse.ts";
import { fitWeightsOf, forRuns } from "../encode/design_matrix.ts";
import { searchLine } from "./line_search.ts";
import type { Passes } from "./passes.ts";
import { dot, evaluatePoint, meanPenalty, type Solution, type SolverOptions } from "./penalised.ts";

/**
 * Minimises mean log loss + l2/2 · ‖β‖² by L-BFGS: for designs too wide for a Hessian. The first guess of the inverse is
 * the diagonal at the click rate, so that rare levels and frequent ones move at their own pace.
 *
 * @returns The point where it stopped: whether that is an optimum, its `gradientMax` tells.
 * @see Nocedal & Wright, Numerical Optimization (2006), section 7.2.
 */
export async function solveLbfgs(passes: Passes, options: SolverOptions): Promise<Solution> {
  const { gradientTolerance, iterationsMax, observe, checkpoint, held = [] } = options;
  const at = (coefficients: Float64Array) => evaluatePoint(passes, "all", coefficients, options, false);
  const { l2 } = meanPenalty(passes, options.penalty);
  const diagonal = diagonalOf(passes, l2);
  for (const column of held) diagonal[column] = Infinity;
  const inverse = correctedInverse(
    { solve: (right) => right.map((value, j) => value / diagonal[j]) },
    pairsMax,
  );
  let point = await at(options.start ?? new Float64Array(passes.design.columnCount + 1));
  let iterations = 1;
  observe?.({ iteration: 0, objective: point.objective, gradientMax: point.gradientMax, step: 0 });
  while (point.gradientMax > gradientTolerance && iterations < iterationsMax) {
    checkpoint?.();
    const direction = inverse.times(point.gradient).map((value) => -value);
    const slope = dot(direction, point.gradient);
    const { next, step, passes: used } = await searchLine(
      point,
      direction,
      slope,
      iterationsMax - iterations,
      at,
    );
    iterations += used;
    if (!next) break;
    observe?.({ iteration: iterations - 1, objective: next.objective, gradientMax: next.gradientMax, step });
    inverse.learn(point, next);
    point = next;
  }
  const { coefficients, objective, gradientMax } = point;
  return { coefficients, objective, gradientMax, iterations };
}

const pairsMax = 12;

/** Diagonal of the mean loss's Hessian where every probability is the click rate; a column without rows has 1. */
function diagonalOf(passes: Passes, l2: number): Float64Array {
  const { design, parts } = passes;
  const sums = new Float64Array(design.columnCount + 1);
  let rows = 0;
  let clicks = 0;
  const cellRows = design.groups.map(({ cellCount }) => new Float64Array(cellCount));
  const numericCount = design.numericColumns.length;
  for (const chunk of passes.chunks()) {
    const weights = fitWeightsOf(chunk);
    forRuns(chunk, parts, (from, to) => {
      for (let i = from, k = from * numericCount; i < to; i++) {
        const weight = weights?.[i] ?? 1;
        rows += weight;
        clicks += weight * chunk.labels[i];
        for (let g = 0; g < cellRows.length; g++) cellRows[g][chunk.cells[g][i]] += weight;
        for (let j = 0; j < numericCount; j++, k++) {
          sums[design.numericColumns[j]] += weight * chunk.numeric[k] ** 2;
        }
      }
    });
  }
  design.groups.forEach(({ fieldCount, columns }, g) => {
    columns.forEach((column, at) => {
      if (column >= 0) sums[column] += cellRows[g][Math.floor(at / fieldCount)];
    });
  });
  sums[design.columnCount] = rows;
  const weight = (clicks / rows) * (1 - clicks / rows);
  return sums.map((sum, j) => (weight * sum) / rows + (j < design.columnCount ? l2 : 0) || 1);
}
