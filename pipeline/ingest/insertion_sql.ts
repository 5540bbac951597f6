import type { Cell } from "../files/columns/batch.ts";
import { quoted } from "../store/sqlite.ts";
import type { Table, TableColumn } from "../store/table.ts";

/** The rows of one statement. */
export interface StatementRows {
  readonly rowCount: number;
  /** All cells of the first row, then of the next: the parameters of the statement. */
  readonly cells: Cell[];
  /** Each row's place in its file, from 1. */
  readonly rows: Uint32Array;
}

/**
 * Inserts rows whose key is new and skips the others. Parameters: the cells of each row, in the order of `columns`.
 * Only the primary key is a conflict: a row that breaks another UNIQUE is an error.
 */
export function insertSql(table: Table, columns: readonly TableColumn[], rowCount: number): string {
  const row = `(${columns.map(() => "?").join(", ")})`;
  const rows = Array.from({ length: rowCount }, () => row).join(", ");
  return `INSERT INTO ${quoted(table.name)} (${names(columns)}) VALUES ${rows} ON CONFLICT (${
    table.key.map(quoted).join(", ")
  }) DO NOTHING`;
}

/**
 * Selects, of rows that were inserted or skipped, the indices (from 0) of those whose values differ from the table's, and
 * (`absent`) of those whose key is not in the table. Parameters as above.
 */
export function differingSql(table: Table, columns: readonly TableColumn[], rowCount: number): string {
  if (columns.length > givenColumnsMax) return differingWideSql(table, columns, rowCount);
  const given = columns.map((_, k) => `c${k}`);
  const rows = Array.from({ length: rowCount }, (_, i) => `(${i}, ${columns.map(() => "?").join(", ")})`)
    .join(", ");
  const stored = ({ name }: TableColumn) => `${quoted(table.name)}.${quoted(name)}`;
  const isKey = ({ name }: TableColumn) => table.key.includes(name);
  const onKey = columns.flatMap((column, k) =>
    isKey(column) ? [`${stored(column)} = ${givenRows}.c${k}`] : []
  );
  const sameValues = columns.flatMap((column, k) =>
    isKey(column) ? [] : [`${stored(column)} IS ${givenRows}.c${k}`]
  );
  const isAbsent = `${quoted(table.name)}.${quoted(table.key[0])} IS NULL`;
  // LEFT JOIN makes SQLite keep the order of the tables and look each given row up by its key.
  return `WITH ${givenRows} (place, ${given.join(", ")}) AS (VALUES ${rows})
    SELECT ${givenRows}.place AS place, ${isAbsent} AS absent
    FROM ${givenRows} LEFT JOIN ${quoted(table.name)} ON ${onKey.join(" AND ")}
    WHERE ${isAbsent} OR NOT (${allOf(sameValues)}) ORDER BY 1`;
}

/** Given rows have a column more than the table, and SQLite allows 2,000. */
const givenColumnsMax = 1_500;

/** As `differingSql`, with a SELECT for each row, of which a statement has few if the table is wide. */
function differingWideSql(table: Table, columns: readonly TableColumn[], rowCount: number): string {
  const stored = ({ name }: TableColumn) => `${quoted(table.name)}.${quoted(name)}`;
  const isAbsent = `${quoted(table.name)}.${quoted(table.key[0])} IS NULL`;
  const rows = Array.from({ length: rowCount }, (_, place) => {
    const parameter = (k: number) => `?${place * columns.length + k + 1}`;
    const conditions = (isKey: boolean, operator: string) =>
      columns.flatMap((column, k) =>
        table.key.includes(column.name) === isKey ? [`${stored(column)} ${operator} ${parameter(k)}`] : []
      );
    return `SELECT ${place} AS place, ${isAbsent} AS absent FROM (SELECT 1) LEFT JOIN ${quoted(table.name)}
      ON ${allOf(conditions(true, "="))} WHERE ${isAbsent} OR NOT (${allOf(conditions(false, "IS"))})`;
  });
  return `${rows.join(" UNION ALL ")} ORDER BY 1`;
}

/** The rows of a query's parameters, by a name that no table should have. */
const givenRows = quoted("clickwell given");

/** Joins conditions by AND, two by two: SQLite limits the depth of an expression, not its length. */
function allOf(conditions: readonly string[]): string {
  if (conditions.length < 2) return conditions[0] ?? "TRUE";
  const middle = conditions.length >> 1;
  return `(${allOf(conditions.slice(0, middle))} AND ${allOf(conditions.slice(middle))})`;
}

/** Inserts one row and replaces the one with the same key. Parameters: its cells. */
export function replaceSql(table: Table, columns: readonly TableColumn[]): string {
  const others = columns.filter(({ name }) => !table.key.includes(name)).map(({ name }) => quoted(name));
  return `${insertSql(table, columns, 1).replace(/DO NOTHING$/, "DO UPDATE SET ")}${
    others.map((name) => `${name} = excluded.${name}`).join(", ")
  }`;
}

/** Counts the given keys that are in the table. Parameters: each row's key. */
export function knownSql(table: Table, rowCount: number): string {
  const given = table.key.map((_, k) => `k${k}`);
  const row = `(${given.map(() => "?").join(", ")})`;
  const onKey = table.key.map((name, k) => `${quoted(table.name)}.${quoted(name)} = ${givenRows}.k${k}`).join(
    " AND ",
  );
  return `WITH ${givenRows} (${given.join(", ")}) AS (VALUES ${
    Array.from({ length: rowCount }, () => row).join(", ")
  })
    SELECT count(*) AS n FROM ${givenRows} CROSS JOIN ${quoted(table.name)} ON ${onKey}`;
}

/** Selects the row of one key. Parameters: the key. */
export function storedSql(table: Table, columns: readonly TableColumn[]): string {
  return `SELECT ${names(columns)} FROM ${quoted(table.name)} WHERE ${
    table.key.map((name) => `${quoted(name)} = ?`).join(" AND ")
  }`;
}

function names(columns: readonly TableColumn[]): string {
  return columns.map(({ name }) => quoted(name)).join(", ");
}
