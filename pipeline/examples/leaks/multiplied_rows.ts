import type { LeakSample } from "./leak_sample.ts";
import type { LeakWarning } from "./leak_warning.ts";

/** Distinct values per row of a column by which repeated rows are recognised. */
const distinctShareMin = 0.1;
/** Rows that have the value of an earlier one, at least. */
const repeatedShareMin = 0.1;
/** Pairs that would have different labels by chance, at least, and the share up to which they count as none. */
const chanceMin = 20;
const differingShareMax = 0.02;
/** Share of the pairs from which a column counts as repeated. */
const equalShareMin = 0.98;
/** Columns of nearly unique values that are looked at. */
const lookedAtMax = 4;
const searchedMax = 200;

/**
 * Finds rows that a join has multiplied: rows with the same value of a nearly unique column have the same outcome and are equal in
 * most columns. The others are of the joined table.
 */
export function multipliedRows({ twins, columns }: LeakSample): LeakWarning | undefined {
  const { rowCount, labels } = twins;
  const unique = columns.slice(0, searchedMax).map((_, c) => ({
    c,
    distinct: new Set(twins.columns[c]).size,
  }))
    .filter(({ distinct }) =>
      distinct >= distinctShareMin * rowCount && distinct <= (1 - repeatedShareMin) * rowCount
    )
    .sort((a, b) => b.distinct - a.distinct || a.c - b.c).slice(0, lookedAtMax);
  const rate = labels.reduce((sum, label) => sum + label, 0) / Math.max(1, rowCount);
  for (const { c } of unique) {
    const pairs = pairsBy(twins.columns[c]);
    const differing = pairs.filter(([a, b]) => labels[a] !== labels[b]).length;
    const chance = 2 * rate * (1 - rate) * pairs.length;
    if (chance < chanceMin || differing > differingShareMax * chance) continue;
    const joined = columns.flatMap(({ name }, other) => {
      const equal = pairs.filter(([a, b]) =>
        Object.is(twins.columns[other][a], twins.columns[other][b])
      ).length;
      return equal < equalShareMin * pairs.length ? [name] : [];
    });
    if (joined.length === 0 || 2 * joined.length > columns.length) continue;
    return {
      kind: "multiplied-rows",
      columns: joined,
      text:
        `${pairs.length} of ${rowCount} rows that were looked at repeat an earlier row in all but ${
          joined.slice(0, 5).join(", ")
        }, outcome included, as a join that multiplies rows makes them: each outcome counts several times. Join one row per key ` +
        "only, or combine what is joined into one row.",
    };
  }
  return undefined;
}

/** Returns each row with the last row before it that has the same value. Missing values are no values. */
function pairsBy(values: Float64Array): (readonly [number, number])[] {
  const last = new Map<number, number>();
  const pairs: (readonly [number, number])[] = [];
  values.forEach((value, row) => {
    if (value !== value) return;
    const before = last.get(value);
    if (before !== undefined) pairs.push([before, row]);
    last.set(value, row);
  });
  return pairs;
}
