import type { ColumnProfile } from "./column_profile.ts";
import { keyOf } from "./key.ts";
import { labelRank } from "./names.ts";
import type { TableProfile } from "./profile.ts";

/** Columns of a table, at most: SQLite has 2,000 in a query, of which some are of the id, the label and the group. */
const columnsMax = 1_990;

/**
 * Takes columns out of a table that is too wide for SQLite: those without a value or with one value first, then those at its end.
 *
 * @param named What the user named, such as COLUMN, TABLE.COLUMN or CLICKS/IMPRESSIONS: these columns stay.
 */
export function withinWidth(profile: TableProfile, named: readonly string[]): TableProfile {
  // One is for a row number.
  let excess = profile.columns.length - (columnsMax - 1);
  if (excess <= 0) return profile;
  const key = keyOf(profile.columns);
  const names = new Set(
    named.flatMap((name) => [name, ...name.split(/[./=]/)]).map((name) => name.trim().toLowerCase()),
  );
  const isNeeded = (column: ColumnProfile) =>
    column === key || labelRank(column.name) !== undefined || names.has(column.name.toLowerCase());
  const spare = profile.columns.filter((column) => !isNeeded(column)).toReversed();
  const inOrder = [...spare.filter(saysNothing), ...spare.filter((column) => !saysNothing(column))];
  const taken = new Set<ColumnProfile>();
  for (const column of inOrder) if (excess-- > 0) taken.add(column);
  const why = `a table has at most ${columnsMax.toLocaleString("en")} columns`;
  return {
    ...profile,
    columns: profile.columns.filter((column) => !taken.has(column)),
    unreadable: [
      ...profile.unreadable,
      ...profile.columns.filter((column) => taken.has(column)).map(({ name }) => ({ column: name, why })),
    ],
  };
}

function saysNothing({ kind, distinct, nulls }: ColumnProfile): boolean {
  return kind === "empty" || (distinct === 1 && nulls === 0);
}
