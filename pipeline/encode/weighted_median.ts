import { passCount, slotCount, valueOf } from "./median.ts";
import { slackOf } from "./weight_slack.ts";

/** Half of the total weight, which the least value wanted either reaches or exceeds. */
interface Target {
  /** Weight left to cumulate within the branch. */
  readonly weight: number;
  readonly exceeds: boolean;
}

/** Values that agree in their first bits. */
interface Branch {
  /** Upper and lower 32 bits of the order. Bits that are not known yet are 0. */
  readonly high: number;
  readonly low: number;
  readonly targets: readonly Target[];
  /** Weights by the next 16 bits. */
  readonly sums: Float64Array;
}

/**
 * Finds the weighted median of one column, in as many passes and with about as much memory as `MedianSearch`.
 *
 * The weighted median is the value at which the cumulative weight exceeds half of the total, or the mean of that value and the
 * one before it if the cumulative weight equals the half in between. With whole-number weights it is the median of the column
 * with each value repeated.
 */
export function createWeightedMedianSearch() {
  let depth = 0;
  let slack = 0;
  let branches: readonly Branch[] = [branchOf(0, 0, [])];
  return {
    /** @param column Every `stride`-th number of `values` from `from` on, one per weight. NaN is missing. */
    add(
      { values, from, stride }: {
        readonly values: Float64Array;
        readonly from: number;
        readonly stride: number;
      },
      weights: Float64Array,
    ): void {
      const words = new Int32Array(values.buffer, values.byteOffset, 2 * values.length);
      for (const branch of branches) addWeights(branch, depth, { values, words, from, stride, weights });
    },
    /** Ends a pass. @returns Whether another one is needed. */
    endWalk(): boolean {
      if (depth === 0) {
        const total = branches[0].sums.reduce((sum, weight) => sum + weight, 0);
        slack = slackOf(total);
        const targets = total > 0 ? [false, true].map((exceeds) => ({ weight: total / 2, exceeds })) : [];
        branches = branches.map((branch) => ({ ...branch, targets }));
      }
      branches = branches.flatMap((branch) => branchesBelow(branch, depth, slack));
      depth++;
      return depth < passCount && branches.length > 0;
    },
    /** Undefined if all values are missing. */
    median(): number | undefined {
      const [low, high = low] = branches.map(valueOf);
      return low === high ? low : (low + high) / 2;
    },
  };
}

function branchOf(high: number, low: number, targets: readonly Target[]): Branch {
  return { high, low, targets, sums: new Float64Array(slotCount) };
}

interface StridedValues {
  readonly values: Float64Array;
  /** The same memory as 32-bit words, the lower one first. */
  readonly words: Int32Array;
  readonly from: number;
  readonly stride: number;
  readonly weights: Float64Array;
}

/** Adds up the weights of a branch's values by their 16 bits at `depth`, as `countSlots` counts values. */
function addWeights(
  { high, low, sums }: Branch,
  depth: number,
  { values, words, from, stride, weights }: StridedValues,
): void {
  for (let i = 0, k = from; i < weights.length; i++, k += stride) {
    if (values[k] !== values[k]) continue;
    const upper = words[2 * k + 1];
    // The order of negative numbers is reversed, and they come before positive ones.
    const ownHigh = upper < 0 ? ~upper : upper ^ 0x80000000;
    if (depth === 0) sums[ownHigh >>> 16] += weights[i];
    else if (depth === 1) {
      if (ownHigh >>> 16 === high >>> 16) sums[ownHigh & 0xffff] += weights[i];
    } else if (ownHigh === high) {
      const ownLow = upper < 0 ? ~words[2 * k] : words[2 * k];
      if (depth === 2) sums[ownLow >>> 16] += weights[i];
      else if (ownLow >>> 16 === low >>> 16) sums[ownLow & 0xffff] += weights[i];
    }
  }
}

/** Returns the branches that contain the targets, with 16 more bits known, in ascending order. */
function branchesBelow({ high, low, targets, sums }: Branch, depth: number, slack: number): Branch[] {
  const below = new Map<number, Target[]>();
  for (const target of targets) {
    const { slot, weight } = find(sums, target, slack);
    below.set(slot, [...below.get(slot) ?? [], { ...target, weight }]);
  }
  const shift = depth % 2 === 0 ? 16 : 0;
  return [...below].map(([slot, targetsBelow]) =>
    depth < 2
      ? branchOf(high | (slot << shift), low, targetsBelow)
      : branchOf(high, low | (slot << shift), targetsBelow)
  );
}

/** Returns the slot of a target and the weight left within it: the last slot with a weight if rounding exceeds all of them. */
function find(
  sums: Float64Array,
  { weight, exceeds }: Target,
  slack: number,
): { slot: number; weight: number } {
  let slot = -1;
  let rest = weight;
  for (let next = 0; next < sums.length; next++) {
    if (sums[next] === 0) continue;
    if (slot >= 0) rest -= sums[slot];
    slot = next;
    if (exceeds ? sums[slot] > rest + slack : sums[slot] >= rest - slack) break;
  }
  return { slot, weight: rest };
}
