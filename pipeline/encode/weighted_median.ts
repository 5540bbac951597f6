import { slotCount, valueOf, walkCount } from "./median.ts";
import { slackOf } from "./weight_slack.ts";

/**
 * Finds the median of one column whose rows have weights, in as many walks and with about as much memory as `MedianSearch`.
 *
 * It is the value at which the cumulated weight passes half of the total; the mean of that value and the next one if it
 * meets the half exactly. With whole-number weights that is the median of the column with each value repeated.
 */
export interface WeightedMedianSearch {
  /** @param column Every `stride`-th number of `values` from `from` on, one per weight. NaN is missing. */
  add(
    column: { readonly values: Float64Array; readonly from: number; readonly stride: number },
    weights: Float64Array,
  ): void;
  /** Ends a walk. @returns Whether another one is needed. */
  endWalk(): boolean;
  /** Undefined if all values are missing. */
  median(): number | undefined;
}

/** Where half of the weight is reached: by the least value that meets it, or by the least that passes it. */
interface Target {
  /** Of the values before it, within its branch. */
  readonly weight: number;
  readonly passes: boolean;
}

/** Values that agree in their first bits. */
interface Branch {
  /** Upper and lower 32 bits of the order, as far as they are known; the others are 0. */
  readonly high: number;
  readonly low: number;
  readonly targets: readonly Target[];
  /** Weight by the next 16 bits. */
  readonly sums: Float64Array;
}

export function createWeightedMedianSearch(): WeightedMedianSearch {
  let depth = 0;
  let slack = 0;
  let branches: readonly Branch[] = [branchOf(0, 0, [])];
  return {
    add({ values, from, stride }, weights) {
      const words = new Int32Array(values.buffer, values.byteOffset, 2 * values.length);
      for (const branch of branches) addWeights(branch, depth, { values, words, from, stride, weights });
    },
    endWalk() {
      if (depth === 0) {
        const total = branches[0].sums.reduce((sum, weight) => sum + weight, 0);
        slack = slackOf(total);
        const targets = total > 0 ? [false, true].map((passes) => ({ weight: total / 2, passes })) : [];
        branches = branches.map((branch) => ({ ...branch, targets }));
      }
      branches = branches.flatMap((branch) => branchesBelow(branch, depth, slack));
      depth++;
      return depth < walkCount && branches.length > 0;
    },
    median() {
      const [low, high = low] = branches.map(valueOf);
      return low === high ? low : (low + high) / 2;
    },
  };
}

function branchOf(high: number, low: number, targets: readonly Target[]): Branch {
  return { high, low, targets, sums: new Float64Array(slotCount) };
}

interface WeightedStretch {
  readonly values: Float64Array;
  /** The same as words, lower before upper. */
  readonly words: Int32Array;
  readonly from: number;
  readonly stride: number;
  readonly weights: Float64Array;
}

/** Adds the weights of a branch's values by the 16 bits that `depth` says: as `countSlots` counts them. */
function addWeights(
  { high, low, sums }: Branch,
  depth: number,
  { values, words, from, stride, weights }: WeightedStretch,
): void {
  for (let i = 0, k = from; i < weights.length; i++, k += stride) {
    if (values[k] !== values[k]) continue;
    const upper = words[2 * k + 1];
    // Negative numbers order the other way round, and before the positive ones.
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

/** The branches in which the targets are, by 16 bits more: the lower one first. */
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

/** The slot in which a target is, and what is left of its weight there. The last that has a weight, if rounding leads past it. */
function find(
  sums: Float64Array,
  { weight, passes }: Target,
  slack: number,
): { slot: number; weight: number } {
  let slot = -1;
  let rest = weight;
  for (let next = 0; next < sums.length; next++) {
    if (sums[next] === 0) continue;
    if (slot >= 0) rest -= sums[slot];
    slot = next;
    if (passes ? sums[slot] > rest + slack : sums[slot] >= rest - slack) break;
  }
  return { slot, weight: rest };
}
