import { quoted } from "../store/sqlite.ts";
import type { Dialect } from "./sql_dialect.ts";

/** Returns a column of the rows to score. */
export const columnOf = (name: string) => `r.${quoted(name)}`;

/** Returns an expression of a column of numbers: NULL for a value that is infinite, or missing where it must not be. */
export function guarded(
  column: string,
  { isNaN, isInvalid }: Dialect,
  { missing = "NULL", present }: { readonly missing: string | undefined; readonly present: string },
): string {
  const absent = isNaN ? `${column} IS NULL OR ${isNaN(column)}` : `${column} IS NULL`;
  return `CASE WHEN ${absent} THEN ${missing} WHEN ${isInvalid(column)} THEN NULL ELSE ${present} END`;
}
