import { basename } from "node:path";
import { printable } from "../files/columns/printable.ts";
import { quoted } from "../store/sqlite.ts";
import { freeName } from "./free_name.ts";
import type {
  Proposal,
  ProposedColumn,
  ProposedJoin,
  ProposedLabel,
  ProposedTable,
  ProposedView,
} from "./proposal.ts";

/** Returns the SQL of the tables and of the view `examples`. */
export function schemaText(proposal: Proposal): string {
  const { tables } = proposal;
  const head = [
    "-- Written by clickwell init. Edit it before the first load; later, clickwell schema apply changes a store.",
    '-- The comment at the end of a column\'s line gives its meaning; one with the unit "microseconds since 1970-01-01T00:00:00Z"',
    "-- makes the column a time.",
  ].join("\n");
  return [head, ...tables.map(tableText), viewText(proposal)].join("\n\n") + "\n";
}

function tableText({ name, paths, columns, key, isNumbered, indexes = [] }: ProposedTable): string {
  const isText = columns.some((column) => column.name === key[0] && column.type === "TEXT");
  const lines = columns.map((column) => definitionOf(column, { key, isNumbered }));
  const width = Math.max(...lines.map((line) => line.length));
  const body = lines.map((line, i) => {
    const comma = i === lines.length - 1 && key.length === 1 ? "" : ",";
    return `  ${`${line}${comma}`.padEnd(width + 1)}  -- ${oneLine(columns[i].comment)}`;
  });
  const keys = key.length === 1 ? [] : [`  PRIMARY KEY (${key.map(identifier).join(", ")})`];
  return [
    `-- ${paths.map((path) => oneLine(basename(path))).join(", ")}`,
    `CREATE TABLE ${identifier(name)} (`,
    ...body,
    ...keys,
    isText || key.length > 1 ? ") STRICT, WITHOUT ROWID;" : ") STRICT;",
    ...indexes.map((column) =>
      `CREATE INDEX ${identifier(`${name}_by_${column}`)} ON ${identifier(name)} (${identifier(column)});`
    ),
  ].join("\n");
}

function definitionOf(
  { name, type, isRequired }: ProposedColumn,
  { key, isNumbered }: { key: readonly string[]; isNumbered: boolean },
): string {
  const isOnlyKey = key.length === 1 && key[0] === name;
  const required = isRequired && !(isOnlyKey && isNumbered) ? " NOT NULL" : "";
  return `${identifier(name)} ${type}${required}${isOnlyKey ? " PRIMARY KEY" : ""}`;
}

function oneLine(text: string): string {
  return printable(text).replaceAll("--", "- -");
}

function viewText({ view, tables, label, id, weight }: Proposal): string {
  const { child, joins, columns } = view;
  const items = columns.map(({ name, table, column }) => {
    const as = name === column ? "" : ` AS ${identifier(name)}`;
    return `${place(table, column)}${as}`;
  });
  const parents = joins.map((join) => joinText(join, tables.map(({ name }) => name)));
  const outcomes = label.is === "ratio"
    ? outcomesOf(view, label, { id, weight: weight ?? "weight", tables })
    : undefined;
  const labels = label.is === "exists" ? [existsText(child, label)] : outcomes?.items ?? [];
  return [
    label.is === "ratio"
      ? "-- Two examples per row: clicked and not, weighted by their counts."
      : "-- One row per example.",
    "CREATE VIEW examples AS",
    "SELECT",
    [...items, ...labels].map((item) => `  ${item}`).join(",\n"),
    [`FROM ${identifier(child)}`, ...parents, ...outcomes ? [outcomes.join] : []].join("\n") + ";",
  ].join("\n");
}

function joinText(
  { parent, alias, key, from, column, also = [], isOptional, asOf }: ProposedJoin,
  tables: readonly string[],
): string {
  const as = alias === parent ? "" : ` AS ${identifier(alias)}`;
  const on = [{ key, column }, ...also].map((pair) =>
    `${place(alias, pair.key)} = ${place(from, pair.column)}`
  ).join(" AND ");
  const join = `${isOptional ? "LEFT JOIN" : "JOIN"} ${identifier(parent)}${as} ON ${on}`;
  if (!asOf) return join;
  const known = freeName("known", tables);
  const { knownAt, time } = asOf;
  return [
    `${join} AND ${place(alias, knownAt)} = (`,
    `  SELECT max(${place(known, knownAt)}) FROM ${identifier(parent)} AS ${identifier(known)}`,
    `  WHERE ${place(known, key)} = ${place(from, column)} AND ${place(known, knownAt)} <= ${
      place(from, time)
    }`,
    ")",
  ].join("\n");
}

type LabelOf<Is extends ProposedLabel["is"]> = Extract<ProposedLabel, { readonly is: Is }>;

function existsText(child: string, { name, table, column, childColumn }: LabelOf<"exists">): string {
  const where = `${place(table, column)} = ${place(child, childColumn)}`;
  return `EXISTS (SELECT 1 FROM ${identifier(table)} WHERE ${where}) AS ${identifier(name)}`;
}

/** Returns what makes two rows of each: a table of both outcomes, and the id, label and weight of a row. */
function outcomesOf(
  { child, columns, joins }: ProposedView,
  { name, key, clicksTable = child, clicks, impressions }: LabelOf<"ratio">,
  { id, weight, tables }: { id: string; weight: string; tables: Proposal["tables"] },
) {
  const isText = tables.some((table) =>
    table.name === child && table.columns.some((column) => column.name === key && column.type === "TEXT")
  );
  const outcomes = identifier(
    columns.some(({ table }) => table === "outcomes") ? "both_outcomes" : "outcomes",
  );
  const isOptional = joins.some(({ alias, isOptional }) => alias === clicksTable && isOptional);
  const few = isOptional ? `coalesce(${place(clicksTable, clicks)}, 0)` : place(clicksTable, clicks);
  const many = place(child, impressions);
  const own = identifier(name);
  return {
    items: [
      `${isText ? `${place(child, key)} || ':' ||` : `2 * ${place(child, key)} +`} ${outcomes}.${own} AS ${
        identifier(id)
      }`,
      `${outcomes}.${own}`,
      `CASE ${outcomes}.${own} WHEN 1 THEN ${few} ELSE ${many} - ${few} END AS ${identifier(weight)}`,
    ],
    join: `CROSS JOIN (SELECT 1 AS ${own} UNION ALL SELECT 0) AS ${outcomes}`,
  };
}

function place(table: string, column: string): string {
  return `${identifier(table)}.${identifier(column)}`;
}

/** Returns a name as an identifier of SQL: quoted unless it is a plain word that is not a keyword. */
export function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/i.test(name) && !keywords.has(name.toUpperCase()) ? name : quoted(name);
}

/** The keywords of SQLite. @see https://www.sqlite.org/lang_keywords.html */
const keywords = new Set(
  ("ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY CASCADE CASE CAST " +
    "CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DATABASE " +
    "DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN " +
    "FAIL FALSE FILTER FIRST FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX " +
    "INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE LIMIT MATCH MATERIALIZED NATURAL NO " +
    "NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE " +
    "RANGE RECURSIVE REFERENCES REGEXP REINDEX RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT SELECT " +
    "SET STRICT TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER TRUE UNBOUNDED UNION UNIQUE UPDATE USING VACUUM VALUES VIEW " +
    "VIRTUAL WHEN WHERE WINDOW WITH WITHOUT").split(" "),
);
