import { wideColumns } from "../encode/cells.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";
import { Failure, usageInvalid } from "../failure.ts";
import { compactDesign } from "./compact_design.ts";
import { requireConverged } from "./convergence.ts";
import { solveLbfgs } from "./lbfgs.ts";
import type { PlainNetwork } from "../model/network.ts";
import { solveNewton } from "./newton.ts";
import type { OptimizerName } from "./minibatch/options.ts";
import { createPasses, type Passes } from "./passes.ts";
import type { Penalty, Solution, SolverOptions } from "./penalised.ts";
import { solveProximalNewton } from "./proximal_newton.ts";
import { requireFiniteOptimum, requireNotSeparated } from "./separation.ts";
import { hessianByOf, layoutOf } from "./sums_layout.ts";
import type { Threads } from "../runtime/thread_pool.ts";

/** Exact solvers. `auto` selects Newton if a Hessian is cheap, else L-BFGS; proximal Newton for an l1 penalty. */
export const solverNames = ["auto", "newton", "lbfgs"] as const;
export type SolverName = typeof solverNames[number];

type ExactSolver = "newton" | "proximal-newton" | "lbfgs";

/** A solution and the solver that found it. */
export interface Fit extends Solution {
  /** `tables`: the coefficients of found tables, by Newton's method with a penalty towards 1. */
  readonly solver: ExactSolver | OptimizerName | "tables";
  /** The deep part of a model with hidden layers, whose wide part is `coefficients`. */
  readonly network?: PlainNetwork;
  /** The backend of tfjs that trained it, if that is not wasm. */
  readonly backend?: "cpu";
}

/** Columns, and numbers in the sums of one chunk range (cells of groups and their pairs), up to which a Hessian is cheap. */
const cheap = { columns: 1_500, sums: 2 ** 21 };
/** The same for a Hessian by columns, as with bins and crosses: nearly collinear with their fields, they make L-BFGS slow. */
const cheapByColumns = { columns: wideColumns, sums: 2 ** 23 };
/** The limits up to which a Hessian is affordable if nothing else works. */
const affordable = { columns: 5_000, sums: 2 ** 23 };

/**
 * Fits the coefficients to the rows of some parts.
 *
 * @throws {Failure} `not-converged` by the rule of convergence.ts; `usage-invalid` for a solver that does not support the
 *   penalty or the design.
 * @throws {Separation} If there is no finite optimum.
 */
export async function fit(
  design: DesignMatrix,
  parts: readonly number[],
  threads: Threads,
  options: SolverOptions & { solver: SolverName },
): Promise<Fit> {
  const { penalty: { l2, prior }, start, fixedAtZero } = options;
  // Of a penalised column that no row has, the coefficient is 0.
  const isWide = chooseSolver(design, options) === "lbfgs" && l2 > 0 && !prior;
  const compact = isWide ? compactDesign(design) : undefined;
  if (!compact) return await fitPasses(await createPasses(design, parts, threads), options);
  const { columns: { columns, pick, spread } } = compact;
  const fixed = new Set(fixedAtZero);
  const fitted = await fitPasses(await createPasses(compact.design, parts, threads), {
    ...options,
    solver: "lbfgs",
    ...start ? { start: pick(start) } : {},
    fixedAtZero: [...columns.keys()].filter((place) => fixed.has(columns[place])),
  });
  return { ...fitted, coefficients: spread(fitted.coefficients) };
}

/** As `fit`, with existing passes, so that several fits can share one attached design. */
export async function fitPasses(
  passes: Passes,
  options: SolverOptions & { solver: SolverName },
): Promise<Fit> {
  const solver = chooseSolver(passes.design, options);
  const solution = solver === "newton"
    ? await solveNewton(passes, options)
    : solver === "lbfgs"
    ? await solveLbfgs(passes, {
      ...options,
      wide: !isNarrow(passes.design),
      isSeparatedBy: isUnpenalised(options.penalty)
        ? (coefficients) => passes.separates(coefficients)
        : undefined,
    })
    : await solveProximalNewton(passes, options);
  // On the way to an optimum at infinity the gradient vanishes too, but steps do not shrink.
  if (isUnpenalised(options.penalty)) {
    if (solution.gradientMax <= options.gradientTolerance) {
      await requireFiniteOptimum(passes, solution, options);
    } else await requireNotSeparated(passes, solution);
  }
  requireConverged(solution, options);
  return { ...solution, solver };
}

/** Returns the solver of a fit. @throws {Failure} `usage-invalid` for one that does not support the penalty or the design. */
export function chooseSolver(
  design: DesignMatrix,
  { solver, penalty }: Pick<SolverOptions, "penalty"> & { solver: SolverName },
): ExactSolver {
  const { columnCount } = design;
  const isAffordable = hessianIs(design, affordable);
  if (penalty.l1 > 0) {
    if (solver === "lbfgs") {
      throw usageInvalid("--solver lbfgs has no l1 penalty: use --solver auto, or --penalty l2.");
    }
    if (isAffordable) return "proximal-newton";
    throw tooWide("An l1 penalty needs a Hessian", columnCount);
  }
  if (!isAffordable) {
    if (solver === "newton") throw tooWide("--solver newton needs a Hessian", columnCount);
    if (isUnpenalised(penalty)) {
      throw tooWide("Without a penalty, a Hessian has to prove that the optimum is finite", columnCount);
    }
  }
  if (solver !== "auto") return solver;
  return isNarrow(design) ? "newton" : "lbfgs";
}

/** Whether a Hessian is cheap. */
function isNarrow(design: DesignMatrix): boolean {
  return hessianIs(design, hessianByOf(design) === "columns" ? cheapByColumns : cheap);
}

function hessianIs(design: DesignMatrix, { columns, sums }: typeof cheap): boolean {
  return design.columnCount <= columns && layoutOf(design, true).length <= sums;
}

function tooWide(need: string, columnCount: number): Failure {
  return usageInvalid(
    `${need}, and one over these ${columnCount} columns is too large. Use --penalty l2 with --solver auto, or reduce the ` +
      "columns of fields with many levels in the feature spec, with a higher minCount or a hash.",
  );
}

/** Whether there is no penalty: the optimum may then be at infinity, which a Hessian at the end detects. */
function isUnpenalised({ l2, l1, prior }: Penalty): boolean {
  return l2 === 0 && l1 === 0 && prior === undefined;
}
