import { isCategoryValue, levelOf } from "../examples/level.ts";
import { inexactNumber, noCategory } from "./category_positions.ts";
import type { WordsEncoder } from "./encoder.ts";

/** Letters with their marks, and digits, of any script. */
const word = /[\p{L}\p{M}\p{N}]+/gu;

/** Returns the different words of a text, composed (NFC) and in lower case, in the order in which they first occur. */
export function wordsOf(text: string): Set<string> {
  return new Set(text.normalize("NFC").toLowerCase().match(word));
}

/**
 * Returns the positions of a value's words among its field's columns, ascending: none if no word is known, that of missing alone for
 * a missing value; or `noCategory` or `inexactNumber`.
 */
export type WordReader = (value: unknown) => readonly number[] | typeof noCategory | typeof inexactNumber;

export function createWordReader({ values, words, wordsMax }: WordsEncoder): WordReader {
  const positionOf = new Map(words.map((word, position) => [word, position]));
  const missing = [words.length];
  return (value) => {
    if (!isCategoryValue(value)) return noCategory;
    const level = levelOf(values, value);
    if (level === undefined) return inexactNumber;
    if (level === null) return missing;
    const positions: number[] = [];
    for (const word of wordsOf(level)) {
      const position = positionOf.get(word);
      if (position !== undefined && positions.push(position) === wordsMax) break;
    }
    return positions.sort((a, b) => a - b);
  };
}
