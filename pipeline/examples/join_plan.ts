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
  /** Column that contains the ids of the examples with label 1. */
  readonly label: ColumnRef;
  readonly group: ColumnRef;
  /** Present if the spec names a time. */
  readonly time?: ColumnRef;
  /** In the order of `inputColumnsOf`. */
  readonly fields: readonly ColumnRef[];
}

/** A table whose text key `column` of the child refers to. */
export interface ParentPlan {
  readonly table: string;
  readonly key: string;
  readonly column: string;
}

export interface ColumnRef {
  readonly table: string;
  readonly column: string;
}

/** Plans the join of a spec's view. @returns undefined if the view is not recognised as a join by keys. */
export function joinPlanOf(
  store: Store,
  spec: FeatureSpec,
  tables: readonly Table[],
): JoinPlan | undefined {
  const { db } = store;
  const join = parentJoinOf(db, spec.view, tables);
  if (!join || spec.weight !== undefined || spec.positive !== undefined || !viewOrdersById(store, spec)) {
    return undefined;
  }
  const { child, parents } = join;
  const columns = viewColumnsOf(db, spec.view, join);
  const id = columns.get(spec.id);
  const label = columns.get(spec.label);
  const group = columnRef(columns.get(spec.group));
  const fields = inputColumnsOf(spec.features).map(({ name }) => columnRef(columns.get(name)));
  const time = spec.time === undefined ? undefined : columnRef(columns.get(spec.time));
  if (spec.time !== undefined && !time) return undefined;
  if (id?.is !== "column" || label?.is !== "exists" || !group) return undefined;
  const labelTable = tables.find(({ name }) => isSameName(name, label.table));
  const labelColumn = labelTable?.columns.find(({ name }) => isSameName(name, label.column));
  const involved = [child, ...parents.map(({ parent }) => parent), ...(labelTable ? [labelTable] : [])];
  const places = fields.flatMap((field) => field ?? []);
  const isPlain = labelTable !== undefined && labelColumn?.type === "INTEGER" &&
    places.length === fields.length &&
    child.key.length === 1 && child.key[0] === id.column && id.table === child.name &&
    label.childColumn === id.column && typeOf(child, id.column) === "INTEGER" &&
    parents.every(({ column, parent }) =>
      typeOf(child, column) === "TEXT" && typeOf(parent, parent.key[0]) === "TEXT"
    ) &&
    new Set(involved).size === involved.length && involved.every((table) => comparesBytes(store, table));
  if (!isPlain) return undefined;
  return {
    spec,
    child: child.name,
    id: id.column,
    parents: parents.map(({ column, parent }) => ({ table: parent.name, key: parent.key[0], column })),
    label: { table: labelTable.name, column: labelColumn.name },
    group,
    ...(time ? { time } : {}),
    fields: places,
  };
}

function columnRef(column: ViewColumn | undefined): ColumnRef | undefined {
  return column?.is === "column" ? { table: column.table, column: column.column } : undefined;
}

function typeOf({ columns }: Table, column: string): string | undefined {
  return columns.find(({ name }) => name === column)?.type;
}
