import { type BoostField, type BoostTask, growth } from "./boost_rows.ts";
import { binOffsets, countField, type Histogram, type OrderedRows, subtractField } from "./histograms.ts";
import { type Leaf, rangeOf } from "./leaf.ts";
import { noSplit, scanCuts, scanLevels, scanSubsets, type Split } from "./split_search.ts";

/** Which divisions are looked for. */
export interface SplitOptions extends Pick<BoostTask, "mode"> {
  /** Whether a path may combine two fields, shape (fields, fields), symmetric. */
  readonly allowed: Uint8Array;
}

/** Rows in the order of the leaves, and the fields that are offered. */
export interface SplitRows extends OrderedRows {
  readonly offered: readonly number[];
}

/** A step yields after this many rows. */
const stepRows = 50_000;

/** Creates a finder of the best divisions of leaves, which keeps the memory of histograms from tree to tree. */
export function createSplitFinder(fields: readonly BoostField[], { mode, allowed }: SplitOptions) {
  const offsets = binOffsets(fields);
  const free: Histogram[] = [];
  const bestSplit = (leaf: Leaf, histogram: Histogram, among: readonly number[]) =>
    scanFields(leaf, histogram, among, { fields, offsets, mode });

  function* count(leaf: Leaf, rows: SplitRows, among: readonly number[]): Generator<void, Histogram> {
    const histogram = free.pop() ?? new Float64Array(3 * offsets[fields.length]);
    for (const f of among) {
      const range = rangeOf(leaf, f, fields[f]);
      countField(histogram, offsets[f], range, fields[f].codes, rows, leaf.start, leaf.end);
      if (leaf.end - leaf.start > stepRows) yield;
    }
    return histogram;
  }

  /** Subtracts what the smaller child holds from the parent's sums. */
  function subtract(
    parent: Histogram,
    counted: Histogram,
    [larger, smaller]: [Leaf, Leaf],
    among: readonly number[],
  ) {
    for (const f of among) {
      const [own, other] = [larger, smaller].map((one) => rangeOf(one, f, fields[f]));
      // Of the field that was split, the two share bin 0 alone.
      const range = { from: Math.max(own.from, other.from), to: Math.min(own.to, other.to) };
      subtractField(parent, counted, offsets[f], range);
    }
  }

  function keep(leaf: Leaf, histogram: Histogram): void {
    if (leaf.split) leaf.histogram = histogram;
    else free.push(histogram);
  }

  const isOpen = ({ weight }: Leaf) => weight >= 2 * growth.leafRows;

  return {
    /** Finds the best division of a tree's root. */
    *ofRoot(root: Leaf, rows: SplitRows): Generator<void> {
      if (!isOpen(root)) return;
      const histogram = yield* count(root, rows, rows.offered);
      root.split = bestSplit(root, histogram, rows.offered);
      keep(root, histogram);
    },
    /** Finds the best divisions of a leaf's children: the rows of the smaller one are counted, and the other's sums are the rest. */
    *ofChildren(leaf: Leaf, [left, right]: [Leaf, Leaf], rows: SplitRows): Generator<void> {
      const parent = leaf.histogram;
      if (!parent) throw new Error("a leaf was divided without its sums");
      leaf.histogram = undefined;
      const [smaller, larger] = left.end - left.start <= right.end - right.start
        ? [left, right]
        : [right, left];
      const among = candidates(smaller, rows.offered, allowed);
      if (isOpen(smaller) || isOpen(larger)) {
        const counted = yield* count(smaller, rows, among);
        if (isOpen(smaller)) smaller.split = bestSplit(smaller, counted, among);
        if (isOpen(larger)) {
          subtract(parent, counted, [larger, smaller], among);
          larger.split = bestSplit(larger, parent, among);
        }
        keep(smaller, counted);
      }
      keep(larger, parent);
    },
    /** Releases the memory of a leaf that is not divided. */
    release(leaf: Leaf): void {
      if (leaf.histogram) free.push(leaf.histogram);
      leaf.histogram = undefined;
    },
  };
}

/** Returns the fields that a leaf may split on, ascending. */
function candidates({ path }: Leaf, offered: readonly number[], allowed: Uint8Array): readonly number[] {
  if (path.length === 0) return offered;
  if (path.length === 2) return path;
  const [own] = path;
  const fieldCount = Math.round(Math.sqrt(allowed.length));
  const others = offered.filter((f) => f !== own && allowed[own * fieldCount + f] === 1);
  return [...others, own].sort((a, b) => a - b);
}

interface Bins extends Pick<SplitOptions, "mode"> {
  readonly fields: readonly BoostField[];
  readonly offsets: Int32Array;
}

function scanFields(
  leaf: Leaf,
  histogram: Histogram,
  among: readonly number[],
  { fields, offsets, mode }: Bins,
): Split | undefined {
  const best = noSplit();
  for (const f of among) {
    const { isNumeric, binCount } = fields[f];
    if (isNumeric) {
      scanCuts(best, f, histogram, offsets[f], rangeOf(leaf, f, fields[f]), leaf);
      continue;
    }
    scanLevels(best, f, histogram, offsets[f], binCount, leaf);
    if (mode === "sorted") scanSubsets(best, f, histogram, offsets[f], binCount, leaf);
  }
  return best.field < 0 ? undefined : best;
}
