import type { ColumnProfile } from "./column_profile.ts";
import type { ColumnValues } from "./column_values.ts";
import { isCodeName, isPersonName, wordsOf } from "./names.ts";
import type { TableProfile } from "./profile.ts";
import type { Reference } from "./references.ts";

/** A column of a table, and the one of the same name and kind in another. */
interface SharedColumn {
  readonly own: ColumnProfile;
  readonly other: ColumnProfile;
}

/** Share of the distinct combinations that are keys. */
const foundShareMin = 0.5;
const keyKinds: ReadonlySet<string> = new Set(["integer", "text", "time", "date", "boolean"]);

/**
 * Finds tables that refer to each other by several columns of the same names, such as the weather of a city and a day. Only
 * tables that no single column joins, and that were looked at as a whole, are compared.
 *
 * @param references Those by one column.
 */
export function compositeReferences(
  profiles: readonly TableProfile[],
  references: readonly Reference[],
): Reference[] {
  const whole = profiles.filter(({ rowCount, rowsLookedAt }) => rowCount === rowsLookedAt);
  const areJoined = (a: TableProfile, b: TableProfile) =>
    references.some(({ table, parent }) =>
      (table === a.name && parent === b.name) || (table === b.name && parent === a.name)
    );
  return whole.flatMap((parent) =>
    whole.filter((table) => table !== parent && !areJoined(table, parent)).flatMap((table) =>
      compositeReference(table, parent) ?? []
    )
  );
}

function compositeReference(table: TableProfile, parent: TableProfile): Reference | undefined {
  const shared = sharedColumns(table, parent);
  const isKeyLike = ({ own: { name, kind } }: SharedColumn) =>
    isCodeName(name) || isPersonName(name) || kind === "time" || kind === "date";
  for (const columns of [shared.filter(isKeyLike), shared]) {
    if (columns.length < 2) continue;
    const keys = tuplesOf(columns.map(({ other }) => other.values));
    const distinct = new Set(keys);
    if (distinct.size < keys.length || distinct.has(undefined)) continue;
    return referenceBy(minimal(columns), table, parent);
  }
  return undefined;
}

function sharedColumns(table: TableProfile, parent: TableProfile): SharedColumn[] {
  const byWords = new Map(table.columns.map((column) => [wordsOf(column.name).join("_"), column]));
  return parent.columns.flatMap((other) => {
    const own = byWords.get(wordsOf(other.name).join("_"));
    return own && own.kind === other.kind && keyKinds.has(own.kind) ? [{ own, other }] : [];
  });
}

/** Removes columns that the key does not need. */
function minimal(columns: readonly SharedColumn[]): SharedColumn[] {
  let kept = [...columns];
  for (const column of columns.toReversed()) {
    const fewer = kept.filter((other) => other !== column);
    if (fewer.length < 2) break;
    const keys = tuplesOf(fewer.map(({ other }) => other.values));
    if (new Set(keys).size === keys.length) kept = fewer;
  }
  return kept;
}

function referenceBy(
  columns: readonly SharedColumn[],
  table: TableProfile,
  parent: TableProfile,
): Reference | undefined {
  const keys = new Set(tuplesOf(columns.map(({ other }) => other.values)));
  const own = tuplesOf(columns.map((column) => column.own.values));
  const present = own.filter((tuple) => tuple !== undefined);
  const values = new Set(present);
  const foundCount = values.intersection(keys).size;
  if (foundCount === 0 || foundCount < foundShareMin * values.size) return undefined;
  const [first, ...also] = columns;
  return {
    table: table.name,
    column: first.own.name,
    parent: parent.name,
    key: first.other.name,
    also: also.map(({ own, other }) => ({ column: own.name, key: other.name })),
    valueCount: values.size,
    foundCount,
    nullShare: (own.length - present.length) / own.length,
    isOptional: true,
    isOneToOne: values.size === own.length,
    strength: 3,
    why: "has the same names",
  };
}

/** Returns the values of columns in each row as one text; undefined if one is missing. */
export function tuplesOf(columns: readonly ColumnValues[]): (string | undefined)[] {
  const [first] = columns;
  const rowCount = first.is === "texts" ? first.codes.length : first.numbers.length;
  return Array.from({ length: rowCount }, (_, row) => {
    const parts = columns.map((values) => {
      if (values.is === "texts") return values.codes[row] < 0 ? undefined : values.texts[values.codes[row]];
      return values.numbers[row] === values.numbers[row] ? String(values.numbers[row]) : undefined;
    });
    return parts.includes(undefined) ? undefined : parts.join("\u0000");
  });
}
