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

/** A table of equal cells that finds the bins of most values without comparisons; the edges of a value's cell decide. */
interface BinTable {
  readonly edges: Float64Array;
  readonly low: number;
  /** Cells per unit. */
  readonly scale: number;
  /** Shape (cells + 1): the count of edges in the cells before. */
  readonly first: Uint8Array;
}

const cellCount = 512;

/** Returns a function that writes the bins of values: the count of edges that are not above each. */
export function createBinReader(
  edges: Float64Array,
): (
  numbers: Float64Array,
  places: { readonly from: number; readonly stride: number; readonly count: number },
  out: Uint8Array,
) => void {
  const count = edges.length;
  const [low, high] = [edges[0] ?? 0, edges[count - 1] ?? 0];
  const table = {
    edges,
    low,
    scale: high > low ? cellCount / (high - low) : 0,
    first: new Uint8Array(cellCount + 1),
  };
  for (let cell = 0; cell <= cellCount; cell++) {
    let below = 0;
    while (below < count && cellOf(edges[below], table) < cell) below++;
    table.first[cell] = below;
  }
  return (numbers, places, out) => readBins(table, numbers, places, out);
}

function cellOf(value: number, { low, scale }: Pick<BinTable, "low" | "scale">): number {
  const place = (value - low) * scale;
  return place <= 0 ? 0 : place >= cellCount ? cellCount : Math.floor(place);
}

/**
 * A separate function, which V8 compiles for all columns.
 *
 * @param numbers Every `stride`-th one counts, from `from`.
 * @param out Shape (values) or longer.
 */
function readBins(
  { edges, low, scale, first }: BinTable,
  numbers: Float64Array,
  { from, stride, count }: { readonly from: number; readonly stride: number; readonly count: number },
  out: Uint8Array,
): void {
  for (let i = 0, at = from; i < count; i++, at += stride) {
    const value = numbers[at];
    const place = (value - low) * scale;
    let bin = first[place <= 0 ? 0 : place >= cellCount ? cellCount : place | 0];
    while (bin < edges.length && edges[bin] <= value) bin++;
    out[i] = bin;
  }
}

/** Rounds to a number of significant digits. */
export function rounded(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}
