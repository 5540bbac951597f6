import { freeName } from "./free_name.ts";
import type { NearMiss } from "./near_misses.ts";
import type { Reference } from "./references.ts";

/** A table that is joined to the examples by its key: one row of it, at most, for each example. */
export interface Join {
  readonly table: string;
  /** Its name in the view: another than the table's if the table is joined twice. */
  readonly alias: string;
  readonly key: string;
  /** Alias and column that refer to the key. */
  readonly from: string;
  readonly column: string;
  /** Whether examples without a row of the table stay, with missing values. */
  readonly isOuter: boolean;
  /** The newest row that was known at the time of the example is joined: the time of either. */
  readonly asOf?: { readonly knownAt: string; readonly time: string };
  readonly reference: Reference;
}

export interface JoinTree {
  /** The table with a row for each example. */
  readonly root: string;
  /** Each after the one that it is joined to. */
  readonly joins: readonly Join[];
  /** References of tables that are not joined, because several of their rows, or none, belong to an example. */
  readonly children: readonly Reference[];
  /** Tables that no reference connects to the examples. */
  readonly unconnected: readonly string[];
  /** Columns that seem to connect them, and why they do not. */
  readonly nearMisses?: readonly NearMiss[];
}

/** Returns the columns of the joined table by which its rows are found. */
export function keysOf({ key, reference: { also = [] }, asOf }: Join): string[] {
  return [key, ...also.map((pair) => pair.key), ...asOf ? [asOf.knownAt] : []];
}

/** Share of rows without a parent up to which they are reported as orphans; more of them stay examples. */
const orphanShareMax = 0.05;

/**
 * Joins tables to the examples along references from many rows to one, so that no join multiplies rows.
 *
 * @param tables The names of all tables, the label's without.
 * @param time The column of the time of the examples, if they have one.
 */
export function joinTreeOf(
  root: string,
  tables: readonly string[],
  references: readonly Reference[],
  time?: string,
): JoinTree {
  const joins: Join[] = [];
  const joined = new Set([root]);
  const queue = [{ table: root, alias: root, isOuter: false }];
  for (let at = 0; at < queue.length; at++) {
    const from = queue[at];
    const outgoing = references.filter((reference) =>
      reference.table === from.table && tables.includes(reference.parent) && !joined.has(reference.parent) &&
      (reference.knownAt === undefined || (time !== undefined && from.table === root))
    );
    for (const reference of outgoing) {
      const asOf = reference.knownAt !== undefined && time !== undefined
        ? { knownAt: reference.knownAt, time }
        : undefined;
      const { parent: table, key, column } = reference;
      const isRepeated = outgoing.some((other) => other !== reference && other.parent === table);
      const alias = isRepeated
        ? freeName(`${table}_${column}`, [...tables, ...joins.map((join) => join.alias)])
        : table;
      // The parents of a row that may be missing may be missing, too.
      const isOuter = from.isOuter || asOf !== undefined || isPartial(reference);
      joins.push({
        table,
        alias,
        key,
        from: from.alias,
        column,
        isOuter,
        ...asOf ? { asOf } : {},
        reference,
      });
      joined.add(table);
      queue.push({ table, alias, isOuter });
    }
  }
  const { children, connected } = childrenOf(joined, tables, references);
  return { root, joins, children, unconnected: tables.filter((table) => !connected.has(table)) };
}

function isPartial({ nullShare, foundCount, valueCount, isOptional }: Reference): boolean {
  return isOptional === true || nullShare > 0 || foundCount < (1 - orphanShareMax) * valueCount;
}

/** Finds the tables that refer to joined ones, directly or through others. */
function childrenOf(
  joined: ReadonlySet<string>,
  tables: readonly string[],
  references: readonly Reference[],
) {
  const connected = new Set(joined);
  const children: Reference[] = [];
  for (let size = 0; size < connected.size;) {
    size = connected.size;
    for (const reference of references) {
      const { table, parent } = reference;
      if (!tables.includes(table) || connected.has(table) || !connected.has(parent)) continue;
      connected.add(table);
      children.push(reference);
    }
  }
  return { children, connected };
}
