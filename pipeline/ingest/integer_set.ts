import { sharedFloat64, sharedUint16, sharedUint32 } from "../runtime/shared_memory.ts";
import { numberAt } from "../files/columns/key_order.ts";
import type { KnownKeys, ReadKeys } from "./key_set.ts";

/**
 * A set of safe integers, in two bytes for each where they lie close together, as ids do that are counted up, else in four. Plain data
 * in shared memory, to be posted to threads.
 */
export interface IntegerSet {
  /** The least integer of each segment, ascending. */
  readonly bases: Float64Array<SharedArrayBuffer>;
  /** Not in one array, which would be a copy. */
  readonly segments: readonly Offsets[];
}

/** The integers of a segment less its base, ascending. */
interface Offsets {
  /** Their lower 16 bits; all bits where they lie far apart. */
  readonly lows: Uint16Array<SharedArrayBuffer> | Uint32Array<SharedArrayBuffer>;
  /** By their upper 16 bits: where they begin, and the end of all; empty where all bits are in one place. */
  readonly starts: Uint32Array<SharedArrayBuffer>;
}

const segmentLength = 8_192;
/** Integers of a segment for each of their upper bits, where it has two bytes for each: the starts take an eighth of that. */
const integersPerStart = 16;

interface Segment extends Offsets {
  readonly base: number;
  readonly last: number;
}

/**
 * Collects integers that usually ascend.
 *
 * @param bytesMax The set is given up if it would take more memory, or if sorting it would.
 */
export function createIntegerSet(bytesMax = Infinity) {
  let segments: Segment[] | undefined = [];
  let bytes = 0;
  return {
    /** Adds the integers `values[0..count)`. The set is given up if they are too far apart for offsets of 32 bits. */
    addAll(values: Float64Array, count: number): void {
      for (let from = 0; from < count && segments; from += segmentLength) {
        const segment = segmentOf(values.subarray(from, Math.min(count, from + segmentLength)));
        bytes += segment ? segment.lows.byteLength + segment.starts.byteLength : 0;
        if (segment && bytes <= bytesMax) segments.push(segment);
        else segments = undefined;
      }
    },
    giveUp: () => void (segments = undefined),
    /** Returns the set; undefined if it was given up. */
    get(): IntegerSet | undefined {
      const areOrdered = segments?.every(({ base }, i, all) => i === 0 || base > all[i - 1].last);
      if (!segments || areOrdered) return segments && setOf(segments);
      const count = segments.reduce((sum, { lows }) => sum + lows.length, 0);
      return 8 * count <= bytesMax ? sortedSetOf(segments, count) : undefined;
    },
  };
}

function segmentOf(values: Float64Array): Segment | undefined {
  let [base, last, isAscending] = [Infinity, -Infinity, true];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value < last) isAscending = false;
    else last = value;
    if (value < base) base = value;
  }
  if (last - base >= 2 ** 32) return undefined;
  const offsets = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) offsets[i] = values[i] - base;
  if (!isAscending) offsets.sort();
  const areClose = last - base < 2 ** 16 * Math.max(1, values.length / integersPerStart);
  return { base, last, ...(areClose ? halved(offsets) : whole(offsets)) };
}

function whole(offsets: Uint32Array): Offsets {
  const lows = sharedUint32(offsets.length);
  lows.set(offsets);
  return { lows, starts: sharedUint32(0) };
}

function halved(offsets: Uint32Array): Offsets {
  const lows = sharedUint16(offsets.length);
  const starts = sharedUint32((offsets[offsets.length - 1] >>> 16) + 2);
  for (let i = 0, upper = 0; i < offsets.length; i++) {
    lows[i] = offsets[i] & 0xffff;
    while (upper < offsets[i] >>> 16) starts[++upper] = i;
  }
  starts[starts.length - 1] = offsets.length;
  return { lows, starts };
}

function setOf(segments: readonly Segment[]): IntegerSet {
  const bases = sharedFloat64(segments.length);
  segments.forEach(({ base }, i) => bases[i] = base);
  return { bases, segments: segments.map(({ lows, starts }) => ({ lows, starts })) };
}

function sortedSetOf(segments: readonly Segment[], count: number): IntegerSet | undefined {
  const values = new Float64Array(count);
  let length = 0;
  for (const { base, lows, starts } of segments) {
    for (let i = 0, upper = 0; i < lows.length; i++) {
      while (upper + 2 < starts.length && i >= starts[upper + 1]) upper++;
      values[length++] = base + upper * 2 ** 16 + lows[i];
    }
  }
  const all = values.sort();
  const ordered: Segment[] = [];
  for (let from = 0; from < all.length; from += segmentLength) {
    const segment = segmentOf(all.subarray(from, from + segmentLength));
    if (!segment) return undefined;
    ordered.push(segment);
  }
  return setOf(ordered);
}

/** Returns a set of integers as keys of a table. */
export function integerKeys({ bases, segments }: IntegerSet): KnownKeys {
  return {
    has(buffer, row) {
      if (buffer.type !== "INTEGER") return false;
      const key = numberAt(buffer, row);
      const segment = countUpTo(bases, key, 0, bases.length) - 1;
      // Beyond 2^53 the key may have been rounded to one of the set.
      if (segment < 0 || Math.abs(key) > Number.MAX_SAFE_INTEGER) return false;
      const { lows, starts } = segments[segment];
      const offset = key - bases[segment];
      const isWhole = starts.length === 0;
      const upper = isWhole ? 0 : Math.floor(offset / 2 ** 16);
      if (!isWhole && upper + 1 >= starts.length) return false;
      const [from, to] = isWhole ? [0, lows.length] : [starts[upper], starts[upper + 1]];
      const wanted = offset - upper * 2 ** 16;
      const at = countUpTo(lows, wanted, from, to) - 1;
      return at >= from && lows[at] === wanted;
    },
  };
}

/** Most memory for the keys of a table: 30 million that lie close together, or half of them. */
const keyBytesMax = 2 ** 26;

/** Keys of a table that are integers, as long as they are exact as doubles and fit in 64 MiB; else none are known. */
export function createIntegerKeys(): ReadKeys {
  const set = createIntegerSet(keyBytesMax);
  const values = new Float64Array(segmentLength);
  let keys: KnownKeys | undefined;
  return {
    addAll(buffer) {
      keys = undefined;
      // A row without a key may get one from the store.
      if (buffer.type !== "INTEGER" || buffer.nullCount > 0) return set.giveUp();
      for (let from = 0; from < buffer.length; from += segmentLength) {
        const count = Math.min(segmentLength, buffer.length - from);
        for (let i = 0; i < count; i++) values[i] = numberAt(buffer, from + i);
        if (values.subarray(0, count).every(Number.isSafeInteger)) set.addAll(values, count);
        else set.giveUp();
      }
    },
    has(buffer, row) {
      if (keys === undefined) {
        const known = set.get();
        keys = known ? integerKeys(known) : { has: () => false };
      }
      return keys.has(buffer, row);
    },
  };
}

/** Returns the first index in `[low, high)` whose value is greater; `high` if there is none. */
function countUpTo(
  values: Float64Array | Uint32Array | Uint16Array,
  value: number,
  low: number,
  high: number,
): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
