import type { ColumnProfile, TableProfile } from "./profile.ts";
import type { KeyColumn, KeyTable } from "./references.ts";

/** Longer texts identify nothing. */
const keyLengthMax = 256;
const someCount = 64;

/** Returns what the search for joins sees of a file: its integers and short texts. */
export function keyTableOf({ name, rowCount, rowsLookedAt, columns }: TableProfile): KeyTable {
  const isKeyKind = ({ kind, length }: ColumnProfile) =>
    kind === "integer" || (kind === "text" && (length?.max ?? Infinity) <= keyLengthMax);
  return {
    name,
    rowCount,
    isComplete: rowsLookedAt === rowCount,
    columns: columns.filter(isKeyKind).map(keyColumnOf),
  };
}

function keyColumnOf({ name, rows, nulls, distinct, isUnique, values }: ColumnProfile): KeyColumn {
  let all: ReadonlySet<string> | undefined;
  return {
    name,
    rowCount: rows,
    nullCount: nulls,
    isUnique,
    valueCount: distinct,
    values: () => all ??= valuesOf(values),
    someValues: () => [...valuesOf(values, 4 * someCount)].slice(0, someCount),
  };
}

/** Returns the distinct values among the first rows, as texts. */
function valuesOf(values: ColumnProfile["values"], rowsMax = Infinity): Set<string> {
  if (values.is === "texts") {
    const { texts, codes } = values;
    const used = new Uint8Array(texts.length);
    for (const code of codes.subarray(0, Math.min(rowsMax, codes.length))) if (code >= 0) used[code] = 1;
    return new Set(texts.filter((_, code) => used[code] === 1));
  }
  const numbers = values.numbers.subarray(0, Math.min(rowsMax, values.numbers.length));
  // Distinct numbers first: making texts of them takes longer.
  return new Set(Array.from(new Set(numbers), String).filter((text) => text !== "NaN"));
}
