import type { DatabaseSync } from "node:sqlite";
import { Failure, usageInvalid } from "../failure.ts";
import { describeSchema, describeStore, type SchemaDescription, type SchemaObject } from "./schema.ts";
import { quoted } from "./sqlite.ts";
import type { ColumnType, Table, TableColumn } from "./table.ts";
import { isSameName } from "./view/sql_tokens.ts";
import { counted } from "../counted.ts";

/** What a schema changes in a store. Its keys are a public interface. */
export interface SchemaChange {
  readonly tables: readonly TableChange[];
  /** Views, indexes and triggers. */
  readonly others: readonly {
    readonly type: string;
    readonly name: string;
    readonly change: "created" | "changed" | "dropped";
  }[];
}

export interface TableChange {
  readonly table: string;
  readonly change: "created" | "changed" | "dropped";
  /** Rows that the table has. */
  readonly rows: number;
  /** Empty if only constraints, the order of columns or comments change. */
  readonly columns: readonly ColumnChange[];
}

export interface ColumnChange {
  readonly column: string;
  readonly change: "added" | "retyped" | "dropped";
  /** The type afterwards; of a dropped column, its type. */
  readonly type: ColumnType;
  readonly from?: ColumnType;
  /** Number of values that a dropped column has. */
  readonly values?: number;
}

/** A change, with what it takes to make it. */
export interface SchemaPlan {
  readonly change: SchemaChange;
  readonly found: SchemaDescription;
  readonly wanted: SchemaDescription;
}

/**
 * Compares a schema with a store.
 *
 * @throws {Failure} `spec-invalid` for an unusable schema, or one that rows of the store cannot have.
 */
export function planSchemaChange(db: DatabaseSync, schema: string): SchemaPlan {
  const wanted = describeSchema(schema);
  const found = describeStore(db);
  const tables = pairsOf(found.tables, wanted.tables).flatMap(([old, next]) =>
    tableChange(db, { old, next, found, wanted })
  );
  const isOther = ({ type }: SchemaObject) => type !== "table";
  const others = pairsOf(found.objects.filter(isOther), wanted.objects.filter(isOther)).flatMap((
    [old, next],
  ) =>
    old?.sql === next?.sql
      ? []
      : [{ type: kindOf(old, next), name: nameOf(old, next), change: changeOf(old, next) }]
  );
  return { change: { tables, others }, found, wanted };
}

/** @throws {Failure} `usage-invalid` if rows or values would be dropped. */
export function requireNoDrop({ tables }: SchemaChange, schemaName: string): void {
  const dropped = tables.flatMap(({ table, change, rows, columns }) =>
    change === "dropped"
      ? [`table ${table} (${counted(rows, "row")})`]
      : columns.filter((column) => column.change === "dropped").map(({ column, values = 0 }) =>
        `column ${table}.${column} (${counted(values, "value")})`
      )
  );
  if (dropped.length === 0) return;
  const isRename = tables.some(({ columns }) =>
    columns.some(({ change }) => change === "dropped") && columns.some(({ change }) => change === "added")
  );
  throw usageInvalid(
    `Cannot apply ${schemaName}: it would drop ${
      dropped.join(", ")
    }. Add them to the schema, or drop them with --drop.` +
      (isRename ? " A column that is renamed is dropped, and one without values is added." : ""),
  );
}

interface Compared {
  readonly old: Table | undefined;
  readonly next: Table | undefined;
  readonly found: SchemaDescription;
  readonly wanted: SchemaDescription;
}

function tableChange(db: DatabaseSync, { old, next, found, wanted }: Compared): TableChange[] {
  const [before, after] = [sqlOf(found, old), sqlOf(wanted, next)];
  if (before === after) return [];
  const rows = old ? countOf(db, `SELECT count(*) AS n FROM ${quoted(old.name)}`) : 0;
  const table = nameOf(old, next);
  const columns = old && next ? columnChanges(db, old, next) : [];
  if (next && rows > 0) requireValues(next, columns, rows);
  return [{ table, change: changeOf(old, next), rows, columns }];
}

function columnChanges(db: DatabaseSync, old: Table, next: Table): ColumnChange[] {
  return pairsOf(old.columns, next.columns).flatMap(([before, after]): ColumnChange[] => {
    if (before && !after) {
      const values = countOf(db, `SELECT count(${quoted(before.name)}) AS n FROM ${quoted(old.name)}`);
      return [{ column: before.name, change: "dropped", type: before.type, values }];
    }
    if (!after || before?.type === after.type) return [];
    return [
      before
        ? { column: after.name, change: "retyped", type: after.type, from: before.type }
        : { column: after.name, change: "added", type: after.type },
    ];
  });
}

/** @throws {Failure} `spec-invalid` for a new column that the rows of the store would need a value of. */
function requireValues(next: Table, changes: readonly ColumnChange[], rows: number): void {
  const isAdded = ({ name }: TableColumn) =>
    changes.some(({ column, change }) => column === name && change === "added");
  const bare = next.columns.find((column) =>
    isAdded(column) && column.required && !column.hasDefault &&
    !(next.isNumbered && column.name === next.key[0])
  );
  if (!bare) return;
  throw new Failure(
    "spec-invalid",
    `Cannot apply the schema: ${next.name}.${bare.name} needs a value, which ${
      counted(rows, "row")
    } of the store ${
      rows === 1 ? "does" : "do"
    } not have. Omit NOT NULL, or give it a DEFAULT; for another key, load the files into another --data folder.`,
  );
}

/** Pairs what has the same name in both lists, without regard to case as in SQL. */
function pairsOf<T extends { readonly name: string }>(
  before: readonly T[],
  after: readonly T[],
): [old: T | undefined, next: T | undefined][] {
  const named = (list: readonly T[], { name }: T) => list.find((other) => isSameName(other.name, name));
  return [
    ...before.map((old): [T, T | undefined] => [old, named(after, old)]),
    ...after.filter((next) => !named(before, next)).map((next): [undefined, T] => [undefined, next]),
  ];
}

function sqlOf({ objects }: SchemaDescription, table: Table | undefined): string | undefined {
  return table && objects.find(({ type, name }) => type === "table" && name === table.name)?.sql;
}

function changeOf(old: unknown, next: unknown): "created" | "changed" | "dropped" {
  return old === undefined ? "created" : next === undefined ? "dropped" : "changed";
}

function nameOf(
  old: { readonly name: string } | undefined,
  next: { readonly name: string } | undefined,
): string {
  return next?.name ?? old?.name ?? "";
}

function kindOf(old: SchemaObject | undefined, next: SchemaObject | undefined): string {
  return next?.type ?? old?.type ?? "";
}

function countOf(db: DatabaseSync, sql: string): number {
  return Number(db.prepare(sql).get()?.n);
}
