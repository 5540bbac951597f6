import { wordsOf } from "./names.ts";

/** A column and the name of its table. */
export interface NamedColumn {
  readonly table: string;
  readonly column: string;
}

/** How the name of a column suggests that it refers to a key, as words for a message; undefined if it does not. */
export interface NameEvidence {
  /** 3 for the name of the key, 2 for the name of its table, 1 for a part of either. */
  readonly strength: 1 | 2 | 3;
  readonly words: string;
}

/** Words that make a name an identifier, and say nothing of what it identifies. */
const idWords: ReadonlySet<string> = new Set(
  "id ids uuid guid key nr no num number code ref pk fk sk nummer kennung".split(" "),
);

/** Returns whether a name is made of words such as `id` only: columns of several tables share it without referring to each other. */
export function isGenericKey(name: string): boolean {
  return wordsOf(name).every((word) => idWords.has(word));
}

/** Compares the name of a column with a key of another table. */
export type CompareNames = (own: NamedColumn, key: NamedColumn) => NameEvidence | undefined;

interface ParsedName {
  readonly words: readonly string[];
  /** The words that say what is identified, as singulars. */
  readonly stem: readonly string[];
}

/** Returns a comparison that splits each name once: wide tables have many pairs of few names. */
export function createNameComparison(): CompareNames {
  const names = new Map<string, ParsedName>();
  const parsed = (name: string) => names.getOrInsertComputed(name, parseName);
  return (own, key) => {
    const [ownName, keyName, tableName] = [parsed(own.column), parsed(key.column), parsed(key.table)];
    if (ownName.stem.length === 0) return undefined;
    if (isSame(ownName.words, keyName.words)) return { strength: 3, words: "has the same name" };
    const isOfTable = ({ stem }: ParsedName) => stem.length > 0 && endsWith(tableName.stem, stem);
    const hasStem = keyName.stem.length > 0;
    // A key such as `id` or `customer_no` of the table customers: any column that is named for the table refers to it.
    if ((!hasStem || isOfTable(keyName)) && isOfTable(ownName)) {
      return { strength: 2, words: `is named for ${key.table}` };
    }
    if (hasStem && isSame(ownName.stem, keyName.stem)) {
      return { strength: 2, words: `is named as ${key.column} is` };
    }
    const end = hasStem ? keyName.stem : tableName.stem.slice(-1);
    if (end.length > 0 && endsWith(ownName.stem, end)) {
      return { strength: 1, words: `ends as ${hasStem ? key.column : key.table} does` };
    }
    return undefined;
  };
}

function parseName(name: string): ParsedName {
  const words = wordsOf(name);
  return { words, stem: stemOf(words).map(singular) };
}

/** Returns the words without those that make an identifier of any name. */
function stemOf(words: readonly string[]): string[] {
  return words.filter((word) => !idWords.has(word));
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && endsWith(a, b);
}

function endsWith(words: readonly string[], end: readonly string[]): boolean {
  const from = words.length - end.length;
  return from >= 0 && end.every((word, i) => isSameWord(word, words[from + i]));
}

/** Plurals of other languages differ in at most two letters at the end: `kunde` and `kunden`. */
function isSameWord(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short === long || (short.length >= 4 && long.length - short.length <= 2 && long.startsWith(short));
}

/** Returns the singular of an English noun. */
export function singular(word: string): string {
  if (/[^aeiou]ies$/.test(word)) return word.replace(/ies$/, "y");
  if (/(s|x|z|ch|sh)es$/.test(word)) return word.slice(0, -2);
  return /[^s]s$/.test(word) && word.length > 2 ? word.slice(0, -1) : word;
}
