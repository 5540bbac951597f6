import type { DatabaseSync } from "node:sqlite";
import type { Table } from "../table.ts";

/** A view with one row for each child row whose parents all exist. */
export interface ParentJoin {
  readonly child: Table;
  /** The columns of the child that are joined to the keys of its parents. */
  readonly parents: readonly { readonly column: string; readonly parent: Table }[];
}

/**
 * Recognises `SELECT … FROM child JOIN parent ON parent.key = child.column`, with any number of such joins, and nothing after
 * them.
 *
 * @returns undefined for any other view, whose rows have to be counted.
 */
export function parentJoinOf(
  db: DatabaseSync,
  view: string,
  tables: readonly Table[],
): ParentJoin | undefined {
  const row = db.prepare("SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?").get(view);
  const match =
    /^CREATE VIEW \S+ AS SELECT (.+?) FROM (\w+)((?: (?:INNER )?JOIN \w+ ON \w+\.\w+ = \w+\.\w+)*)$/i.exec(
      outline(String(row?.sql)),
    );
  if (!match) return undefined;
  const [, list, childName, joins] = match;
  // A second FROM belongs to a compound SELECT.
  if (/^(DISTINCT|ALL)\b|\bFROM\b/i.test(list) || callsFunction(list)) return undefined;
  const child = named(tables, childName);
  const parents = [...joins.matchAll(/JOIN (\w+) ON (\w+)\.(\w+) = (\w+)\.(\w+)/gi)].map((join) =>
    joined(join, child, tables)
  );
  return child && parents.every((parent) => parent !== undefined) ? { child, parents } : undefined;
}

function joined(
  [, parentName, leftTable, leftColumn, rightTable, rightColumn]: RegExpMatchArray,
  child: Table | undefined,
  tables: readonly Table[],
): ParentJoin["parents"][number] | undefined {
  const parent = named(tables, parentName);
  const parentIsLeft = named(tables, leftTable) === parent;
  const [keyColumn, column] = parentIsLeft ? [leftColumn, rightColumn] : [rightColumn, leftColumn];
  const other = named(tables, parentIsLeft ? rightTable : leftTable);
  const isByKey = parent?.key.length === 1 && isSameName(parent.key[0], keyColumn);
  const reference = child?.columns.find(({ name }) => isSameName(name, column));
  // A row whose reference is NULL is neither an orphan nor an example.
  return parent && isByKey && other === child && parent !== child && reference?.required
    ? { column: reference.name, parent }
    : undefined;
}

function named(tables: readonly Table[], name: string): Table | undefined {
  return tables.find((table) => isSameName(table.name, name));
}

/** Compares names as SQL does: without regard to case. */
export function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Returns whether a list may call a function: an aggregate would make one row of all. Only known keywords are accepted. */
function callsFunction(list: string): boolean {
  return [...list.matchAll(/(\w+) ?\(\)/g)].some(([, word]) =>
    !/^(EXISTS|IN|NOT|AND|OR|WHEN|THEN|ELSE)$/i.test(word)
  );
}

/** Returns SQL on one line, without comments and without the content of quotes and parentheses. */
function outline(sql: string): string {
  const flat = sql.replace(
    /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"[^"]*"/g,
    (part) => /^['"]/.test(part) ? "''" : " ",
  );
  let depth = 0;
  let text = "";
  for (const character of flat) {
    if (character === ")") depth--;
    if (depth === 0) text += character;
    if (character === "(") depth++;
  }
  return text.replace(/\s+/g, " ").replace(/ ?\(/g, " (").trim();
}
