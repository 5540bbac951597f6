import { log } from "../math/elementary.ts";
import {
  type CountedPart,
  levelParts,
  listOf,
  numberParts,
  type PartList,
  type PartSums,
} from "./curve_parts.ts";
import type { CurvePlan } from "./curve_plans.ts";
import type { ReachOf } from "./interval_of.ts";
import { largest } from "./largest.ts";
import type { CurvePart, FieldCurve, PredictedCounts } from "./model_report.ts";
import type { NumberBins } from "./number_bins.ts";
import { shortName } from "./short_name.ts";

/** What curves are made of. */
export interface CurveInputs extends PartSums {
  readonly plans: readonly CurvePlan[];
  /** Of the plans over numbers, in their order. */
  readonly bins: readonly NumberBins[];
  /** Shape (columns) or longer. */
  readonly coefficients: ArrayLike<number>;
  /** Absent if the model keeps no precision. */
  readonly reachOf?: ReachOf | undefined;
  /** Whether the model has hidden layers: then a coefficient is only a part of what its column does. */
  readonly isDeep: boolean;
}

const curvesMax = 60;
/** Parts of all curves together: they are most of a report's bytes. */
const partsMaxOfAll = 600;
const [partsMin, partsMax] = [8, 40];

/** A curve before it is drawn: a hashed field has tens of thousands of parts, of which a few dozen are. */
interface CountedCurve {
  readonly plan: CurvePlan;
  readonly parts: PartList;
  readonly rowsOfAll: number;
  /** What each part adds to the log-odds above the mean, shape (parts); null if it is not known. */
  readonly effects: readonly (number | null)[];
  readonly spread: number;
}

/** Returns the curves, at most 60: those of the fields that move predictions most, in the order of the plans. */
export function fieldCurves(inputs: CurveInputs): FieldCurve[] {
  let at = 0;
  const curves = inputs.plans.map((plan) => {
    const parts = plan.kind === "levels"
      ? levelParts(plan, inputs)
      : listOf(numberParts(inputs.bins[at], inputs, at++));
    return countedCurve(plan, parts, inputs);
  }).filter(({ parts }) => parts.rows.length > 0);
  const least = curves.map(({ spread }) => spread).sort((a, b) => b - a)[curvesMax - 1] ?? 0;
  const chosen = curves.filter(({ spread }) => spread >= least).slice(0, curvesMax);
  const limit = Math.max(
    partsMin,
    Math.min(partsMax, Math.floor(partsMaxOfAll / Math.max(1, chosen.length))),
  );
  return chosen.map((curve) => drawn(curve, limit, inputs));
}

function countedCurve(plan: CurvePlan, parts: PartList, inputs: CurveInputs): CountedCurve {
  const { isDeep, evaluated, train, coefficients } = inputs;
  const { rows } = parts;
  const rowsOfAll = plan.type === "words" ? (train ?? evaluated).total.rows : rows.reduce(sum, 0);
  const effects = isDeep
    ? Array.from(rows, (_, i) => partial(parts.at(i).evaluated, evaluated.total))
    : additive(plan, parts, rowsOfAll, coefficients);
  let spread = 0;
  effects.forEach((effect, i) => spread += rows[i] * Math.abs(effect ?? 0));
  return { plan, parts, rowsOfAll, effects, spread: rowsOfAll > 0 ? spread / rowsOfAll : 0 };
}

/** Returns what the columns add in each part, above their mean over all parts. What a word adds has no mean: a text has several. */
function additive(
  { type }: CurvePlan,
  { rows, at, columns }: PartList,
  rowsOfAll: number,
  coefficients: ArrayLike<number>,
): (number | null)[] {
  const effects = new Array<number | null>(rows.length);
  let mean = 0;
  for (let i = 0; i < rows.length; i++) {
    const effect = columns ? coefficients[columns[i]] : addedIn(at(i), coefficients);
    effects[i] = effect;
    mean += (effect ?? 0) * rows[i] / rowsOfAll;
  }
  return type === "words" ? effects : effects.map((effect) => effect === null ? null : effect - mean);
}

/** Returns what a part adds to the log-odds; null if it is not known. */
function addedIn({ columns, means, added = 0 }: CountedPart, coefficients: ArrayLike<number>): number | null {
  if (!columns) return null;
  return columns.reduce((sum, column, j) => sum + (means ? means[j] : 1) * coefficients[column], added);
}

/** Draws a curve. @param limit Of the parts; those of numbers are all drawn. */
function drawn(curve: CountedCurve, limit: number, { isDeep, reachOf }: CurveInputs): FieldCurve {
  const { plan, parts, effects, spread } = curve;
  const shown = shownParts(curve, limit);
  const known = shown.map(parts.at);
  const hasReach = reachOf && !isDeep && known.every(({ added }) => added === undefined);
  const mean = hasReach ? meanColumns(curve) : undefined;
  return {
    field: plan.field,
    ...(plan.part === undefined ? {} : { part: plan.part }),
    type: plan.type,
    effects: isDeep ? "partial" : "log-odds",
    spread,
    parts: known.map((one, i): CurvePart => {
      const { columns, means: _, added: __, name, train, ...part } = one;
      const effect = effects[shown[i]];
      const reach = mean && columns ? reachOf?.(differenceOf(one, mean)) : undefined;
      return {
        name: shortName(name),
        ...part,
        effect,
        ...(reach === undefined || effect === null ? {} : { low: effect - reach, high: effect + reach }),
        ...(train ? { train: { rows: train.rows, clicks: train.clicks } } : {}),
      };
    }),
    ...(shown.length < effects.length ? { more: effects.length - shown.length } : {}),
  };
}

/** Returns the mean of each column over all parts. */
function meanColumns({ plan, parts, rowsOfAll }: CountedCurve): ReadonlyMap<number, number> {
  const mean = new Map<number, number>();
  if (plan.type === "words") return mean;
  parts.rows.forEach((rows, i) => {
    const { columns = [], means } = parts.at(i);
    columns.forEach((column, j) =>
      mean.set(column, (mean.get(column) ?? 0) + (means ? means[j] : 1) * rows / rowsOfAll)
    );
  });
  return mean;
}

/** Returns the weights of the columns in the difference of a part from the mean of all. */
function differenceOf(
  { columns = [], means }: Pick<CountedPart, "columns" | "means">,
  mean: ReadonlyMap<number, number>,
): ReadonlyMap<number, number> {
  const weights = new Map([...mean].map(([column, value]) => [column, -value]));
  columns.forEach((column, j) => weights.set(column, (weights.get(column) ?? 0) + (means ? means[j] : 1)));
  return weights;
}

/** Returns the log-odds of the mean probability of a part less those of all rows; null without rows. */
function partial(part: PredictedCounts, all: PredictedCounts): number | null {
  const logitOf = ({ rows, predicted }: PredictedCounts) =>
    log(predicted / Math.max(rows - predicted, 1e-300));
  return part.rows > 0 && part.predicted > 0 ? logitOf(part) - logitOf(all) : null;
}

/** Returns the places of the levels with the most rows and of missing and unseen values, which are the last; all of numbers. */
function shownParts({ plan, parts: { rows, at } }: CountedCurve, limit: number): number[] {
  if (rows.length <= limit || plan.kind === "numbers") return [...rows.keys()];
  let levels = rows.length;
  while (at(levels - 1).is !== undefined) levels--;
  const kept = largest(rows.subarray(0, levels), limit - (rows.length - levels));
  const others = Array.from({ length: rows.length - levels }, (_, i) => levels + i);
  return [...kept.sort((a, b) => a - b), ...others];
}

function sum(a: number, b: number): number {
  return a + b;
}
