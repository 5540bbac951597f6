import { common, isKey, isReferable, type KeyColumn, type KeyTable } from "./key_table.ts";
import { wordsOf } from "./names.ts";
import { missedKeys, type NearMiss } from "./near_misses.ts";
import {
  type CompareNames,
  createNameComparison,
  isGenericKey,
  type NamedColumn,
} from "./reference_names.ts";
import { grouped } from "../counted.ts";

/** A column of a table that refers to the rows of another by their key. */
export interface Reference {
  readonly table: string;
  readonly column: string;
  readonly parent: string;
  readonly key: string;
  /** Further columns, if the key has several. */
  readonly also?: readonly { readonly column: string; readonly key: string }[];
  /** Distinct values that were looked for among the keys. */
  readonly valueCount: number;
  readonly foundCount: number;
  /** Share of the rows without a value. */
  readonly nullShare: number;
  /** The time from which on a row of the parent was known, if the parent has a row for each change. */
  readonly knownAt?: string;
  /** Whether a row without a parent means something, such as no clicks. */
  readonly isOptional?: boolean;
  /** Whether at most one row refers to each key. */
  readonly isOneToOne: boolean;
  /** 4 if the user named it, 3 to 1 by its name, 0 by its values alone. */
  readonly strength: number;
  /** Why it was taken for one, as in `is named for customers`. */
  readonly why: string;
}

/** Keys to look for in the file of a table. */
export interface KeySearch {
  readonly table: string;
  readonly column: string;
  readonly wanted: ReadonlySet<string>;
}

export interface KeySearchResult {
  /** Which of the wanted keys the file has. */
  readonly found: ReadonlySet<string>;
  /** One of them that the file has twice. */
  readonly repeated: string | undefined;
  /** Rows without a value. */
  readonly nullCount: number;
}

/** A join that the user named. */
export interface NamedJoin {
  readonly from: NamedColumn;
  readonly to: NamedColumn;
}

export interface ReferenceSearch {
  readonly tables: readonly KeyTable[];
  readonly named?: readonly NamedJoin[];
  /** Looks for keys in the files of tables that were not looked at completely. */
  readonly searchKeys: (searches: readonly KeySearch[]) => Promise<readonly KeySearchResult[]>;
}

interface Pair {
  readonly table: KeyTable;
  readonly column: KeyColumn;
  readonly parent: KeyTable;
  readonly key: KeyColumn;
}

interface Candidate extends Pair {
  readonly strength: number;
  readonly why: string;
}

/** Share of the values that must be keys. With names that suggest it, a part of the parents may be missing. */
const foundShareMin = { byName: 0.5, byValue: 0.95 };
/** Fewer distinct values may agree by chance. */
const valueCountMin = 5;
/** Integers that fill more of their range than this agree with any other counter. */
const densityMax = 0.1;

/**
 * Finds the columns that refer to a key of another table, by their names and values. All references are from many rows to one:
 * a key has no value twice and no NULL.
 */
export async function findReferences(
  search: ReferenceSearch,
): Promise<{ references: Reference[]; nearMisses: NearMiss[] }> {
  const compare = createNameComparison();
  const candidates = candidatesOf(search, compare);
  const results = await keysOf(candidates, search);
  const references: Reference[] = [];
  const nearMisses = missedKeys(search.tables, compare);
  for (const [i, candidate] of candidates.entries()) {
    const { found, repeated } = results[i];
    const { table, column, parent, key, strength, why } = candidate;
    const tables = [table.name, parent.name] as const;
    const other = `${parent.name}.${key.name}`;
    if (repeated !== undefined && !(parent.knownAt !== undefined && key.isUniqueByTime())) {
      const text = `${table.name}.${column.name} ${why}, but ${other} has ${
        JSON.stringify(repeated)
      } twice, so it is no key`;
      nearMisses.push({ tables, text });
    } else if (isEnough(found.size, candidate)) references.push(referenceOf(candidate, found.size));
    else if (strength > 1) {
      const counts = `${grouped(found.size)} of its ${grouped(column.valueCount)} values`;
      nearMisses.push({
        tables,
        text: `${table.name}.${column.name} ${why}, but only ${counts} are in ${other}`,
      });
    }
  }
  return { references: withoutWeaker(references), nearMisses };
}

function isEnough(foundCount: number, { column, strength }: Candidate): boolean {
  const shareMin = strength === 4 ? 0 : strength > 0 ? foundShareMin.byName : foundShareMin.byValue;
  return foundCount > 0 && foundCount >= shareMin * column.valueCount;
}

function referenceOf(
  { table, column, parent, key, strength, why }: Candidate,
  foundCount: number,
): Reference {
  return {
    table: table.name,
    column: column.name,
    parent: parent.name,
    key: key.name,
    valueCount: column.valueCount,
    foundCount,
    nullShare: column.nullCount / column.rowCount,
    isOneToOne: isKey(column),
    ...parent.knownAt !== undefined && key.isUniqueByTime() ? { knownAt: parent.knownAt } : {},
    strength,
    why,
  };
}

function candidatesOf({ tables, named = [] }: ReferenceSearch, compare: CompareNames): Candidate[] {
  if (tables.length < 2) return [];
  return tables.flatMap((parent) =>
    parent.columns.filter((column) => isReferable(parent, column)).flatMap((key) => {
      const canAgree = isKey(key) && !isDense(key, parent.rowCount);
      return tables.filter((table) => table !== parent).flatMap((table) =>
        table.columns.filter(({ valueCount }) => valueCount > 0).flatMap((column) => {
          const pair = { table, column, parent, key };
          return candidateOf(pair, { named, canAgree, compare }) ?? [];
        })
      );
    })
  );
}

function candidateOf(
  pair: Pair,
  { named, canAgree, compare }: {
    named: readonly NamedJoin[];
    canAgree: boolean;
    compare: CompareNames;
  },
): Candidate | undefined {
  const from = { table: pair.table.name, column: pair.column.name };
  const to = { table: pair.parent.name, column: pair.key.name };
  if (named.some((join) => isSame(join.from, from) && isSame(join.to, to))) {
    return { ...pair, strength: 4, why: "was named by --join" };
  }
  const evidence = compare(from, to);
  if (evidence) return { ...pair, strength: evidence.strength, why: evidence.words };
  if (isSameKey(pair)) return { ...pair, strength: 0, why: "has the same name and values" };
  return canAgree && mayAgreeByValue(pair) ? { ...pair, strength: 0, why: "has its values" } : undefined;
}

function isSame(a: NamedColumn, b: NamedColumn): boolean {
  return a.table === b.table && a.column === b.column;
}

/** Returns whether two tables have a row per thing each, by keys such as `id`: as many rows, or one table has little more than the key. */
function isSameKey({ table, column, parent, key }: Pair): boolean {
  const isPair = isGenericKey(column.name) && wordsOf(column.name).join() === wordsOf(key.name).join();
  return isPair && isKey(column) && isKey(key) &&
    (table.rowCount === parent.rowCount || table.columns.length === 1);
}

/** Returns whether the values of two columns without similar names suggest a reference, from the rows looked at. */
function mayAgreeByValue({ column, parent, key }: Pair): boolean {
  if (column.valueCount < valueCountMin) return false;
  const lookedShare = parent.isComplete ? 1 : Math.min(1, key.rowCount / parent.rowCount);
  const keys = key.values();
  const agrees = (values: Iterable<string>, count: number) => {
    let found = 0;
    for (const value of values) if (keys.has(value)) found++;
    return found >= 0.5 * lookedShare * count;
  };
  // Most columns have no value in common with a key, which a few values show.
  const some = column.someValues();
  return (lookedShare < 0.2 || agrees(some, some.length)) && agrees(column.values(), column.valueCount);
}

/** Returns whether the values are integers that fill their range, as the numbers of rows do. */
function isDense(key: KeyColumn, rowCountTotal: number): boolean {
  let [low, high] = [Infinity, -Infinity];
  const isInteger = (value: string) => /^-?\d{1,15}$/.test(value);
  if (!key.someValues().every(isInteger)) return false;
  for (const value of key.values()) {
    if (!isInteger(value)) return false;
    const number = Number(value);
    low = Math.min(low, number);
    high = Math.max(high, number);
  }
  return Math.max(rowCountTotal, key.rowCount) / (high - low + 1) > densityMax;
}

/** Looks up the candidates' values among the keys; those of tables that were not looked at completely in one pass per file. */
async function keysOf(
  candidates: readonly Candidate[],
  { searchKeys }: ReferenceSearch,
): Promise<KeySearchResult[]> {
  const partial = candidates.filter(({ parent }) => !parent.isComplete);
  const searches = partial.map(({ parent, key, column }) => ({
    table: parent.name,
    column: key.name,
    wanted: column.values(),
  }));
  const results = searches.length > 0 ? await searchKeys(searches) : [];
  return candidates.map((candidate) => {
    const { column, key } = candidate;
    const at = partial.indexOf(candidate);
    return at >= 0
      ? results[at]
      : { found: common(column.values(), key.values()), repeated: undefined, nullCount: key.nullCount };
  });
}

/** Counts the rows without a value in whole files: a join must not drop rows that were not looked at. */
export async function withNullShares(
  references: readonly Reference[],
  { tables, searchKeys }: Pick<ReferenceSearch, "tables" | "searchKeys">,
): Promise<readonly Reference[]> {
  const partial = tables.filter(({ isComplete }) => !isComplete);
  const open = references.filter(({ table, nullShare }) =>
    nullShare === 0 && partial.some(({ name }) => name === table)
  );
  if (open.length === 0) return references;
  const results = await searchKeys(
    open.map(({ table, column }) => ({ table, column, wanted: new Set() })),
  );
  return references.map((reference) => {
    const at = open.indexOf(reference);
    const rowCount = partial.find(({ name }) => name === reference.table)?.rowCount ?? 1;
    return at < 0 ? reference : { ...reference, nullShare: results[at].nullCount / rowCount };
  });
}

/** Removes references that a stronger one between the same tables explains. */
function withoutWeaker(references: readonly Reference[]): Reference[] {
  const rank = ({ strength, foundCount, valueCount }: Reference) => strength + foundCount / valueCount;
  const sorted = [...references].sort((a, b) => rank(b) - rank(a));
  return sorted.filter((reference, i) => {
    const { table, column, parent, key, strength } = reference;
    const better = sorted.slice(0, i);
    const sameWay = better.filter((other) => other.table === table && other.parent === parent);
    const isTaken = sameWay.some((other) => other.column === column);
    const isOtherKey = sameWay.some((other) => other.key !== key && other.strength > strength);
    const anyWay = [
      ...sameWay,
      ...better.filter((other) => other.table === parent && other.parent === table),
    ];
    const isWeak = strength === 0 && anyWay.some((other) => other.strength > 0);
    return !isTaken && !isOtherKey && !isWeak;
  });
}
