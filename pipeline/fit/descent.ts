import { log } from "../math/elementary.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";
import type { Convergence } from "./certificate.ts";
import { gradientRule, type Proposal, type Rule, stepOf } from "./convergence.ts";
import { lineSearch } from "./line_search.ts";
import type { Passes, Scope } from "./passes.ts";
import { evaluatePoint, type Point, type Solution, type SolverOptions } from "./penalised.ts";
import { hessianByOf } from "./sums_layout.ts";

/** A quadratic model of the objective, made at a point with a Hessian and kept true by what later steps show. */
export interface QuadraticModel {
  /** Where to go from a point. */
  towards(point: Point): Proposal;
  learn(from: Point, to: Point): void;
}

/** A step that leaves more than this share of the gradient calls for a Hessian of the new point. */
const slowShare = 0.3;
/** What the first step along a model from elsewhere leaves of the gradient, about. */
const firstShare = 0.03;
/** The sample's optimum is a start, not an answer. */
const sampleTolerance = 1e-3;
/** A Hessian of a point this near to the optimum squares what is left with each step. */
const nearStep = 0.05;
/** Passes that such a Hessian has to save: one of few columns costs hardly more than a gradient. */
const savedPasses = { few: 1, many: 2 };
const fewColumns = 128;

/**
 * Goes down, step after step, along the directions of a quadratic model.
 *
 * It starts from the optimum of a sample of the rows, where steps are cheap, and takes the first step over all rows by the
 * sample's model. Where that leads, one Hessian then serves all further steps, for the model learns from each what costs
 * nothing beside a pass for the gradient: a Hessian of the start would be no better than the sample's, and far sooner
 * too old.
 *
 * @param ruleOf Makes the rule by which it ends.
 * @param modelAt Makes the model from a point with a Hessian.
 * @returns The point where it stopped: whether that is an optimum, its `convergence` tells.
 */
export async function descend(
  passes: Passes,
  options: SolverOptions,
  ruleOf: (options: SolverOptions) => Rule,
  modelAt: (point: Point) => QuadraticModel,
): Promise<Solution> {
  const rule = ruleOf(options);
  // Whoever names a start knows a Hessian nearby: it serves as the start's own.
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
      renew: true,
    });
    start = rough.point.coefficients;
    model = rough.model;
  }
  return solutionAt(await descendOver("all", passes, start, options, { rule, modelAt, model, renew: true }));
}

function solutionAt({ point, iterations, convergence }: Descent): Solution {
  const { coefficients, objective, gradientMax } = point;
  return { coefficients, objective, gradientMax, iterations, convergence };
}

interface Guides {
  readonly rule: Rule;
  modelAt(point: Point): QuadraticModel;
  /** For the first step, in place of one made at the start. */
  readonly model?: QuadraticModel | undefined;
  /** Whether points on the way get models of their own, if these save passes. */
  readonly renew?: boolean;
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
  { rule, modelAt, model: given, renew = false }: Guides,
): Promise<Descent> {
  const { gradientTolerance, iterationsMax, observe, checkpoint } = options;
  const at = (coefficients: Float64Array, hessian: boolean) =>
    evaluatePoint(passes, scope, coefficients, options, hessian);
  const savesPasses = savingOf(rule, renew ? passes.design : undefined);
  let point = await at(start, given === undefined);
  let model = given ?? modelAt(point);
  let iterations = 1;
  // Whether the model is the point's own, and whether the step to the point was by the own model of the point before.
  // A start that is named has a Hessian from nearby.
  let [own, exact] = [given === undefined && renew, false];
  const renewModel = async () => {
    point = await at(point.coefficients, true);
    model = modelAt(point);
    own = true;
    iterations++;
  };
  observe?.({ iteration: 0, objective: point.objective, gradientMax: point.gradientMax, step: 0 });
  for (let steps = 0;; steps++) {
    let proposal: Proposal | undefined;
    const progress = { point, propose: () => proposal ??= model.towards(point), exact };
    const verdict = rule.judge(progress);
    if (typeof verdict === "object") return { point, model, iterations, convergence: verdict };
    if (iterations >= iterationsMax || (verdict === "stalled" && exact)) break;
    checkpoint?.();
    if (verdict === "stalled" && !own) {
      await renewModel();
      continue;
    }
    const { direction, slope } = progress.propose();
    const length = stepOf(point.coefficients, direction);
    const saves = savesPasses(length, own);
    const isFar = firstShare * point.gradientMax > gradientTolerance ||
      firstShare * length > (rule.stepMax ?? Infinity);
    const hessian = renew && steps === 0 ? isFar : saves;
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
      if (own || iterations >= iterationsMax) break;
      await renewModel();
      continue;
    }
    const { next, step } = found;
    observe?.({ iteration: iterations - 1, objective: next.objective, gradientMax: next.gradientMax, step });
    const slow = next.gradientMax > slowShare * point.gradientMax;
    if (next.hessian) model = modelAt(next);
    else model.learn(point, next);
    point = next;
    [exact, own] = [own, next.hessian !== undefined];
    if (slow && !own && point.gradientMax > gradientTolerance && iterations < iterationsMax) {
      await renewModel();
    }
  }
  const convergence = rule.stepMax === undefined
    ? {}
    : { step: stepOf(point.coefficients, model.towards(point).direction) };
  return { point, model, iterations, convergence };
}

/**
 * Judges from step to step whether a Hessian of the next point would save passes: with an old one, steps shrink by about the
 * same share each time; with the point's own they square, as they then would again.
 */
function savingOf(
  { stepMax }: Rule,
  design: DesignMatrix | undefined,
): (step: number, own: boolean) => boolean {
  const isCheap = design !== undefined && hessianByOf(design) === "cells";
  const savedMin = isCheap && design.columnCount <= fewColumns ? savedPasses.few : savedPasses.many;
  let before = Infinity;
  return (step, own) => {
    const share = own ? Math.min(step, step / before) : step / before;
    const next = step * share;
    before = step;
    if (!isCheap || stepMax === undefined || !(next < nearStep && share < 1 && share > 0)) return false;
    const without = Math.ceil(log(stepMax / next) / log(share));
    let withOne = 0;
    for (let left = next; left > stepMax; left *= left) withOne++;
    return without - withOne >= savedMin;
  };
}
