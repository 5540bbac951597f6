/**
 * Finds the median of one column in a few walks over it, in memory that does not grow with the rows. Each walk counts by 16
 * bits of the values' order, among those that agree with the median in the bits before.
 */
export interface MedianSearch {
  /** Looks at every `stride`-th number from `from` on, `count` of them. NaN is missing. */
  add(values: Float64Array, from: number, stride: number, count: number): void;
  /** Ends a walk. @returns Whether another one is needed. */
  endWalk(): boolean;
  /** The mean of the middle two where their count is even; undefined where there are none. */
  median(): number | undefined;
}

export const slotCount = 0x10000;
/** Four times 16 bits are a number. */
export const walkCount = 4;

/** Values that agree in their first bits, and which of them are wanted. */
interface Branch {
  /** Upper and lower 32 bits of the order, as far as they are known; the others are 0. */
  readonly high: number;
  readonly low: number;
  /** Places among the branch's values, ascending. */
  readonly ranks: readonly number[];
  /** By the next 16 bits. */
  readonly counts: Uint32Array;
}

export function createMedianSearch(): MedianSearch {
  let depth = 0;
  let branches: readonly Branch[] = [branchOf(0, 0, [])];
  return {
    add(values, from, stride, count) {
      const words = new Int32Array(values.buffer, values.byteOffset, 2 * values.length);
      for (const branch of branches) countSlots(branch, depth, { values, words, from, stride, count });
    },
    endWalk() {
      if (depth === 0) branches = branches.map((branch) => ({ ...branch, ranks: middleOf(branch.counts) }));
      branches = branches.flatMap((branch) => branchesBelow(branch, depth));
      depth++;
      return depth < walkCount && branches.length > 0;
    },
    median() {
      const [low, high = low] = branches.flatMap((branch) => branch.ranks.map(() => valueOf(branch)));
      return low === high ? low : (low + high) / 2;
    },
  };
}

/** The median of all numbers of an array. */
export function median(values: Float64Array): number | undefined {
  const search = createMedianSearch();
  do search.add(values, 0, 1, values.length); while (search.endWalk());
  return search.median();
}

function branchOf(high: number, low: number, ranks: readonly number[]): Branch {
  return { high, low, ranks, counts: new Uint32Array(slotCount) };
}

/** Places of the middle value, or of the middle two. */
function middleOf(counts: Uint32Array): number[] {
  const count = counts.reduce((sum, value) => sum + value, 0);
  if (count === 0) return [];
  const middle = Math.floor(count / 2);
  return count % 2 === 1 ? [middle] : [middle - 1, middle];
}

interface Stretch {
  readonly values: Float64Array;
  /** The same as words, lower before upper. */
  readonly words: Int32Array;
  readonly from: number;
  readonly stride: number;
  readonly count: number;
}

/** Counts a branch's values by the 16 bits that `depth` says. */
function countSlots(
  { high, low, counts }: Branch,
  depth: number,
  { values, words, from, stride, count }: Stretch,
): void {
  for (let i = 0, k = from; i < count; i++, k += stride) {
    if (values[k] !== values[k]) continue;
    const upper = words[2 * k + 1];
    // Negative numbers order the other way round, and before the positive ones.
    const ownHigh = upper < 0 ? ~upper : upper ^ 0x80000000;
    if (depth === 0) counts[ownHigh >>> 16]++;
    else if (depth === 1) {
      if (ownHigh >>> 16 === high >>> 16) counts[ownHigh & 0xffff]++;
    } else if (ownHigh === high) {
      const ownLow = upper < 0 ? ~words[2 * k] : words[2 * k];
      if (depth === 2) counts[ownLow >>> 16]++;
      else if (ownLow >>> 16 === low >>> 16) counts[ownLow & 0xffff]++;
    }
  }
}

/** The branches in which the wanted values are, by 16 bits more. */
function branchesBelow({ high, low, ranks, counts }: Branch, depth: number): Branch[] {
  const below = new Map<number, number[]>();
  for (const rank of ranks) {
    const found = find(counts, rank);
    below.set(found.slot, [...below.get(found.slot) ?? [], found.rank]);
  }
  const shift = depth % 2 === 0 ? 16 : 0;
  return [...below].map(([slot, ranksBelow]) =>
    depth < 2
      ? branchOf(high | (slot << shift), low, ranksBelow)
      : branchOf(high, low | (slot << shift), ranksBelow)
  );
}

/** The slot in which the count passes `rank`, and the rank within it. */
function find(counts: Uint32Array, rank: number): { slot: number; rank: number } {
  let slot = 0;
  while (rank >= counts[slot]) rank -= counts[slot++];
  return { slot, rank };
}

/** The number whose order is known to the last bit. */
export function valueOf({ high, low }: Pick<Branch, "high" | "low">): number {
  const isNegative = (high & 0x80000000) === 0;
  const words = Int32Array.of(isNegative ? ~low : low, isNegative ? ~high : high ^ 0x80000000);
  return new Float64Array(words.buffer)[0];
}
