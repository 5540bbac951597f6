import type { BoostField, Forest } from "./boost_rows.ts";
import { type BinSet, type Leaf, wordCount } from "./leaf.ts";

/** Fields and value of one leaf of a forest, and where its sets of bins stand in `boxes`. */
export interface ForestLeaf {
  readonly tree: number;
  /** Ascending; empty for a tree without a split. */
  readonly path: readonly number[];
  /** Per field, the position of its set in `boxes`. */
  readonly sets: readonly number[];
  readonly value: number;
}

/** Collects the leaves of trees into a forest. */
export function createForestBuilder(start: number) {
  let boxes = new Int32Array(1024);
  let values = new Float64Array(256);
  let [length, count] = [0, 0];
  const push = (word: number) => {
    if (length === boxes.length) boxes = grown(boxes, new Int32Array(2 * length));
    boxes[length++] = word;
  };
  return {
    /** @param rate By which the leaves' values are multiplied. */
    add(tree: number, leaves: readonly Leaf[], rate: number): void {
      for (const { path, sets, value } of leaves) {
        push(tree);
        push(path[0] ?? -1);
        push(path[1] ?? -1);
        for (const { range, withMissing, bits } of sets) {
          if (bits) bits.forEach(push);
          else [range.from, range.to, withMissing ? 1 : 0].forEach(push);
        }
        if (count === values.length) values = grown(values, new Float64Array(2 * count));
        values[count++] = rate * value;
      }
    },
    forest: (): Forest => ({ start, boxes: boxes.slice(0, length), values: values.slice(0, count) }),
  };
}

function grown<Words extends Int32Array | Float64Array>(from: Words, to: Words): Words {
  to.set(from);
  return to;
}

/** Returns the leaves of the first trees. @param treeCount Number of trees to read. */
export function* leavesOf(
  { boxes, values }: Forest,
  fields: readonly BoostField[],
  treeCount: number,
): Generator<ForestLeaf> {
  for (let at = 0, i = 0; at < boxes.length; i++) {
    const tree = boxes[at];
    if (tree >= treeCount) return;
    const path = [boxes[at + 1], boxes[at + 2]].filter((field) => field >= 0);
    at += 3;
    const sets = path.map((field) => {
      const set = at;
      const { isNumeric, binCount } = fields[field];
      at += isNumeric ? 3 : wordCount(binCount);
      return set;
    });
    yield { tree, path, sets, value: values[i] };
  }
}

/** Reads a set of bins. @param at Its position in `boxes`. */
export function readSet(
  { boxes }: Pick<Forest, "boxes">,
  at: number,
  { isNumeric, binCount }: BoostField,
): BinSet {
  if (isNumeric) {
    return {
      range: { from: boxes[at], to: boxes[at + 1] },
      withMissing: boxes[at + 2] === 1,
      bits: undefined,
    };
  }
  return {
    range: { from: 1, to: binCount },
    withMissing: (boxes[at] & 1) === 1,
    bits: boxes.subarray(at, at + wordCount(binCount)),
  };
}
