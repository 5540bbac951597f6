import { type BoostField, type BoostTask, growth } from "./boost_rows.ts";
import { binOffsets, countField, type Histogram, type OrderedRows, subtractField } from "./histograms.ts";
import { type Leaf, rangeOf, sideOf } from "./leaf.ts";
import { type LeafSums, noSplit, scanCuts, scanLevels, scanSubsets, type Split } from "./split_search.ts";

/** Which trees a grower grows. */
export interface GrowerOptions extends Pick<BoostTask, "mode" | "leaves"> {
  /** Whether a path may combine two fields, shape (fields, fields), symmetric. */
  readonly allowed: Uint8Array;
  /** Gain of the splits of paths with both fields, shape (fields, fields): added to. */
  readonly pairGain: Float64Array;
}

/** Rows of a tree; both orders are changed. */
export interface TreeRows extends OrderedRows {
  readonly rowCount: number;
  /** Rows that have no part in the tree's growth but are divided with it. */
  readonly others: Uint32Array;
  readonly otherCount: number;
}

/**
 * Creates a grower of trees: a leaf whose division gains most is divided until there are `leaves`, and no path splits on more than
 * two fields. Yields now and then.
 *
 * @param fields Bins of the rows.
 * @returns A function that grows a tree on rows with the given derivatives and offered fields, and returns its leaves.
 */
export function createGrower(fields: readonly BoostField[], options: GrowerOptions) {
  const { leaves: leafMax, allowed, pairGain } = options;
  const offsets = binOffsets(fields);
  const free: Histogram[] = [];
  const sides = new Uint8Array(fields.reduce((most, { binCount }) => Math.max(most, binCount), 0));
  let buffer = new Uint32Array(0);

  /** Returns the fields that a leaf may split on, ascending. */
  function candidates({ path }: Leaf, offered: readonly number[]): readonly number[] {
    if (path.length === 0) return offered;
    if (path.length === 2) return path;
    const [own] = path;
    const others = offered.filter((f) => f !== own && allowed[own * fields.length + f] === 1);
    return [...others, own].sort((a, b) => a - b);
  }

  function* count(leaf: Leaf, rows: TreeRows, among: readonly number[]): Generator<void, Histogram> {
    const histogram = free.pop() ?? new Float64Array(3 * offsets[fields.length]);
    for (const f of among) {
      const range = rangeOf(leaf, f, fields[f]);
      countField(histogram, offsets[f], range, fields[f].codes, rows, leaf.start, leaf.end);
      if (leaf.end - leaf.start > 50_000) yield;
    }
    return histogram;
  }

  function bestSplit(leaf: Leaf, histogram: Histogram, among: readonly number[]): Split | undefined {
    const best = noSplit();
    for (const f of among) {
      const { isNumeric, binCount } = fields[f];
      if (isNumeric) {
        scanCuts(best, f, histogram, offsets[f], rangeOf(leaf, f, fields[f]), leaf);
        continue;
      }
      scanLevels(best, f, histogram, offsets[f], binCount, leaf);
      if (options.mode === "sorted") scanSubsets(best, f, histogram, offsets[f], binCount, leaf);
    }
    return best.field < 0 ? undefined : best;
  }

  /** Moves the rows of the left side to the front. @returns The position of the right side's first row. */
  function divide(
    order: Uint32Array,
    start: number,
    end: number,
    { field, cut, missingLeft, levels }: Split,
  ): number {
    if (buffer.length < end - start) buffer = new Uint32Array(end - start);
    const { codes, binCount } = fields[field];
    if (levels) {
      sides.fill(0, 0, binCount);
      for (const level of levels) sides[level] = 1;
    } else {
      sides.fill(1, 0, cut);
      sides.fill(0, cut, binCount);
      sides[0] = missingLeft ? 1 : 0;
    }
    let [left, right] = [start, 0];
    for (let i = start; i < end; i++) {
      const row = order[i];
      if (sides[codes[row]] === 1) order[left++] = row;
      else buffer[right++] = row;
    }
    order.set(buffer.subarray(0, right), left);
    return left;
  }

  function childrenOf(leaf: Leaf, split: Split, rows: TreeRows): [Leaf, Leaf] {
    const middle = divide(rows.order, leaf.start, leaf.end, split);
    const otherMiddle = divide(rows.others, leaf.otherStart, leaf.otherEnd, split);
    const child = (isLeft: boolean, sums: LeafSums): Leaf => ({
      ...sideOf(leaf, split, fields, isLeft),
      start: isLeft ? leaf.start : middle,
      end: isLeft ? middle : leaf.end,
      otherStart: isLeft ? leaf.otherStart : otherMiddle,
      otherEnd: isLeft ? otherMiddle : leaf.otherEnd,
      gradient: sums.gradient,
      curvature: sums.curvature,
      weight: sums.weight,
      value: shrunkValue(sums, leaf.value),
      histogram: undefined,
      split: undefined,
    });
    return [
      child(true, split),
      child(false, {
        gradient: leaf.gradient - split.gradient,
        curvature: leaf.curvature - split.curvature,
        weight: leaf.weight - split.weight,
      }),
    ];
  }

  /** Finds the children's best divisions: the rows of the smaller one are counted, and the other's sums are the rest. */
  function* findSplits(leaf: Leaf, [left, right]: [Leaf, Leaf], rows: TreeRows, offered: readonly number[]) {
    const parent = leaf.histogram;
    leaf.histogram = undefined;
    const [smaller, larger] = left.end - left.start <= right.end - right.start
      ? [left, right]
      : [right, left];
    const among = candidates(smaller, offered);
    const isOpen = (one: Leaf) => one.weight >= 2 * growth.leafRows;
    if (isOpen(smaller) || isOpen(larger)) {
      const counted = yield* count(smaller, rows, among);
      if (isOpen(smaller)) smaller.split = bestSplit(smaller, counted, among);
      if (parent && isOpen(larger)) {
        for (const f of among) {
          const [own, other] = [larger, smaller].map((one) => rangeOf(one, f, fields[f]));
          // Of the field that was split, the two share bin 0 alone.
          const range = { from: Math.max(own.from, other.from), to: Math.min(own.to, other.to) };
          subtractField(parent, counted, offsets[f], range);
        }
        larger.split = bestSplit(larger, parent, among);
      }
      keep(smaller, counted);
    }
    if (parent) keep(larger, parent);
  }

  function keep(leaf: Leaf, histogram: Histogram): void {
    if (leaf.split) leaf.histogram = histogram;
    else free.push(histogram);
  }

  return function* grow(rows: TreeRows, offered: readonly number[]): Generator<void, Leaf[]> {
    const root = rootOf(rows);
    const leaves = [root];
    if (leafMax > 1 && root.weight >= 2 * growth.leafRows) {
      root.histogram = yield* count(root, rows, offered);
      root.split = bestSplit(root, root.histogram, offered);
      keep(root, root.histogram);
    }
    while (leaves.length < leafMax) {
      const at = bestLeaf(leaves);
      if (at < 0) break;
      const leaf = leaves[at];
      const { split } = leaf;
      if (!split) break;
      const children = childrenOf(leaf, split, rows);
      const { path } = children[0];
      if (path.length === 2) pairGain[path[0] * fields.length + path[1]] += split.gain;
      leaves[at] = children[0];
      leaves.push(children[1]);
      if (leaves.length < leafMax) yield* findSplits(leaf, children, rows, offered);
      else if (leaf.histogram) free.push(leaf.histogram);
    }
    for (const { histogram } of leaves) if (histogram) free.push(histogram);
    return leaves;
  };
}

function rootOf({ order, rowCount, otherCount, weights, gradients, curvatures }: TreeRows): Leaf {
  let [gradient, curvature, weight] = [0, 0, 0];
  for (let i = 0; i < rowCount; i++) {
    const row = order[i];
    gradient += gradients[row];
    curvature += curvatures[row];
    weight += weights ? weights[row] : 1;
  }
  const value = shrunkValue({ gradient, curvature, weight }, 0);
  const rows = { start: 0, end: rowCount, otherStart: 0, otherEnd: otherCount };
  const sums = { gradient, curvature, weight };
  return { path: [], sets: [], ...rows, ...sums, value, histogram: undefined, split: undefined };
}

function shrunkValue({ gradient, curvature, weight }: LeafSums, parent: number): number {
  const share = weight / (weight + growth.shrink);
  return share * (-gradient / (curvature + growth.l2)) + (1 - share) * parent;
}

/** Returns the leaf whose division gains most, the first of equal ones, or −1. */
function bestLeaf(leaves: readonly Leaf[]): number {
  let best = -1;
  let gain = 0;
  for (let i = 0; i < leaves.length; i++) {
    const own = leaves[i].split?.gain ?? 0;
    if (own > gain) [best, gain] = [i, own];
  }
  return best;
}
