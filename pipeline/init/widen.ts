import type { ColumnType } from "../store/table.ts";
import type { LeftOutColumn, Proposal, ProposedColumn, ProposedFeature } from "./proposal.ts";

/** Types of columns, by table, then by column. */
export type ColumnTypes = ReadonlyMap<string, ReadonlyMap<string, ColumnType>>;

const widths: readonly ColumnType[] = ["INTEGER", "REAL", "TEXT"];

/** Returns whether a type can hold more values than another. */
export function isWiderType(type: string, other: ColumnType): boolean {
  return widths.indexOf(other) > widths.findIndex((width) => width === type);
}

/**
 * Gives columns of a proposal wider types, which the rows that were not looked at need: a feature of a column that becomes TEXT
 * becomes categorical.
 *
 * @returns The same proposal if no type is wider; undefined if the label, the weight or the time of the examples would have one.
 */
export function widenProposal(proposal: Proposal, types: ColumnTypes): Proposal | undefined {
  const typeOf = (table: string, { name, type }: ProposedColumn) => {
    const found = types.get(table)?.get(name) ?? type;
    return isWiderType(type, found) ? found : type;
  };
  const tables = proposal.tables.map((table) => ({
    ...table,
    columns: table.columns.map((column) => {
      const type = typeOf(table.name, column);
      return type === column.type ? column : { ...column, type, comment: `${column.comment}, but not all` };
    }),
  }));
  const [widened, texts] = [isWider, isText].map((test) => new Set(viewColumns(proposal, tables, test)));
  if (
    widened.size === 0 &&
    tables.every(({ columns }, i) => columns.every((column, k) => column === proposal.tables[i].columns[k]))
  ) {
    return proposal;
  }
  const { label, weight, time } = proposal;
  const counts = label.is === "ratio" ? [label.clicks, label.impressions] : [];
  if ([label.name, weight, time, ...counts].some((name) => name !== undefined && widened.has(name))) {
    return undefined;
  }
  const features = proposal.features.map((feature): ProposedFeature =>
    texts.has(feature.name) ? asCategory(feature) : withoutSince(feature, texts)
  );
  const leftOut = proposal.leftOut.map((left): LeftOutColumn =>
    texts.has(left.column) ? { ...left, feature: asCategory(left.feature) } : left
  );
  return { ...proposal, tables, features, leftOut };
}

type Test = (before: ProposedColumn, after: ProposedColumn) => boolean;

const isWider: Test = (before, after) => before.type !== after.type;
const isText: Test = (before, after) => isWider(before, after) && after.type === "TEXT";

/** Returns the columns of the view whose column in its table passes a test. */
function viewColumns({ view, tables }: Proposal, widened: Proposal["tables"], test: Test): string[] {
  const tableOf = (name: string) => view.joins.find(({ alias }) => alias === name)?.parent ?? name;
  return view.columns.filter(({ table, column }) => {
    const at = tables.findIndex(({ name }) => name === tableOf(table));
    const k = tables[at]?.columns.findIndex(({ name }) => name === column) ?? -1;
    return k >= 0 && test(tables[at].columns[k], widened[at].columns[k]);
  }).map(({ name }) => name);
}

/** Rare levels, such as a misspelled number, get no column. */
const minCount = 2;

/** A feature whose age is counted from a column that is no longer a time has no such column. */
function withoutSince(feature: ProposedFeature, texts: ReadonlySet<string>): ProposedFeature {
  if (feature.type !== "time" || feature.since === undefined || !texts.has(feature.since)) return feature;
  const { since: _, ...rest } = feature;
  return rest;
}

/** Returns the categorical feature of a column that becomes TEXT. */
export function asCategory<F extends { readonly name: string; readonly type: string }>(
  feature: F,
): F | { readonly name: string; readonly type: "categorical"; readonly minCount: number } {
  return feature.type === "categorical" ? feature : { name: feature.name, type: "categorical", minCount };
}
