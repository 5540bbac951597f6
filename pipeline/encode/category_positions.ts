import { isCategoryValue, levelOf } from "../examples/level.ts";
import { isBeyondExact, shortestText } from "../files/text/number_text.ts";
import { hashOf } from "../math/hash.ts";
import { type CategoricalEncoder, levelCountOf } from "./encoder.ts";

/** What a category reader gives for a value that is none, as an object or a number that is not finite. */
export const noCategory = -1;
/** What it gives for a number beyond 2^53 that a double does not hold exactly. */
export const inexactNumber = -2;

/**
 * Finds the position of any value among its field's columns: 0 … levels − 1, then missing, then unseen; `noCategory` or
 * `inexactNumber` for what cannot be answered.
 */
export type CategoryReader = (value: unknown) => number;

/** @param ordinary As made by `ordinaryPositions`: for a caller who looks there first. */
export function createCategoryReader(
  feature: CategoricalEncoder,
  ordinary: ReadonlyMap<unknown, number> = ordinaryPositions(feature),
): CategoryReader {
  const { values, buckets } = feature;
  const missing = levelCountOf(feature);
  return (value) => {
    const known = ordinary.get(value);
    if (known !== undefined) return known;
    if (!isCategoryValue(value)) return noCategory;
    const level = levelOf(values, value);
    if (level === undefined) return inexactNumber;
    if (level === null) return missing;
    return buckets === undefined ? ordinary.get(level) ?? missing + 1 : hashOf(level) % buckets;
  };
}

/** The positions that are looked up in one step: none of a field whose levels are hashed. */
export function ordinaryPositions(feature: CategoricalEncoder): ReadonlyMap<unknown, number> {
  return feature.buckets === undefined ? levelPositions(feature) : new Map();
}

/**
 * The positions of levels that are not hashed, under each of their ordinary spellings in JSON: these need no conversion. All
 * others are read by the reader.
 */
export function levelPositions({ values, levels }: CategoricalEncoder): Map<unknown, number> {
  const positions = new Map<unknown, number>();
  levels.forEach((level, i) => {
    positions.set(level, i);
    const number = Number(level);
    if (level !== "" && Number.isFinite(number) && isKeyOf(values, number, level)) positions.set(number, i);
  });
  for (const value of [true, false]) {
    const position = positions.get(levelOf(values, value));
    if (position !== undefined) positions.set(value, position);
  }
  return positions;
}

/** Whether a number stands for the level, and for no other one. */
function isKeyOf(values: CategoricalEncoder["values"], number: number, level: string): boolean {
  if (values === undefined) return String(number === 0 ? 0 : number) === level;
  return shortestText(number) === level && (values === "real" || !isBeyondExact(number));
}
