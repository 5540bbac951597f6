import { type BoostField, type BoostTask, growth } from "./boost_rows.ts";
import type { OrderedRows } from "./histograms.ts";
import { type Leaf, sideOf } from "./leaf.ts";
import { createSplitFinder, type SplitOptions } from "./split_finder.ts";
import type { LeafSums, Split } from "./split_search.ts";

/** Which trees a grower grows. */
export interface GrowerOptions extends SplitOptions, Pick<BoostTask, "leaves"> {
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
 * Creates a grower of trees: the leaf whose division gains most is divided until there are `leaves`, and no path splits on more than
 * two fields. Yields now and then.
 *
 * @param fields Bins of the rows.
 * @returns A function that grows a tree on rows with the given derivatives and offered fields, and returns its leaves.
 */
export function createGrower(fields: readonly BoostField[], options: GrowerOptions) {
  const { leaves: leafMax, pairGain, smoothing = 1 } = options;
  const finder = createSplitFinder(fields, options);
  const divide = createDivider(fields);

  return function* grow(rows: TreeRows, offered: readonly number[]): Generator<void, Leaf[]> {
    const splitRows = { ...rows, offered };
    const leaves = [rootOf(rows, smoothing)];
    if (leafMax > 1) yield* finder.ofRoot(leaves[0], splitRows);
    while (leaves.length < leafMax) {
      const at = bestLeaf(leaves);
      const leaf = leaves[at];
      if (!leaf?.split) break;
      const middles: [number, number] = [
        divide(rows.order, leaf.start, leaf.end, leaf.split),
        divide(rows.others, leaf.otherStart, leaf.otherEnd, leaf.split),
      ];
      const children = childrenOf(leaf, leaf.split, middles, { fields, smoothing });
      const { path } = children[0];
      if (path.length === 2) pairGain[path[0] * fields.length + path[1]] += leaf.split.gain;
      leaves[at] = children[0];
      leaves.push(children[1]);
      if (leaves.length < leafMax) yield* finder.ofChildren(leaf, children, splitRows);
      else finder.release(leaf);
    }
    leaves.forEach(finder.release);
    return leaves;
  };
}

/** Creates a function that moves the rows of a split's left side to the front, and returns the position of the right side's first row. */
function createDivider(fields: readonly BoostField[]) {
  const sides = new Uint8Array(fields.reduce((most, { binCount }) => Math.max(most, binCount), 0));
  let buffer = new Uint32Array(0);
  return function divide(order: Uint32Array, start: number, end: number, split: Split): number {
    const { field, cut, missingLeft, levels } = split;
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
    let left = start;
    // Each row is written to both sides, and stays on one: a processor cannot guess which, and a branch would make it wait.
    for (let i = start; i < end; i++) {
      const row = order[i];
      order[left] = row;
      buffer[i - left] = row;
      left += sides[codes[row]];
    }
    order.set(buffer.subarray(0, end - left), left);
    return left;
  };
}

function childrenOf(
  leaf: Leaf,
  split: Split,
  [middle, otherMiddle]: readonly [number, number],
  { fields, smoothing }: { readonly fields: readonly BoostField[]; readonly smoothing: number },
): [Leaf, Leaf] {
  const child = (isLeft: boolean, { gradient, curvature, weight }: LeafSums): Leaf => ({
    ...sideOf(leaf, split, fields, isLeft),
    start: isLeft ? leaf.start : middle,
    end: isLeft ? middle : leaf.end,
    otherStart: isLeft ? leaf.otherStart : otherMiddle,
    otherEnd: isLeft ? otherMiddle : leaf.otherEnd,
    gradient,
    curvature,
    weight,
    value: shrunkValue({ gradient, curvature, weight }, leaf.value, smoothing),
    histogram: undefined,
    split: undefined,
  });
  const rest = {
    gradient: leaf.gradient - split.gradient,
    curvature: leaf.curvature - split.curvature,
    weight: leaf.weight - split.weight,
  };
  return [child(true, split), child(false, rest)];
}

function rootOf(
  { order, rowCount, otherCount, weights, gradients, curvatures }: TreeRows,
  smoothing: number,
): Leaf {
  let [gradient, curvature, weight] = [0, 0, 0];
  for (let i = 0; i < rowCount; i++) {
    const row = order[i];
    gradient += gradients[row];
    curvature += curvatures[row];
    weight += weights ? weights[row] : 1;
  }
  const value = shrunkValue({ gradient, curvature, weight }, 0, smoothing);
  const rows = { start: 0, end: rowCount, otherStart: 0, otherEnd: otherCount };
  const sums = { gradient, curvature, weight };
  return { path: [], sets: [], ...rows, ...sums, value, histogram: undefined, split: undefined };
}

function shrunkValue({ gradient, curvature, weight }: LeafSums, parent: number, smoothing: number): number {
  const share = weight / (weight + growth.shrink);
  return share * (-gradient / (curvature + smoothing * growth.l2)) + (1 - share) * parent;
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
