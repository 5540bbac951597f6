import { encodeNumeric, restored } from "../encode/encoder.ts";
import { exp, log } from "../math/elementary.ts";
import type { NumberPlan } from "./curve_plans.ts";

/** The parts of a curve over numbers. */
export interface NumberBins {
  readonly plan: NumberPlan;
  /** Edges of the column's value, ascending: a part is [edge, next edge). */
  readonly edges: Float64Array;
  /** The same in the field's unit. */
  readonly units: readonly number[];
  /** Whether a part is one value, as far as is known: the edges are the values but the first. */
  readonly areValues: boolean;
}

const binsMax = 16;
const ownBinsMax = 30;
const valuesMax = 16;

/**
 * Chooses the parts of a curve: the model's own bins, or each value if there are few, or bins of about equal count whose edges have
 * three digits.
 *
 * @param values Some values of the column, without those that stand for a missing one.
 */
export function chooseBins(plan: NumberPlan, values: Float64Array): NumberBins {
  if (plan.bins) {
    const { edges } = plan.bins;
    const step = Math.ceil(edges.length / ownBinsMax);
    const own = Float64Array.from(edges.filter((_, i) => (i + 1) % step === 0 || step === 1));
    return {
      plan,
      edges: own,
      units: Array.from(own, (edge) => rounded(unitOf(plan, edge), 6)),
      areValues: false,
    };
  }
  const sorted = values.slice().sort();
  const distinct: number[] = [];
  for (const value of sorted) {
    if (distinct.length > valuesMax) break;
    if (value !== distinct.at(-1)) distinct.push(value);
  }
  if (distinct.length <= valuesMax) {
    const edges = Float64Array.from(distinct.slice(1));
    return {
      plan,
      edges,
      units: distinct.map((value) => rounded(unitOf(plan, value), 6)).slice(1),
      areValues: true,
    };
  }
  const units: number[] = [];
  for (let bin = 1; bin < binsMax; bin++) {
    const unit = rounded(unitOf(plan, sorted[Math.floor((bin * sorted.length) / binsMax)]), 3);
    if (unit > (units.at(-1) ?? -Infinity) && columnValueOf(plan, unit) > sorted[0]) units.push(unit);
  }
  return binsAt(plan, units);
}

/** Returns the bins with these edges in the field's unit. */
export function binsAt(plan: NumberPlan, units: readonly number[], areValues = false): NumberBins {
  return { plan, edges: Float64Array.from(units, (unit) => columnValueOf(plan, unit)), units, areValues };
}

/** Converts a value of the column to the field's unit: a click rate for a rate. */
export function unitOf({ scale }: NumberPlan, value: number): number {
  if (!("base" in scale)) return restored(scale.transform, value * scale.scale + scale.mean);
  return 1 / (1 + exp(-(value + log(scale.base / (1 - scale.base)))));
}

function columnValueOf({ scale }: NumberPlan, unit: number): number {
  if (!("base" in scale)) return encodeNumeric(scale, unit);
  return log(unit / (1 - unit)) - log(scale.base / (1 - scale.base));
}

/** Returns a function that gives the bin of a value: the count of edges that are not above it. */
export function createBinReader(edges: Float64Array): (value: number) => number {
  const count = edges.length;
  if (count === 0) return () => 0;
  // A table of equal cells finds most bins without comparisons; the edges of the value's cell decide.
  const cells = 512;
  const [low, high] = [edges[0], edges[count - 1]];
  const scale = high > low ? cells / (high - low) : 0;
  const cellOf = (value: number) => Math.min(cells, Math.max(0, Math.floor((value - low) * scale)));
  const first = new Uint8Array(cells + 1);
  for (let cell = 0; cell <= cells; cell++) {
    let below = 0;
    while (below < count && cellOf(edges[below]) < cell) below++;
    first[cell] = below;
  }
  return (value) => {
    let bin = first[cellOf(value)];
    while (bin < count && edges[bin] <= value) bin++;
    return bin;
  };
}

/** Rounds to a number of significant digits. */
export function rounded(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}
