import type { Dialect } from "./sql_dialect.ts";

/** Literals of keys and values. */
export type LookupEntries = readonly (readonly [key: string, value: string])[];

/** Looks values up in one SELECT: few by CASE, many by a joined table of values. */
export interface Lookups {
  /**
   * Returns an expression of the value of a key.
   *
   * @param otherwise The value of any other key, and of NULL.
   */
  find(key: string, entries: LookupEntries, otherwise: string): string;
  /**
   * Returns an expression of the value at an integer.
   *
   * @param column Name of a column of integers from 0 to less than the number of values.
   * @param values Literals.
   */
  at(column: string, values: readonly string[]): string;
  /** Returns the definitions of the joined tables, for WITH. */
  tables(): string[];
  joins(): string[];
}

/** A CASE is searched from its beginning for each row. */
const casesMax = 64;

/**
 * @param prefix Distinguishes the tables of several SELECTs of a statement.
 * @param keep Returns the name of a table of the columns `k` and `v` that will have the entries of a key; undefined for those that
 *   stand in the statement.
 */
export function createLookups(
  { joinsMax }: Dialect,
  prefix: string,
  keep?: (entries: LookupEntries, key: string) => string | undefined,
): Lookups {
  const tables: string[] = [];
  const joins: string[] = [];
  const lookups: Lookups = {
    at(column, values) {
      const steps = values.flatMap((value, from) => value === values[from - 1] ? [] : [{ value, from }]);
      if (steps.length <= casesMax || joins.length === joinsMax) return byStep(column, steps);
      const entries = values.map((value, i) => [String(i), value] as const);
      return lookups.find(column, entries, values[0]);
    },
    find(key, entries, otherwise) {
      if (entries.length === 0) return otherwise;
      if (entries.length <= casesMax || joins.length === joinsMax) {
        const whens = entries.map(([key, value]) => `WHEN ${key} THEN ${value}`);
        return `CASE ${key} ${whens.join(" ")} ELSE ${otherwise} END`;
      }
      const name = `clickwell_${prefix}${joins.length}`;
      const kept = keep?.(entries, key);
      if (kept === undefined) {
        tables.push(
          `${name}(k, v) AS (VALUES\n${entries.map(([key, value]) => `(${key}, ${value})`).join(",\n")})`,
        );
      }
      joins.push(`LEFT JOIN ${kept === undefined ? "" : `${kept} AS `}${name} ON ${name}.k = ${key}`);
      return `coalesce(${name}.v, ${otherwise})`;
    },
    tables: () => tables,
    joins: () => joins,
  };
  return lookups;
}

/** Returns the value of the last step that begins at or below a number, found by halving. @param steps Ascending. */
export function byStep(
  expression: string,
  steps: readonly { readonly value: string; readonly from: number | string }[],
): string {
  if (steps.length === 1) return steps[0].value;
  const middle = steps.length >>> 1;
  const [below, above] = [steps.slice(0, middle), steps.slice(middle)].map((own) => byStep(expression, own));
  return `CASE WHEN ${expression} < ${steps[middle].from} THEN ${below} ELSE ${above} END`;
}

/** Returns the sum of terms as a balanced tree: databases limit the depth of an expression. */
export function balancedSum(terms: readonly string[]): string {
  if (terms.length <= 2) return terms.length === 1 ? terms[0] : `(${terms.join("\n+ ")})`;
  const middle = terms.length >>> 1;
  return `(${balancedSum(terms.slice(0, middle))}\n+ ${balancedSum(terms.slice(middle))})`;
}
