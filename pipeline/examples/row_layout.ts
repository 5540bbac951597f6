import { inputColumnsOf } from "./input_columns.ts";
import type { FeatureSpec } from "./spec.ts";

/** Where the columns of an example are in a row. The id is at 0. Those of a parent, which a hash join adds, are undefined. */
export interface RowLayout {
  /** Also undefined if labels come as a side column. */
  readonly label: number | undefined;
  readonly group: number | undefined;
  readonly weight: number | undefined;
  readonly time: number | undefined;
  /** Per column that features read: its index in the row. */
  readonly fields: readonly (number | undefined)[];
}

/**
 * Returns the columns of the view that training reads: id, label, group, the columns that features read, then weight and time if
 * there are any. Each once: SQLite returns no more columns than a table may have.
 */
export function viewColumnNames({ id, label, group, features, weight, time }: FeatureSpec): string[] {
  const others = [weight, time].filter((name) => name !== undefined);
  return [...new Set([id, label, group, ...inputColumnsOf(features).map(({ name }) => name), ...others])];
}

/** The layout of the view's rows, which have the columns of `viewColumnNames`. */
export function viewLayout(spec: FeatureSpec): RowLayout {
  const { label, group, features, weight, time } = spec;
  const index = new Map(viewColumnNames(spec).map((name, i) => [name, i]));
  const at = (name: string | undefined) => name === undefined ? undefined : index.get(name);
  return {
    label: at(label),
    group: at(group),
    weight: at(weight),
    time: at(time),
    fields: inputColumnsOf(features).map(({ name }) => at(name)),
  };
}

/** Label and parent-row columns, parallel to a batch's rows. */
export interface SideColumns {
  /** Per parent, shape (rows) or longer: the row of the parent that the child's row refers to. */
  readonly parentRows: readonly Int32Array[];
  /** Shape (rows) or longer. */
  readonly labels: Uint8Array;
}

/** Returns the side columns without their first `count` rows. */
export function sliceSideColumns(
  { parentRows, labels }: SideColumns,
  count: number,
): SideColumns {
  return {
    parentRows: parentRows.map((column) => column.subarray(count)),
    labels: labels.subarray(count),
  };
}
