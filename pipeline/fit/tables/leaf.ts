import type { BoostField } from "./boost_rows.ts";
import type { BinRange, Histogram } from "./histograms.ts";
import type { Split } from "./split_search.ts";

/** The bins of a field that a leaf holds. */
export interface BinSet {
  /** Numeric: the range of bins from 1. */
  readonly range: BinRange;
  /** Numeric: whether bin 0 is in it. */
  readonly withMissing: boolean;
  /** Categorical: a bit per bin. */
  readonly bits: Int32Array | undefined;
}

/** A leaf of a tree that is being grown. */
export interface Leaf {
  /** The fields that the path to it has split on, at most two, ascending, and the bins left of each. */
  readonly path: readonly number[];
  readonly sets: readonly BinSet[];
  /** Its rows among those that the tree is fitted to, as positions in their order, and among the others. */
  readonly start: number;
  readonly end: number;
  readonly otherStart: number;
  readonly otherEnd: number;
  readonly gradient: number;
  readonly curvature: number;
  readonly weight: number;
  /** Shrunk to its parent's; not yet times the rate. */
  readonly value: number;
  histogram: Histogram | undefined;
  /** Its best division, if it has one. */
  split: Split | undefined;
}

/** Returns the range of a field's bins besides bin 0 that the leaf may hold. */
export function rangeOf({ path, sets }: Leaf, field: number, { binCount, isNumeric }: BoostField): BinRange {
  const at = path.indexOf(field);
  return at >= 0 && isNumeric ? sets[at].range : { from: 1, to: binCount };
}

/** Returns the path and the sets of bins on one side of a leaf's split. */
export function sideOf(
  { path, sets }: Leaf,
  split: Split,
  fields: readonly BoostField[],
  isLeft: boolean,
): Pick<Leaf, "path" | "sets"> {
  const at = path.indexOf(split.field);
  const before = at >= 0 ? sets[at] : wholeSet(fields[split.field]);
  const part = partOf(before, split, isLeft);
  if (at >= 0) return { path, sets: sets.map((set, i) => i === at ? part : set) };
  if (path.length === 1 && path[0] > split.field) {
    return { path: [split.field, path[0]], sets: [part, sets[0]] };
  }
  return { path: [...path, split.field], sets: [...sets, part] };
}

function wholeSet({ binCount, isNumeric }: BoostField): BinSet {
  const range = { from: 1, to: binCount };
  if (isNumeric) return { range, withMissing: true, bits: undefined };
  const bits = new Int32Array(wordCount(binCount));
  for (let bin = 0; bin < binCount; bin++) bits[bin >> 5] |= 1 << (bin & 31);
  return { range, withMissing: true, bits };
}

function partOf(
  { range, withMissing, bits }: BinSet,
  { cut, missingLeft, levels }: Split,
  isLeft: boolean,
): BinSet {
  if (!bits || !levels) {
    return {
      range: isLeft ? { from: range.from, to: cut } : { from: cut, to: range.to },
      withMissing: withMissing && missingLeft === isLeft,
      bits: undefined,
    };
  }
  const part = isLeft ? new Int32Array(bits.length) : bits.slice();
  for (const level of levels) {
    if (isLeft) part[level >> 5] |= 1 << (level & 31);
    else part[level >> 5] &= ~(1 << (level & 31));
  }
  return { range, withMissing, bits: part };
}

/** Returns the number of words of 32 bits for a bit per bin. */
export function wordCount(binCount: number): number {
  return (binCount + 31) >> 5;
}
