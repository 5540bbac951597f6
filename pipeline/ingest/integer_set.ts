import { sharedFloat64, sharedUint32 } from "../runtime/shared_memory.ts";
import type { KnownKeys } from "./key_set.ts";

/** A set of safe integers in half the memory of doubles. Plain data in shared memory, to be posted to threads. */
export interface IntegerSet {
  /** The least integer of each segment, ascending. */
  readonly bases: Float64Array<SharedArrayBuffer>;
  /** By segment, ascending: the integers less the base. Not in one array, which would be a copy. */
  readonly offsets: readonly Uint32Array<SharedArrayBuffer>[];
}

const segmentLength = 8_192;

interface Segment {
  readonly base: number;
  readonly last: number;
  readonly offsets: Uint32Array<SharedArrayBuffer>;
}

/** Collects integers that usually ascend. */
export function createIntegerSet() {
  let segments: Segment[] | undefined = [];
  return {
    /** Adds the integers `values[0..count)`. The set is given up if they are too far apart for offsets of 32 bits. */
    addAll(values: Float64Array, count: number): void {
      for (let from = 0; from < count && segments; from += segmentLength) {
        const segment = segmentOf(values.subarray(from, Math.min(count, from + segmentLength)));
        if (segment) segments.push(segment);
        else segments = undefined;
      }
    },
    /** Returns the set; undefined if it was given up. */
    get(): IntegerSet | undefined {
      const areOrdered = segments?.every(({ base }, i, all) => i === 0 || base > all[i - 1].last);
      return segments && (areOrdered ? setOf(segments) : sortedSetOf(segments));
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
  const offsets = sharedUint32(values.length);
  for (let i = 0; i < values.length; i++) offsets[i] = values[i] - base;
  return { base, last, offsets: isAscending ? offsets : offsets.sort() };
}

function setOf(segments: readonly Segment[]): IntegerSet {
  const bases = sharedFloat64(segments.length);
  segments.forEach(({ base }, i) => bases[i] = base);
  return { bases, offsets: segments.map(({ offsets }) => offsets) };
}

function sortedSetOf(segments: readonly Segment[]): IntegerSet | undefined {
  const all = new Float64Array(segments.reduce((sum, { offsets }) => sum + offsets.length, 0));
  let at = 0;
  for (const { base, offsets } of segments) for (const offset of offsets) all[at++] = base + offset;
  all.sort();
  const ordered: Segment[] = [];
  for (let from = 0; from < all.length; from += segmentLength) {
    const segment = segmentOf(all.subarray(from, from + segmentLength));
    if (!segment) return undefined;
    ordered.push(segment);
  }
  return setOf(ordered);
}

/** Returns a set of integers as keys of a table. */
export function integerKeys({ bases, offsets }: IntegerSet): KnownKeys {
  return {
    has(buffer, row) {
      if (buffer.type !== "INTEGER") return false;
      const key = buffer.words[2 * row + 1] * 2 ** 32 + (buffer.words[2 * row] >>> 0);
      const segment = countUpTo(bases, key, 0, bases.length) - 1;
      // Beyond 2^53 the key may have been rounded to one of the set.
      if (segment < 0 || Math.abs(key) > Number.MAX_SAFE_INTEGER) return false;
      const [own, offset] = [offsets[segment], key - bases[segment]];
      const at = countUpTo(own, offset, 0, own.length) - 1;
      return at >= 0 && own[at] === offset;
    },
  };
}

/** Returns the first index in `[low, high)` whose value is greater; `high` if there is none. */
function countUpTo(values: Float64Array | Uint32Array, value: number, low: number, high: number): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
