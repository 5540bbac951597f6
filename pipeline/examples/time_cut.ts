/**
 * Finds the time from which on a share of the rows is held out, in memory that does not grow with the rows: each pass counts
 * the times by slots of a range, and the next one divides the slot that contains the wanted rank.
 *
 * Rows of the same time are on the same side. Of the times that occur, but for the first, the cut is the one that makes the
 * held-out rows closest to the share; of two that are equally close, the later one.
 */
export type TimeCutSearch = ReturnType<typeof createTimeCutSearch>;

const slotCount = 0x10000;

/** Times of one slot. */
interface Slots {
  readonly counts: Float64Array;
  readonly least: Float64Array;
  readonly greatest: Float64Array;
}

/** @param share Share of the rows after the cut, in (0, 1). */
export function createTimeCutSearch(share: number) {
  let slots: Slots | undefined;
  let count = 0;
  /** The range that is searched. It contains the time of the wanted rank. */
  let [low, high] = [Infinity, -Infinity];
  let first = Infinity;
  /** Rows after the range, and the earliest of their times. */
  let [above, next] = [0, Infinity];
  let cut: number | undefined;

  const addToRange = (time: number) => {
    count++;
    if (time < low) low = time;
    if (time > high) high = time;
  };
  const addToSlot = ({ counts, least, greatest }: Slots, time: number) => {
    if (time < low || time > high) return;
    const slot = slotOf(time, low, high);
    counts[slot]++;
    if (time < least[slot]) least[slot] = time;
    if (time > greatest[slot]) greatest[slot] = time;
  };
  /** Chooses between a time and the next one that occurs. @param from Rows of the time or later. */
  const choose = (time: number, from: number) => {
    const wanted = share * count;
    const takesNext = above > 0 && (time === first || wanted - above <= from - wanted);
    cut = takesNext ? next : time === first ? undefined : time;
  };
  return {
    /** Adds a row. The same rows are added in each pass. */
    add(time: number): void {
      if (slots) addToSlot(slots, time);
      else addToRange(time);
    },
    /** Ends a pass. @returns Whether another one is needed. */
    endWalk(): boolean {
      if (!slots) {
        first = low;
        if (low === high) choose(low, count);
        slots = newSlots();
        return low < high;
      }
      const rank = Math.max(1, Math.ceil(share * count));
      let slot = slotCount - 1;
      while (above + slots.counts[slot] < rank) {
        if (slots.counts[slot] > 0) next = slots.least[slot];
        above += slots.counts[slot--];
      }
      [low, high] = [slots.least[slot], slots.greatest[slot]];
      if (low === high) choose(low, above + slots.counts[slot]);
      slots = newSlots();
      return low < high;
    },
    /** The first time that is held out; undefined if all rows have the same time, or there are none. */
    cut: (): number | undefined => cut,
  };
}

function newSlots(): Slots {
  return {
    counts: new Float64Array(slotCount),
    least: new Float64Array(slotCount).fill(Infinity),
    greatest: new Float64Array(slotCount).fill(-Infinity),
  };
}

/** Ascends with the time. The ends of the range are in the first and the last slot. */
function slotOf(time: number, low: number, high: number): number {
  // The length of a range may exceed the largest number; halves do not.
  const scale = high - low === Infinity ? 0.5 : 1;
  const position = (scale * time - scale * low) / (scale * high - scale * low);
  return Math.min(slotCount - 1, Math.floor(position * slotCount));
}
