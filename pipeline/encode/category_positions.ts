import { isCategoryValue, levelOf } from "../examples/level.ts";
import { isBeyondExact, shortestText } from "../files/text/number_text.ts";
import { hashOf } from "../math/hash.ts";
import { levelCountOf, type LeveledEncoder } from "./encoder.ts";

/** Result of a category reader for a value that is not a category, such as an object or a number that is not finite. */
export const noCategory = -1;
/** Result of a category reader for a number beyond 2^53 that a double does not represent exactly. */
export const inexactNumber = -2;

/**
 * Returns the position of a value among its field's columns: 0 … levels − 1, then missing, then unseen; or `noCategory` or
 * `inexactNumber`.
 */
export type CategoryReader = (value: unknown) => number;

/** @param ordinary Result of `ordinaryPositions`, for callers that also use it directly. */
export function createCategoryReader(
  feature: LeveledEncoder,
  ordinary: ReadonlyMap<unknown, number> = ordinaryPositions(feature),
): CategoryReader {
  const { values } = feature;
  const buckets = bucketsOf(feature);
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

/** Returns the count of columns that levels share by their hash; undefined if each has its own. */
export function bucketsOf(feature: LeveledEncoder): number | undefined {
  return feature.type === "categorical" ? feature.buckets : undefined;
}

/** Returns the positions that need a single lookup: none if levels are hashed. */
export function ordinaryPositions(feature: LeveledEncoder): ReadonlyMap<unknown, number> {
  return bucketsOf(feature) === undefined ? levelPositions(feature) : new Map();
}

/**
 * Returns the positions of levels that are not hashed, by each of their ordinary spellings in JSON, which need no conversion.
 * All other spellings are read by the category reader.
 */
export function levelPositions({ values, levels }: LeveledEncoder): Map<unknown, number> {
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

/** Returns whether a number is a spelling of the level and of no other. */
function isKeyOf(values: LeveledEncoder["values"], number: number, level: string): boolean {
  if (values === undefined) return String(number === 0 ? 0 : number) === level;
  return shortestText(number) === level && (values === "real" || !isBeyondExact(number));
}
