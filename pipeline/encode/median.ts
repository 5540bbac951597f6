/**
 * Finds the median of one column in two to four passes, in memory that does not grow with the rows. It is a radix selection: each
 * pass counts the next 16 bits of the values' order, among values that agree with the median in the bits before. Once these are
 * few, a pass takes them out, to be sorted.
 */
export type MedianSearch = ReturnType<typeof createMedianSearch>;

export const slotCount = 0x10000;
/** Passes: a number has four times 16 bits. */
export const passCount = 4;
/** Values that are taken out, at most. */
const takenMax = 2 ** 17;

/** Values that agree in their first bits, and the ranks to find among them. */
interface Branch {
  /** Upper and lower 32 bits of the order. Bits that are not known yet are 0. */
  readonly high: number;
  readonly low: number;
  /** Ranks within the branch, ascending. */
  readonly ranks: readonly number[];
  /** Counts by the next 16 bits; empty if the values are taken out. */
  readonly counts: Uint32Array;
  /** The branch's values, shape (values), filled in the order of the rows. */
  readonly taken?: { readonly values: Float64Array; count: number };
}

export function createMedianSearch() {
  let depth = 0;
  let branches: readonly Branch[] = [branchOf(0, 0, [])];
  let found: readonly number[] = [];
  return {
    /** Adds `count` numbers: every `stride`-th one from `from` on. NaN is missing. */
    add(values: Float64Array, from: number, stride: number, count: number): void {
      const words = new Int32Array(values.buffer, values.byteOffset, 2 * values.length);
      for (const branch of branches) countSlots(branch, depth, { values, words, from, stride, count });
    },
    /** Ends a pass. @returns Whether another one is needed. */
    endWalk(): boolean {
      if (depth === 0) branches = branches.map((branch) => ({ ...branch, ranks: middleOf(branch.counts) }));
      found = [...found, ...branches.flatMap(valuesTaken)];
      branches = branches.filter(({ taken }) => !taken).flatMap((branch) => branchesBelow(branch, depth));
      depth++;
      if (depth === passCount) found = [...found, ...branches.flatMap(repeated)];
      return depth < passCount && branches.length > 0;
    },
    /** The median, which is the mean of the middle two of an even count; undefined if there are no values. */
    median(): number | undefined {
      const [low, high = low] = found;
      return low === high ? low : (low + high) / 2;
    },
  };
}

/** @param count Number of the branch's values, if it is known. */
function branchOf(high: number, low: number, ranks: readonly number[], count = Infinity): Branch {
  if (count > takenMax) return { high, low, ranks, counts: new Uint32Array(slotCount) };
  return { high, low, ranks, counts: none, taken: { values: new Float64Array(count), count: 0 } };
}

const none = new Uint32Array();

/** Returns the values at the ranks, of a branch whose values were taken out. */
function valuesTaken({ ranks, taken }: Branch): number[] {
  if (!taken) return [];
  const sorted = taken.values.sort();
  return ranks.map((rank) => sorted[rank]);
}

/** Returns the value of a branch whose bits are all known, for each of its ranks. */
function repeated(branch: Branch): number[] {
  return branch.ranks.map(() => valueOf(branch));
}

/** Returns the rank of the middle value, or the ranks of the middle two. */
function middleOf(counts: Uint32Array): number[] {
  const count = counts.reduce((sum, value) => sum + value, 0);
  if (count === 0) return [];
  const middle = Math.floor(count / 2);
  return count % 2 === 1 ? [middle] : [middle - 1, middle];
}

interface StridedValues {
  readonly values: Float64Array;
  /** The same memory as 32-bit words, the lower one first. */
  readonly words: Int32Array;
  readonly from: number;
  readonly stride: number;
  readonly count: number;
}

/** Counts a branch's values by their 16 bits at `depth`, or takes them out. */
function countSlots(
  { high, low, counts, taken }: Branch,
  depth: number,
  { values, words, from, stride, count }: StridedValues,
): void {
  for (let i = 0, k = from; i < count; i++, k += stride) {
    if (values[k] !== values[k]) continue;
    const upper = words[2 * k + 1];
    // The order of negative numbers is reversed, and they come before positive ones.
    const ownHigh = upper < 0 ? ~upper : upper ^ 0x80000000;
    if (depth === 0) counts[ownHigh >>> 16]++;
    else if (depth === 1) {
      if (ownHigh >>> 16 !== high >>> 16) continue;
      if (taken) taken.values[taken.count++] = values[k];
      else counts[ownHigh & 0xffff]++;
    } else if (ownHigh === high) {
      const ownLow = upper < 0 ? ~words[2 * k] : words[2 * k];
      if (depth === 3 && ownLow >>> 16 !== low >>> 16) continue;
      if (taken) taken.values[taken.count++] = values[k];
      else if (depth === 2) counts[ownLow >>> 16]++;
      else counts[ownLow & 0xffff]++;
    }
  }
}

/** Returns the branches that contain the ranks, with 16 more bits known. */
function branchesBelow({ high, low, ranks, counts }: Branch, depth: number): Branch[] {
  const below = new Map<number, number[]>();
  for (const rank of ranks) {
    const found = find(counts, rank);
    below.set(found.slot, [...below.get(found.slot) ?? [], found.rank]);
  }
  const shift = depth % 2 === 0 ? 16 : 0;
  return [...below].map(([slot, ranksBelow]) =>
    depth < 2
      ? branchOf(high | (slot << shift), low, ranksBelow, counts[slot])
      : branchOf(high, low | (slot << shift), ranksBelow, counts[slot])
  );
}

/** Returns the slot at which the cumulative count exceeds `rank`, and the rank within it. */
function find(counts: Uint32Array, rank: number): { slot: number; rank: number } {
  let slot = 0;
  while (rank >= counts[slot]) rank -= counts[slot++];
  return { slot, rank };
}

/** Returns the number of a branch whose bits are all known. */
export function valueOf({ high, low }: Pick<Branch, "high" | "low">): number {
  const isNegative = (high & 0x80000000) === 0;
  const words = Int32Array.of(isNegative ? ~low : low, isNegative ? ~high : high ^ 0x80000000);
  return new Float64Array(words.buffer)[0];
}
