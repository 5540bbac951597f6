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

/**
 * Plans the join of a spec's view whose label is whether a table has a row of the example's key.
 *
 * @returns undefined if the view is not recognised as a join by keys.
 */
export function joinPlanOf(store: Store, spec: FeatureSpec, tables: readonly Table[]): JoinPlan | undefined {
  const plan = anyPlanOf(store, spec, tables);
  return plan && plan.label.table !== plan.child ? plan : undefined;
}

/** Plans the join of a spec's view whose label may also be a column of 0 and 1 of the table with a row for each example. */
export function anyPlanOf(store: Store, spec: FeatureSpec, tables: readonly Table[]): JoinPlan | undefined {
  const { db } = store;
  const join = parentJoinOf(db, spec.view, tables);
  if (!join || spec.weight !== undefined || !viewOrdersById(store, spec)) return undefined;
  const { child, parents } = join;
  const columns = viewColumnsOf(db, spec.view, join);
  const id = columns.get(spec.id);
  const label = columns.get(spec.label);
  const group = columnRef(columns.get(spec.group));
  const fields = inputColumnsOf(spec.features).map(({ name }) => columnRef(columns.get(name)));
  const time = spec.time === undefined ? undefined : columnRef(columns.get(spec.time));
  if (spec.time !== undefined && !time) return undefined;
  if (id?.is !== "column" || !label || !group) return undefined;
  const labelTable = tables.find(({ name }) => isSameName(name, label.table));
  const labelColumn = labelTable?.columns.find(({ name }) => isSameName(name, label.column));
  const isOwnLabel = label.is === "column" && labelTable === child;
  const others = labelTable && !isOwnLabel ? [labelTable] : [];
  const involved = [child, ...parents.map(({ parent }) => parent), ...others];
  const places = fields.flatMap((field) => field ?? []);
  const isLabel = labelColumn?.type === "INTEGER"
    ? isOwnLabel || spec.positive === undefined
    : isOwnLabel && spec.positive !== undefined && labelColumn?.type === "TEXT";
  const isPlain = labelTable !== undefined && labelColumn !== undefined && isLabel &&
    places.length === fields.length &&
    child.key.length === 1 && child.key[0] === id.column && id.table === child.name &&
    (isOwnLabel || (label.is === "exists" && label.childColumn === id.column)) &&
    typeOf(child, id.column) === "INTEGER" &&
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
