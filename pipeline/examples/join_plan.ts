import { inputColumnsOf } from "./input_columns.ts";
import type { FeatureSpec } from "./spec.ts";
import type { Store } from "../store/store.ts";
import { comparesBytes, type Table } from "../store/table.ts";
import { isSameName } from "../store/view/sql_tokens.ts";
import { type ViewColumn, viewColumnsOf } from "../store/view/view_columns.ts";
import { viewOrdersById } from "./id_ranges.ts";
import { parentJoinOf } from "../store/view/view_shape.ts";

/** A plan that joins the examples from rows of tables, without the view. Plain data. */
export interface JoinPlan {
  readonly spec: FeatureSpec;
  /** Table with a row for each example. */
  readonly child: string;
  /** Its integer key. */
  readonly id: string;
  readonly parents: readonly ParentPlan[];
  /** Column that contains the ids of the examples with label 1; the labels themselves if it is a column of the child. */
  readonly label: ColumnRef;
  readonly group: ColumnRef;
  /** A column of the child. Present if the spec names a weight. */
  readonly weight?: ColumnRef;
  /** Present if the spec names a time. */
  readonly time?: ColumnRef;
  /** In the order of `inputColumnsOf`. */
  readonly fields: readonly ColumnRef[];
}

/** A table whose key, a text or an integer, `column` of the child refers to. */
export interface ParentPlan {
  readonly table: string;
  readonly key: string;
  readonly column: string;
  readonly isInteger?: boolean;
}

export interface ColumnRef {
  readonly table: string;
  readonly column: string;
}

/** Returns what was planned if it puts rows of several tables together: nothing is joined to those of a single one. */
export function joinIn(planned: JoinPlan | string): JoinPlan | undefined {
  if (typeof planned === "string") return undefined;
  return planned.parents.length > 0 || planned.label.table !== planned.child ? planned : undefined;
}

/** Plans a spec's view, of one table or several, for rows on their way from files: keys are texts, and each row counts once. */
export function planOfFiles(
  store: Store,
  spec: FeatureSpec,
  tables: readonly Table[],
): JoinPlan | undefined {
  const plan = planJoin(store, spec, tables);
  return typeof plan === "object" && !plan.weight && !plan.parents.some(({ isInteger }) => isInteger)
    ? plan
    : undefined;
}

/**
 * Plans the join of a spec's view. The label is whether a table has a row of the example's key, or a column of the child.
 *
 * @returns Why only SQLite can read the view, if that is so.
 */
export function planJoin(store: Store, spec: FeatureSpec, tables: readonly Table[]): JoinPlan | string {
  const join = parentJoinOf(store.db, spec.view, tables);
  if (!join) return "it is not SELECT … FROM child JOIN parent ON parent.key = child.column alone";
  if (!viewOrdersById(store, spec)) return `its rows are not stored in the order of ${spec.id}`;
  const { child, parents } = join;
  const columns = viewColumnsOf(store.db, spec.view, join);
  const places = placesOf(spec, columns);
  if (typeof places === "string") return `${places} is not a column of its tables as it is`;
  const id = columns.get(spec.id);
  const isKey = id?.is === "column" && id.table === child.name && child.key.length === 1 &&
    child.key[0] === id.column && typeOf(child, id.column) === "INTEGER";
  if (!isKey) return `${spec.id} is not the INTEGER key of ${child.name}`;
  if (places.weight && places.weight.table !== child.name) {
    return `${spec.weight} is not a column of ${child.name}`;
  }
  const label = labelOf(columns.get(spec.label), { spec, child, id: id.column, tables });
  if (!label) {
    return `${spec.label} is neither a column of 0 and 1 of ${child.name}, nor whether a table has a row of its key`;
  }
  const planned = parents.map(({ column, parent }): ParentPlan => ({
    ...{ table: parent.name, key: parent.key[0], column },
    ...typeOf(parent, parent.key[0]) === "INTEGER" ? { isInteger: true } : {},
  }));
  const unlike = planned.find(({ key, column }, i) => {
    const type = typeOf(parents[i].parent, key);
    return type !== typeOf(child, column) || (type !== "TEXT" && type !== "INTEGER");
  });
  if (unlike) {
    return `${unlike.table}.${unlike.key} and ${child.name}.${unlike.column} are not both TEXT or both INTEGER`;
  }
  const others = label.table === child ? [] : [label.table];
  const involved = [child, ...parents.map(({ parent }) => parent), ...others];
  if (new Set(involved).size < involved.length) return "a table occurs in it twice";
  const collated = involved.find((table) => !comparesBytes(store, table));
  if (collated) return `${collated.name} has a column with a collation`;
  return {
    spec,
    child: child.name,
    id: id.column,
    parents: planned,
    label: { table: label.table.name, column: label.column },
    ...places,
  };
}

/** Finds the columns that examples are made of, besides id and label. @returns The name of one that is none of a table. */
function placesOf(
  spec: FeatureSpec,
  columns: ReadonlyMap<string, ViewColumn>,
): Pick<JoinPlan, "group" | "weight" | "time" | "fields"> | string {
  const names = inputColumnsOf(spec.features).map(({ name }) => name);
  const wanted = [spec.group, spec.weight, spec.time, ...names].filter((name) => name !== undefined);
  const refs = new Map<string, ColumnRef>();
  for (const name of wanted) {
    const ref = columnRef(columns.get(name));
    if (!ref) return name;
    refs.set(name, ref);
  }
  const refOf = (name: string | undefined) => name === undefined ? undefined : refs.get(name);
  const [group, weight, time] = [refOf(spec.group), refOf(spec.weight), refOf(spec.time)];
  if (!group) return spec.group;
  return {
    group,
    ...(weight ? { weight } : {}),
    ...(time ? { time } : {}),
    fields: names.flatMap((name) => refs.get(name) ?? []),
  };
}

/** @returns undefined if the label is of another kind. */
function labelOf(
  label: ViewColumn | undefined,
  { spec: { positive }, child, id, tables }: {
    readonly spec: FeatureSpec;
    readonly child: Table;
    readonly id: string;
    readonly tables: readonly Table[];
  },
): { readonly table: Table; readonly column: string } | undefined {
  const table = tables.find(({ name }) => label && isSameName(name, label.table));
  const column = table?.columns.find(({ name }) => label && isSameName(name, label.column));
  if (!label || !table || !column) return undefined;
  const isOwn = label.is === "column" && table === child;
  if (!isOwn && !(label.is === "exists" && label.childColumn === id)) return undefined;
  const isLabel = column.type === "INTEGER"
    ? isOwn || positive === undefined
    : isOwn && positive !== undefined && column.type === "TEXT";
  return isLabel ? { table, column: column.name } : undefined;
}

function columnRef(column: ViewColumn | undefined): ColumnRef | undefined {
  return column?.is === "column" ? { table: column.table, column: column.column } : undefined;
}

function typeOf({ columns }: Table, column: string): string | undefined {
  return columns.find(({ name }) => name === column)?.type;
}
