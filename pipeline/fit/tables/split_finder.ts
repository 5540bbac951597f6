import { type BoostField, type BoostTask, growth } from "./boost_rows.ts";
import {
  type CountedField,
  countFields,
  createHistogramPool,
  type Histogram,
  type HistogramPool,
  type OrderedRows,
  subtractField,
} from "./histograms.ts";
import { type Leaf, rangeOf } from "./leaf.ts";
import { noSplit, scanCuts, scanLevels, scanSubsets, type Split } from "./split_search.ts";

/** Which divisions are looked for. */
export interface SplitOptions extends Pick<BoostTask, "mode" | "smoothing"> {
  /** Whether a path may combine two fields, shape (fields, fields), symmetric. */
  readonly allowed: Uint8Array;
}

/** Rows in the order of the leaves, and the fields that are offered. */
export interface SplitRows extends OrderedRows {
  readonly offered: readonly number[];
}

/** Work on more rows is divided into steps. */
const stepRows = 50_000;

/** Creates a finder of the best divisions of leaves, which keeps the memory of histograms from tree to tree. */
export function createSplitFinder(
  fields: readonly BoostField[],
  { mode, allowed, smoothing = 1 }: SplitOptions,
) {
  const l2 = smoothing * growth.l2;
  const pool = createHistogramPool(fields);

  function* count(leaf: Leaf, rows: SplitRows, among: readonly number[]): Generator<void, Histogram> {
    const histogram = pool.take(leaf.path);
    const counted = (f: number): CountedField => ({
      codes: fields[f].codes,
      offset: pool.offsetOf(leaf.path, f),
      range: rangeOf(leaf, f, fields[f]),
    });
    for (let i = 0; i < among.length; i += 2) {
      countFields(histogram, among.slice(i, i + 2).map(counted), rows, leaf.start, leaf.end);
      if (leaf.end - leaf.start > stepRows) yield;
    }
    return histogram;
  }

  const bestSplit = (leaf: Leaf, histogram: Histogram, among: readonly number[]) =>
    scanFields(leaf, histogram, among, { fields, pool, mode, l2 });

  /** Returns the larger child's sums: the parent's, where they are or in less room, without the smaller child's. */
  function subtract(parent: Leaf, sums: Histogram, counted: Histogram, children: Children): Histogram {
    const { smaller, larger, among } = children;
    const { path } = larger;
    const rest = path.length === parent.path.length || path.length < 2 ? sums : pool.take(path);
    for (const f of among) {
      const [own, other] = [larger, smaller].map((one) => rangeOf(one, f, fields[f]));
      const [from, to] = [pool.offsetOf(parent.path, f), pool.offsetOf(path, f)];
      if (rest !== sums) rest.set(sums.subarray(3 * from, 3 * (from + fields[f].binCount)), 3 * to);
      // Of the field that was split, the two share bin 0 alone.
      const range = { from: Math.max(own.from, other.from), to: Math.min(own.to, other.to) };
      subtractField(rest, to, counted, pool.offsetOf(path, f), range);
    }
    if (rest !== sums) pool.release(sums, parent.path);
    return rest;
  }

  function keep(leaf: Leaf, histogram: Histogram): void {
    if (leaf.split) leaf.histogram = histogram;
    else pool.release(histogram, leaf.path);
  }

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
      const sums = leaf.histogram;
      if (!sums) throw new Error("a leaf was divided without its sums");
      leaf.histogram = undefined;
      const isLeftSmaller = left.end - left.start <= right.end - right.start;
      const [smaller, larger] = isLeftSmaller ? [left, right] : [right, left];
      const among = candidates(smaller, rows.offered, allowed);
      if (!isOpen(smaller) && !isOpen(larger)) return pool.release(sums, leaf.path);
      const counted = yield* count(smaller, rows, among);
      if (isOpen(smaller)) smaller.split = bestSplit(smaller, counted, among);
      if (isOpen(larger)) {
        const rest = subtract(leaf, sums, counted, { smaller, larger, among });
        larger.split = bestSplit(larger, rest, among);
        keep(larger, rest);
      } else pool.release(sums, leaf.path);
      keep(smaller, counted);
    },
    /** Releases the memory of a leaf that is not divided. */
    release(leaf: Leaf): void {
      if (leaf.histogram) pool.release(leaf.histogram, leaf.path);
      leaf.histogram = undefined;
    },
  };
}

/** The children of a leaf, and the fields that they may split on. */
interface Children {
  readonly smaller: Leaf;
  readonly larger: Leaf;
  readonly among: readonly number[];
}

/** Whether a leaf has enough rows for two sides. */
function isOpen({ weight }: Leaf): boolean {
  return weight >= 2 * growth.leafRows;
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
  /** Added to the curvature of each side. */
  readonly l2: number;
  readonly fields: readonly BoostField[];
  readonly pool: HistogramPool;
}

function scanFields(
  leaf: Leaf,
  histogram: Histogram,
  among: readonly number[],
  { fields, pool, mode, l2 }: Bins,
): Split | undefined {
  const best = noSplit();
  for (const f of among) {
    const { isNumeric, binCount } = fields[f];
    const offset = pool.offsetOf(leaf.path, f);
    if (isNumeric) {
      scanCuts(best, f, histogram, offset, rangeOf(leaf, f, fields[f]), leaf, l2);
      continue;
    }
    scanLevels(best, f, histogram, offset, binCount, leaf, l2);
    if (mode === "sorted") scanSubsets(best, f, histogram, offset, binCount, leaf, l2);
  }
  return best.field < 0 ? undefined : best;
}
