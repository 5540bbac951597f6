import { openReadingConnection, scanMemory } from "../store/reading_connection.ts";
import { columnOrigins } from "../store/view/view_columns.ts";
import { quoted } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import type { Table } from "../store/table.ts";
import type { RowAccount } from "./row_account.ts";
import type { FeatureSpec } from "./spec.ts";
import { type ParentJoin, parentJoinOf } from "../store/view/view_shape.ts";

/** Counts of rows of the child table of a view, which has a row for each of them whose parents exist. */
export interface ChildRows {
  readonly join: ParentJoin;
  /** Rows of the child table; with `after`, only those with a greater id. */
  readonly rows: number;
  /** With `after`: the other rows of the child table. */
  readonly known?: number;
}

/**
 * Counts the rows of the child table of a view, without the join.
 *
 * @param after Only rows with a greater id.
 * @returns undefined if the view is not recognised as a join by keys.
 */
export function countChildRows(
  { db, path }: Store,
  { view, id }: FeatureSpec,
  tables: readonly Table[],
  after: bigint | undefined,
): ChildRows | undefined {
  const join = parentJoinOf(db, view, tables);
  if (!join) return undefined;
  // Counting reads each page once: the store's own connection would cache 32 MiB of them.
  using scan = openReadingConnection(path, scanMemory);
  const count = (where: string) =>
    Number(scan.prepare(`SELECT count(*) AS n FROM ${quoted(join.child.name)}${where}`).get()?.n);
  if (after === undefined) return { join, rows: count("") };
  const [origin] = columnOrigins(db, `SELECT ${quoted(id)} FROM ${quoted(view)}`);
  if (!origin?.column || origin.table !== join.child.name) return undefined;
  const name = quoted(origin.column);
  return { join, rows: count(` WHERE ${name} > ${after}`), known: count(` WHERE ${name} <= ${after}`) };
}

/**
 * Adds to the account the rows that are not in the view because a row to which they refer does not exist.
 *
 * @throws {Error} if the view has more rows than the child, or a view of one table has fewer rows than it: a bug.
 */
export function withOrphans(account: RowAccount, childRows: ChildRows): RowAccount {
  const { join: { child, parents }, rows, known } = childRows;
  const orphans = rows - account.read;
  if (orphans < 0 || (parents.length === 0 && orphans > 0)) {
    throw new Error(`${account.read} rows of the view were read, but ${child.name} has ${rows}`);
  }
  if (parents.length === 0) return known === undefined ? account : { ...account, known };
  return {
    ...account,
    orphans: { rows: orphans, table: child.name, parents: parents.map(({ parent }) => parent.name) },
  };
}
