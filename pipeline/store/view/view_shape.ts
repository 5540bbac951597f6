import type { DatabaseSync } from "node:sqlite";
import type { Table } from "../table.ts";
import { isKeyword, isSameName, isSign, namesIn, type Token, tokensOf } from "./sql_tokens.ts";

/** A view with one row for each child row whose parents all exist. */
export interface ParentJoin {
  readonly child: Table;
  /** The columns of the child that are joined to the keys of its parents. */
  readonly parents: readonly { readonly column: string; readonly parent: Table }[];
  /** The result columns, in the order of the view's columns. */
  readonly items: readonly (readonly Token[])[];
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
  const select = selectOf(tokensOf(String(row?.sql)));
  if (!select || select.items.some(mayAggregate)) return undefined;
  const [childName, ...joins] = select.from;
  const child = childName && childName.kind !== "other" ? named(tables, childName.text) : undefined;
  const parents: ParentJoin["parents"][number][] = [];
  for (let rest = joins; rest.length > 0;) {
    if (isKeyword(rest[0], "INNER")) rest = rest.slice(1);
    const names = namesIn(rest.slice(0, joinLength), "JOIN ? ON ? . ? = ? . ?");
    const parent = names && joined(names, child, tables);
    if (!parent) return undefined;
    parents.push(parent);
    rest = rest.slice(joinLength);
  }
  return child ? { child, parents, items: select.items } : undefined;
}

/** Tokens of `JOIN ? ON ? . ? = ? . ?`. */
const joinLength = 10;

/** Splits `CREATE VIEW … AS SELECT items FROM from`. @returns undefined for any other text. */
function selectOf(tokens: readonly Token[]): { items: Token[][]; from: Token[] } | undefined {
  if (!namesIn(tokens.slice(0, 5), "CREATE VIEW ? AS SELECT")) return undefined;
  if (isKeyword(tokens[5], "DISTINCT") || isKeyword(tokens[5], "ALL")) return undefined;
  const items: Token[][] = [[]];
  let depth = 0;
  for (let i = 5; i < tokens.length; i++) {
    const token = tokens[i];
    if (isSign(token, "(")) depth++;
    if (isSign(token, ")")) depth--;
    if (depth === 0 && isKeyword(token, "FROM")) return { items, from: tokens.slice(i + 1) };
    if (depth === 0 && isSign(token, ",")) items.push([]);
    else items[items.length - 1].push(token);
  }
  return undefined;
}

/** Words that a parenthesis may follow without being a call. */
const beforeParenthesis = /^(EXISTS|IN|NOT|AND|OR|WHEN|THEN|ELSE)$/i;

/** Returns whether an item may call a function outside of a subquery: an aggregate would make one row of all. */
function mayAggregate(item: readonly Token[]): boolean {
  let [depth, subqueryDepth] = [0, Infinity];
  for (const [i, token] of item.entries()) {
    if (isSign(token, ")")) {
      if (--depth < subqueryDepth) subqueryDepth = Infinity;
    }
    if (!isSign(token, "(")) continue;
    depth++;
    if (depth > subqueryDepth) continue;
    const before = item[i - 1];
    if (before?.kind === "quoted" || (before?.kind === "word" && !beforeParenthesis.test(before.text))) {
      return true;
    }
    if (isKeyword(item[i + 1], "SELECT")) subqueryDepth = depth;
  }
  return false;
}

function joined(
  [parentName, leftTable, leftColumn, rightTable, rightColumn]: readonly string[],
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
