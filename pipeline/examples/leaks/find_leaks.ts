import { countWhere } from "./class_rates.ts";
import { warnOfPairs, warnOfTime } from "./comparisons.ts";
import { warnOfIdentity } from "./identities.ts";
import { keysOf } from "./keys.ts";
import type { LeakTable } from "./leak_rows.ts";
import { sampleLeaks } from "./leak_sample.ts";
import type { LeakWarning } from "./leak_warning.ts";
import { warnOfRepeatedRows } from "./repeated_rows.ts";
import { warnOfCopies, warnOfMissing, warnOfValue } from "./single_columns.ts";
import { warnOfForm } from "./value_forms.ts";
import { warnOfAggregates, warnOfOwnRow } from "./within_keys.ts";

/** Rows of either label from which columns are compared with the outcome. */
const labelledMin = 20;
/** Columns, and their share, of which more are no leaks if a value or a comparison of each goes with one outcome. */
const usualMin = 5;
const usualShare = 0.2;
/** Columns of whose values the form is looked at; not of a wide table, for the time that it takes. */
const formColumnsMax = 300;

/**
 * Looks for columns that give the outcome away, or that say nothing about rows to come, and for rows that occur more than once. Each
 * column is named by at most one kind of warning. The result depends on the rows alone.
 */
export function findLeaks(table: LeakTable): LeakWarning[] {
  const sample = sampleLeaks(table);
  const { columns, rows } = sample;
  const found: LeakWarning[] = [];
  const open = new Set(columns.keys());
  const check = (warningOf: (c: number) => LeakWarning | undefined) => {
    for (const c of open) {
      const warning = warningOf(c);
      if (!warning) continue;
      found.push(warning);
      open.delete(c);
    }
  };
  const all = countWhere(rows, () => true);
  const isJudged = Math.min(all.clicks, all.rows - all.clicks) >= labelledMin;
  check((c) => warnOfIdentity(sample, c));
  if (isJudged) {
    check((c) => warnOfTime(sample, c));
    const keys = keysOf(sample);
    const isNumber = (c: number) => columns[c].kind === "number";
    check((c) => isNumber(c) ? warnOfAggregates(sample, c, keys) : undefined);
    check((c) => warnOfMissing(sample, c, all));
    const copies = warnOfCopies(sample, [...open]);
    check((c) => copies.get(c));
    check((c) => isNumber(c) ? warnOfOwnRow(sample, c, keys) : undefined);
    const before = found.length;
    check((c) => warnOfValue(sample, c, all));
    if (columns.length <= formColumnsMax) check((c) => warnOfForm(sample, c, all));
    found.push(...warnOfPairs(sample, [...open]));
    // Where many columns have such values, the outcome is easily told: they are no sign of a leak.
    const isUsual = found.length - before > Math.max(usualMin, usualShare * columns.length);
    if (isUsual) found.splice(before);
  }
  return [...found, ...warnOfRepeatedRows(sample)];
}
