import { log } from "../math/elementary.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";
import type { Convergence } from "./certificate.ts";
import { gradientRule, type Proposal, type Rule, stepOf } from "./convergence.ts";
import { lineSearch } from "./line_search.ts";
import type { Passes, Scope } from "./passes.ts";
import { evaluatePoint, type Point, type Solution, type SolverOptions } from "./penalised.ts";
import { hessianByOf } from "./sums_layout.ts";

/** A quadratic model of the objective, created at a point with a Hessian and updated by later steps. */
export interface QuadraticModel {
  /** Proposes the next step from a point. */
  propose(point: Point): Proposal;
  update(from: Point, to: Point): void;
}

/** A step that leaves more than this share of the gradient is followed by a new Hessian. */
const slowShare = 0.3;
/** Estimated share of the gradient that remains after the first step with a model from elsewhere. */
const firstShare = 0.03;
/** The sample's optimum is only a starting point. */
const sampleTolerance = 1e-3;
/** Within this distance of the optimum, steps with a current Hessian converge quadratically. */
const nearStep = 0.05;
/** Passes that such a Hessian has to save. With few columns it costs hardly more than a gradient. */
const savedPasses = { few: 1, many: 2 };
const fewColumns = 128;

/**
 * Minimises the objective along the directions of a quadratic model.
 *
 * It starts from the optimum of a sample of the rows, where steps are cheap, and takes the first step over all rows with the
 * sample's model. A Hessian computed after that step then serves all further steps, since the model is updated from each at no
 * cost beyond the pass for the gradient. A Hessian at the start would be no better than the sample's, and outdated far sooner.
 *
 * @param ruleOf Creates the stopping rule.
 * @param modelAt Creates the model at a point with a Hessian.
 * @returns The point where it stopped; `convergence` reports whether that is an optimum.
 */
export async function descend(
  passes: Passes,
  options: SolverOptions,
  ruleOf: (options: SolverOptions) => Rule,
  modelAt: (point: Point) => QuadraticModel,
): Promise<Solution> {
  const rule = ruleOf(options);
  // A given start comes with passes that have a nearby Hessian: it counts as the start's own.
  if (options.start) {
    return solutionAt(await descendOver("all", passes, options.start, options, { rule, modelAt }));
  }
  let start: Float64Array = new Float64Array(passes.design.columnCount + 1);
  let model: QuadraticModel | undefined;
  if (passes.weight.sample < passes.weight.all) {
    const roughly = { ...options, gradientTolerance: sampleTolerance, observe: undefined };
    const rough = await descendOver("sample", passes, start, roughly, {
      rule: gradientRule(roughly, "gradient"),
      modelAt,
      refresh: true,
    });
    start = rough.point.coefficients;
    model = rough.model;
  }
  return solutionAt(
    await descendOver("all", passes, start, options, { rule, modelAt, model, refresh: true }),
  );
}

function solutionAt({ point, iterations, convergence }: Descent): Solution {
  const { coefficients, objective, gradientMax } = point;
  return { coefficients, objective, gradientMax, iterations, convergence };
}

interface DescentRules {
  readonly rule: Rule;
  modelAt(point: Point): QuadraticModel;
  /** For the first step, instead of one created at the start. */
  readonly model?: QuadraticModel | undefined;
  /** Whether later points get new models if these save passes. */
  readonly refresh?: boolean;
}

interface Descent {
  readonly point: Point;
  readonly model: QuadraticModel;
  readonly iterations: number;
  readonly convergence: Convergence;
}

async function descendOver(
  scope: Scope,
  passes: Passes,
  start: Float64Array,
  options: SolverOptions,
  { rule, modelAt, model: initialModel, refresh = false }: DescentRules,
): Promise<Descent> {
  const { gradientTolerance, iterationsMax, observe, checkpoint } = options;
  const at = (coefficients: Float64Array, hessian: boolean) =>
    evaluatePoint(passes, scope, coefficients, options, hessian);
  const savesPasses = savingOf(rule, refresh ? passes.design : undefined);
  let point = await at(start, initialModel === undefined);
  let model = initialModel ?? modelAt(point);
  let iterations = 1;
  // Whether the model was created at this point, and whether the step to this point used a model created at the point before.
  // A given start has a Hessian from nearby.
  let [isCurrent, exact] = [initialModel === undefined && refresh, false];
  const refreshModel = async () => {
    point = await at(point.coefficients, true);
    model = modelAt(point);
    isCurrent = true;
    iterations++;
  };
  observe?.({ iteration: 0, objective: point.objective, gradientMax: point.gradientMax, step: 0 });
  for (let steps = 0;; steps++) {
    let proposal: Proposal | undefined;
    const progress = { point, propose: () => proposal ??= model.propose(point), exact };
    const verdict = rule.judge(progress);
    if (typeof verdict === "object") return { point, model, iterations, convergence: verdict };
    if (iterations >= iterationsMax || (verdict === "stalled" && exact)) break;
    checkpoint?.();
    if (verdict === "stalled" && !isCurrent) {
      await refreshModel();
      continue;
    }
    const { direction, slope } = progress.propose();
    const length = stepOf(point.coefficients, direction);
    const saves = savesPasses(length, isCurrent);
    const isFar = firstShare * point.gradientMax > gradientTolerance ||
      firstShare * length > (rule.stepMax ?? Infinity);
    const hessian = refresh && steps === 0 ? isFar : saves;
    const found = await lineSearch(
      point,
      direction,
      slope,
      iterationsMax - iterations,
      (coefficients) => at(coefficients, hessian),
    );
    iterations += found.passes;
    if (!found.next) {
      const convergence = rule.judgeStuck(progress);
      if (convergence) return { point, model, iterations, convergence };
      if (isCurrent || iterations >= iterationsMax) break;
      await refreshModel();
      continue;
    }
    const { next, step } = found;
    observe?.({ iteration: iterations - 1, objective: next.objective, gradientMax: next.gradientMax, step });
    const slow = next.gradientMax > slowShare * point.gradientMax;
    if (next.hessian) model = modelAt(next);
    else model.update(point, next);
    point = next;
    [exact, isCurrent] = [isCurrent, next.hessian !== undefined];
    if (slow && !isCurrent && point.gradientMax > gradientTolerance && iterations < iterationsMax) {
      await refreshModel();
    }
  }
  const convergence = rule.stepMax === undefined
    ? {}
    : { step: stepOf(point.coefficients, model.propose(point).direction) };
  return { point, model, iterations, convergence };
}

/**
 * Returns a function that estimates after each step whether a Hessian at the next point would save passes. With an old
 * Hessian, steps shrink by about the same factor each time; with a current one, they converge quadratically.
 */
function savingOf(
  { stepMax }: Rule,
  design: DesignMatrix | undefined,
): (step: number, isCurrent: boolean) => boolean {
  const isCheap = design !== undefined && hessianByOf(design) === "cells";
  const savedMin = isCheap && design.columnCount <= fewColumns ? savedPasses.few : savedPasses.many;
  let before = Infinity;
  return (step, isCurrent) => {
    const share = isCurrent ? Math.min(step, step / before) : step / before;
    const next = step * share;
    before = step;
    if (!isCheap || stepMax === undefined || !(next < nearStep && share < 1 && share > 0)) return false;
    const without = Math.ceil(log(stepMax / next) / log(share));
    let withOne = 0;
    for (let left = next; left > stepMax; left *= left) withOne++;
    return without - withOne >= savedMin;
  };
}
