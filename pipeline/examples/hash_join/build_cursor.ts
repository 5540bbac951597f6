import type { DatabaseSync } from "node:sqlite";
import { quoted } from "../../store/sqlite.ts";
import type { Ids } from "../id_ranges.ts";
import type { JoinPlan, ParentPlan } from "../join_plan.ts";

/** A value that SQLite compares the cursor's column with. A blob sorts after every number and every text. */
export type Bound = number | bigint | string | Uint8Array;

/** The column by which a table's rows are stored in order, and ascending bounds that divide them about evenly. */
export interface BuildCursor {
  /** Quoted for SQL. */
  readonly cursor: string;
  /** A range is from one bound up to, and excluding, the next. */
  readonly bounds: readonly Bound[];
}

/** Ranges of a table that threads take one after the other. */
const rangeCount = 64;
const lastText = new Uint8Array();
const firstInteger = -(2n ** 63n);

/** Chooses a parent's cursor. @param sample Keys of the parent, in SQLite's order of text. */
export function cursorOf(
  db: DatabaseSync,
  { table, key, isInteger = false }: ParentPlan,
  sample: readonly string[],
): BuildCursor {
  // The rows of an integer key are in its order.
  if (isInteger) return integerCursor(db, table, quoted(key));
  const byKey = { cursor: quoted(key), bounds: ["", ...sample, lastText] };
  const facts = db.prepare("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?").get(table);
  if (facts?.wr === 1) return byKey;
  const names = db.prepare("SELECT name FROM pragma_table_xinfo(?)").all(table)
    .map(({ name }) => String(name).toLowerCase());
  const rowid = ["rowid", "_rowid_", "oid"].find((name) => !names.includes(name));
  // Columns have all three names: rows are read by the key, which costs a seek for each.
  if (rowid === undefined) return byKey;
  return integerCursor(db, table, rowid);
}

/** @param cursor A column of integers, quoted for SQL. */
function integerCursor(db: DatabaseSync, table: string, cursor: string): BuildCursor {
  const statement = db.prepare(
    `SELECT min(${cursor}) AS first, max(${cursor}) AS last FROM ${quoted(table)}`,
  );
  statement.setReadBigInts(true);
  const ends = statement.get();
  const [first, last] = [ends?.first, ends?.last].map((end) => typeof end === "bigint" ? end : 0n);
  const inner = Array.from(
    { length: rangeCount - 1 },
    (_, i) => first + ((last - first) * BigInt(i + 1)) / BigInt(rangeCount),
  );
  return { cursor, bounds: [firstInteger, ...inner, lastText] };
}

/** Returns the parent keys of some evenly spread rows of the child, in SQLite's order of text; none of integer keys. */
export function sampleKeys(
  db: DatabaseSync,
  plan: JoinPlan,
  { column, isInteger = false }: ParentPlan,
  { first, last }: Ids,
): string[] {
  if (isInteger) return [];
  const id = quoted(plan.id);
  const statement = db.prepare(
    `SELECT ${quoted(column)} AS key FROM ${quoted(plan.child)} WHERE ${id} >= ? ORDER BY ${id} LIMIT 1`,
  );
  const keys = new Set<string>();
  for (let i = 1n; i < BigInt(rangeCount); i++) {
    const key = statement.get(first + ((last - first) * i) / BigInt(rangeCount))?.key;
    if (typeof key === "string") keys.add(key);
  }
  const encoder = new TextEncoder();
  return [...keys].map((key) => ({ key, bytes: encoder.encode(key) }))
    .sort((a, b) => compareBytes(a.bytes, b.bytes)).map(({ key }) => key);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
