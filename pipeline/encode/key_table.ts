import type { OrderedChunk, Walk } from "../examples/ordered_chunk.ts";
import { trainPart } from "../examples/split.ts";
import { combinationCount, type Factor } from "./factors.ts";
import { appendPositions, combinationsOf } from "./positions.ts";

/** Some combinations of fields, and where each is among them. */
export interface KeyTable {
  /** Ascending. A key has the fields' positions as mixed-radix digits, as that of a cross. */
  readonly keys: readonly number[];
  /** Returns the place of each row's key, shape (rows): its index plus 1; 0 for a row that has none of the keys. */
  placesOf(chunk: OrderedChunk): Uint32Array;
}

/** Combinations for which a table is allocated, at most. Of more, the keys are in a map. */
const tableMax = 2 ** 24;

/** Returns the table of the combinations that the training rows have. */
export function occurringKeys(factors: readonly Factor[], walk: Walk): KeyTable {
  const size = combinationCount(factors);
  const isDense = size <= tableMax;
  const flags = new Uint8Array(isDense ? size : 0);
  const found = new Set<number>();
  for (const chunk of walk()) {
    const combinations = isDense ? combinationsOf(factors, chunk) : wideCombinationsOf(factors, chunk);
    for (let i = 0; i < chunk.partEnds[trainPart]; i++) {
      if (isDense) flags[combinations[i]] = 1;
      else found.add(combinations[i]);
    }
  }
  const keys: number[] = isDense ? [] : [...Float64Array.from(found).sort()];
  flags.forEach((occurs, key) => {
    if (occurs === 1) keys.push(key);
  });
  return keyTable(factors, keys);
}

/** @param keys Ascending. */
export function keyTable(factors: readonly Factor[], keys: readonly number[]): KeyTable {
  const size = combinationCount(factors);
  if (size <= tableMax) {
    const placeOf = new Uint32Array(size);
    keys.forEach((key, i) => placeOf[key] = i + 1);
    return { keys, placesOf: (chunk) => combinationsOf(factors, chunk).map((key) => placeOf[key]) };
  }
  const placeOf = new Map(keys.map((key, i) => [key, i + 1]));
  const placesOf = (chunk: OrderedChunk) =>
    Uint32Array.from(wideCombinationsOf(factors, chunk), (key) => placeOf.get(key) ?? 0);
  return { keys, placesOf };
}

/** As `combinationsOf`, of up to 2^53 combinations. */
function wideCombinationsOf(factors: readonly Factor[], chunk: OrderedChunk): Float64Array {
  const combinations = new Float64Array(chunk.rowCount);
  const positions = new Uint32Array(chunk.rowCount);
  for (const factor of factors) {
    appendPositions(factor, chunk, positions.fill(0));
    for (let i = 0; i < positions.length; i++) {
      combinations[i] = factor.positionCount * combinations[i] + positions[i];
    }
  }
  return combinations;
}
