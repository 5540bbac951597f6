import { sharedInt32 } from "../runtime/shared_memory.ts";
import type { GroupPlan } from "./cells.ts";
import type { WordsEncoder } from "./encoder.ts";
import type { Factor } from "./factors.ts";
import { createWordReader } from "./words.ts";

/** Columns in the cells of one field, about, at most: more different texts have fewer words each. */
const cellColumnsMax = 2 ** 25;
/** Different known words of a text that count, at most. */
const wordsPerTextMax = 256;

/** Returns how many different known words of a text count. @param textCount Different texts of the training rows. */
export function wordsMaxOf(textCount: number): number {
  return Math.min(wordsPerTextMax, Math.max(1, Math.floor(cellColumnsMax / Math.max(1, textCount))));
}

/**
 * Plans the factor group of a field of texts: one cell for each set of known words that occurs, with a 1 in the column of each.
 *
 * @param codes The factor of the field's raw codes.
 * @param levels The texts by their codes.
 */
export function planWords(
  feature: WordsEncoder,
  codes: Factor,
  levels: readonly (string | null)[],
): GroupPlan {
  const read = createWordReader(feature);
  const cellOfSet = new Map<string, number>();
  const sets: (readonly number[])[] = [];
  let fieldCount = 1;
  const cellOf = Uint32Array.from(levels, (level) => {
    const positions = read(level);
    if (typeof positions === "number") throw new Error("a text of the examples is not a category");
    const key = positions.join();
    const known = cellOfSet.get(key);
    if (known !== undefined) return known;
    cellOfSet.set(key, sets.length);
    fieldCount = Math.max(fieldCount, positions.length);
    return sets.push(positions) - 1;
  });
  const columns = sharedInt32(sets.length * fieldCount).fill(-1);
  sets.forEach((positions, cell) => {
    positions.forEach((position, k) => columns[cell * fieldCount + k] = feature.column + position);
  });
  return {
    group: { cellCount: sets.length, fieldCount, columns, isSet: true },
    factors: [codes],
    cellOf,
  };
}
