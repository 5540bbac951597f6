import { log } from "../math/elementary.ts";
import { type CountedPart, levelParts, numberParts, type PartSums } from "./curve_parts.ts";
import type { CurvePlan } from "./curve_plans.ts";
import type { ReachOf } from "./interval_of.ts";
import type { CurvePart, FieldCurve, PredictedCounts } from "./model_report.ts";
import type { NumberBins } from "./number_bins.ts";

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

/** Returns the curves, at most 60: those of the fields that move predictions most, in the order of the plans. */
export function fieldCurves(inputs: CurveInputs): FieldCurve[] {
  let at = 0;
  const curves = inputs.plans.map((plan) => {
    const parts = plan.kind === "levels"
      ? levelParts(plan, inputs)
      : numberParts(inputs.bins[at], inputs, at++);
    return curveOf(plan, parts, inputs);
  }).filter(({ parts }) => parts.length > 0);
  const least = curves.map(({ spread }) => spread).sort((a, b) => b - a)[curvesMax - 1] ?? 0;
  const chosen = curves.filter(({ spread }) => spread >= least).slice(0, curvesMax);
  const limit = Math.max(
    partsMin,
    Math.min(partsMax, Math.floor(partsMaxOfAll / Math.max(1, chosen.length))),
  );
  return chosen.map((curve) => withLargest(curve, limit));
}

function curveOf(plan: CurvePlan, counted: readonly CountedPart[], inputs: CurveInputs): FieldCurve {
  const { isDeep, evaluated } = inputs;
  const isAdditive = !isDeep;
  const own = isAdditive ? additive(plan, counted, inputs) : counted.map((part) => ({
    effect: partial(part.evaluated, evaluated.total),
  }));
  const rows = counted.map((part) => (part.train ?? part.evaluated).rows);
  const total = plan.type === "words" ? (inputs.train ?? evaluated).total.rows : sumOf(rows);
  const spread = sumOf(own.map(({ effect }, i) => rows[i] * Math.abs(effect ?? 0))) / total;
  return {
    field: plan.field,
    ...(plan.part === undefined ? {} : { part: plan.part }),
    type: plan.type,
    effects: isAdditive ? "log-odds" : "partial",
    spread: total > 0 ? spread : 0,
    parts: counted.map(({ means: _, added: __, train, ...part }, i) => ({
      ...part,
      ...own[i],
      ...(train ? { train: { rows: train.rows, clicks: train.clicks } } : {}),
    })),
  };
}

/** The effect of a part, in log-odds, and its interval. */
type Effect = Pick<CurvePart, "effect" | "low" | "high">;

/** Returns what the columns add in each part, above their mean over all parts. What a word adds has no mean: a text has several. */
function additive(
  plan: CurvePlan,
  parts: readonly CountedPart[],
  { coefficients, reachOf }: CurveInputs,
): Effect[] {
  const mean = new Map<number, number>();
  let meanAdded = 0;
  const hasAdded = parts.some(({ added }) => added !== undefined);
  const rowsOf = ({ train, evaluated }: CountedPart) => (train ?? evaluated).rows;
  const total = sumOf(parts.map(rowsOf));
  for (const part of plan.type === "words" ? [] : parts) {
    for (const [column, value] of part.means ?? []) {
      mean.set(column, (mean.get(column) ?? 0) + value * rowsOf(part) / total);
    }
    meanAdded += (part.added ?? 0) * rowsOf(part) / total;
  }
  const addedBy = (columns: Iterable<readonly [column: number, value: number]>) => {
    let sum = 0;
    for (const [column, value] of columns) sum += value * coefficients[column];
    return sum;
  };
  const ofAll = meanAdded + addedBy(mean);
  return parts.map(({ means, added = 0 }) => {
    if (!means) return { effect: null };
    const effect = added + addedBy(means) - ofAll;
    // Only for an interval: a part then has the columns of all others, and a hashed field has tens of thousands.
    const reach = hasAdded ? undefined : reachOf?.(differenceOf(means, mean));
    return reach === undefined ? { effect } : { effect, low: effect - reach, high: effect + reach };
  });
}

/** Returns the weights of the columns in the difference of a part from the mean of all. */
function differenceOf(
  means: NonNullable<CountedPart["means"]>,
  mean: ReadonlyMap<number, number>,
): ReadonlyMap<number, number> {
  const weights = new Map([...mean].map(([column, value]) => [column, -value]));
  for (const [column, value] of means) weights.set(column, (weights.get(column) ?? 0) + value);
  return weights;
}

/** Returns the log-odds of the mean probability of a part less those of all rows; null without rows. */
function partial(part: PredictedCounts, all: PredictedCounts): number | null {
  const logitOf = ({ rows, predicted }: PredictedCounts) =>
    log(predicted / Math.max(rows - predicted, 1e-300));
  return part.rows > 0 && part.predicted > 0 ? logitOf(part) - logitOf(all) : null;
}

/** Keeps the levels with the most rows, in their order, and missing and unseen values. */
function withLargest(curve: FieldCurve, limit: number): FieldCurve {
  const { parts } = curve;
  if (parts.length <= limit || parts.some(({ from }) => from !== undefined)) return curve;
  const rowsOf = (i: number) => (parts[i].train ?? parts[i].evaluated).rows;
  const levels = [...parts.keys()].filter((i) => parts[i].is === undefined);
  const kept = new Set(
    levels.sort((a, b) => rowsOf(b) - rowsOf(a) || a - b).slice(0, limit - (parts.length - levels.length)),
  );
  const own = parts.filter(({ is }, i) => is !== undefined || kept.has(i));
  return { ...curve, parts: own, more: parts.length - own.length };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
