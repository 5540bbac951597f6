import { wordsOf } from "./names.ts";
import type { Reference } from "./references.ts";

/** A label that is 1 for the rows of a table to which a row of another table refers. */
export interface LabelTable {
  /** The table with the outcomes, as clicks. */
  readonly table: string;
  /** Its column that refers to the key of the examples. */
  readonly column: string;
  /** The table with a row for each example. */
  readonly examples: string;
  readonly key: string;
  readonly reference: Reference;
}

/** Words of tables that record an outcome. */
const outcomeWords =
  /^(click|conversion|purchas|order|respon|repl|open|churn|cancel|subscri|buy|bought|sale|sold|outcome|label|target|accept|booking|booked|approv|default|fraud|return|refund|bestell|kauf|klick|kuend|künd)/;

/** Names of labels by the beginning of their table's name, which is a plural. */
const labelNames: readonly (readonly [RegExp, string])[] = [
  [/^open/, "opened"],
  [/^conver/, "converted"],
  [/^(purchas|order|buy|sale|kauf|bestell)/, "bought"],
  [/^(respon|repl|antwort)/, "responded"],
  [/^book/, "booked"],
  [/^subscri/, "subscribed"],
  [/^(churn|kuend|künd|cancel)/, "cancelled"],
  [/^(return|refund)/, "returned"],
  [/^accept/, "accepted"],
];

/** Returns a name for the label of a table: what happened to the rows that it refers to. */
export function labelName(table: string): string {
  const words = wordsOf(table);
  return labelNames.find(([start]) => words.some((word) => start.test(word)))?.[1] ?? "clicked";
}

/** Returns the label of a table that the user named. @returns undefined if it refers to no other table. */
export function labelTableOf(
  table: string,
  references: readonly Reference[],
  rowCounts: ReadonlyMap<string, number>,
): LabelTable | undefined {
  const own = references.filter((reference) => reference.table === table);
  // Clicks that refer to an offer and to its lead are clicks on the offer, which refers to the lead itself.
  const finest = own.filter(({ parent }) =>
    !own.some((other) => other.parent !== parent && leadsTo(other.parent, parent, references))
  );
  const [reference] = finest.sort((a, b) =>
    b.strength - a.strength || (rowCounts.get(b.parent) ?? 0) - (rowCounts.get(a.parent) ?? 0)
  );
  return reference &&
    { table, column: reference.column, examples: reference.parent, key: reference.key, reference };
}

/** Returns whether a table refers to another one, directly or through others. */
function leadsTo(
  from: string,
  to: string,
  references: readonly Reference[],
  seen: ReadonlySet<string> = new Set(),
): boolean {
  return references.some(({ table, parent }) =>
    table === from && !seen.has(parent) &&
    (parent === to || leadsTo(parent, to, references, new Set([...seen, from])))
  );
}

/**
 * Proposes tables that may be labels: no other refers to them, and their keys are a part of the keys of another table.
 *
 * @returns Those whose names are words of an outcome, if there are any; else all.
 */
export function proposeLabelTables(
  references: readonly Reference[],
  rowCounts: ReadonlyMap<string, number>,
): LabelTable[] {
  const tables = [...new Set(references.map(({ table }) => table))];
  const leaves = tables.filter((table) =>
    !references.some(({ parent, table: other }) => parent === table && !isMutual(table, other, references))
  );
  const proposed = leaves.flatMap((table) => labelTableOf(table, references, rowCounts) ?? [])
    .filter(({ reference, examples }) => reference.foundCount < (rowCounts.get(examples) ?? 0));
  const named = proposed.filter(({ table }) => wordsOf(table).some((word) => outcomeWords.test(word)));
  return named.length > 0 ? named : proposed;
}

/** Returns whether two tables refer to each other, as those with the same key do. */
function isMutual(a: string, b: string, references: readonly Reference[]): boolean {
  return references.some(({ table, parent }) => table === a && parent === b);
}
