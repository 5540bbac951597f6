import { runToEnd } from "../../runtime/steps.ts";
import { countWhere } from "./class_rates.ts";
import { warnOfPairs, warnOfTime } from "./comparisons.ts";
import { warnOfIdentity } from "./identities.ts";
import { keysOf } from "./keys.ts";
import type { LeakTable } from "./leak_rows.ts";
import { type LeakSample, sampleLeaks } from "./leak_sample.ts";
import type { LeakWarning } from "./leak_warning.ts";
import { assessColumns, type Evidence } from "./other_columns.ts";
import { warnOfRepeatedRows } from "./repeated_rows.ts";
import { withoutRepeats } from "./sampled_rows.ts";
import { findCopies, warnOfCopy, warnOfMissing, warnOfValue } from "./single_columns.ts";
import { warnOfForm } from "./value_forms.ts";
import { warnOfAggregates, warnOfOwnRow } from "./within_keys.ts";

/** Rows of either label from which columns are compared with the outcome. */
const labelledMin = 20;
/** Columns of whose values the form is looked at; not of a wide table, for the time that it takes. */
const formColumnsMax = 300;

/**
 * Looks for columns that give the outcome away, or that say nothing about rows to come, and for rows that occur more than once. Each
 * column is named by at most one kind of warning. The result depends on the rows alone.
 */
export function findLeaks(table: LeakTable): LeakWarning[] {
  return leaksIn(sampleLeaks(table));
}

/** The same, from a sample that was taken before. */
export function leaksIn(sample: LeakSample): LeakWarning[] {
  return runToEnd(leaksInSteps(sample));
}

/** The same in steps: one for each column and kind of leak. */
export function* leaksInSteps(sample: LeakSample): Generator<void, LeakWarning[]> {
  const { columns, rows } = sample;
  const found: LeakWarning[] = [];
  const open = new Set(columns.keys());
  const check = function* (warningOf: (c: number) => LeakWarning | undefined) {
    for (const c of open) {
      yield;
      const warning = warningOf(c);
      if (!warning) continue;
      found.push(warning);
      open.delete(c);
    }
  };
  const all = countWhere(rows, () => true);
  const isJudged = Math.min(all.clicks, all.rows - all.clicks) >= labelledMin;
  yield* check((c) => warnOfIdentity(sample, c));
  if (isJudged) {
    const keys = keysOf(sample);
    const isNumber = (c: number) => columns[c].kind === "number";
    yield* check((c) => isNumber(c) ? warnOfAggregates(sample, c, keys) : undefined);
    const judged = { ...sample, rows: withoutRepeats(rows) };
    const everything = assessColumns(judged, open);
    const copies = findCopies(judged, open, everything);
    // What a copy tells is no reason to expect it.
    const evidence: Evidence = { ...everything, without: (left) => everything.without([...copies, ...left]) };
    const all = countWhere(judged.rows, () => true);
    yield* check((c) => warnOfTime(judged, c, evidence));
    yield* check((c) => warnOfMissing(judged, c, all, evidence));
    yield* check((c) => warnOfCopy(judged, c, copies, everything));
    yield* check((c) => isNumber(c) ? warnOfOwnRow(judged, c, keys, everything) : undefined);
    yield* check((c) => warnOfValue(judged, c, all, evidence));
    if (columns.length <= formColumnsMax) yield* check((c) => warnOfForm(judged, c, all, evidence));
    found.push(...warnOfPairs(judged, [...open], evidence));
  }
  return [...found, ...warnOfRepeatedRows(sample)];
}
