import { inputColumnsOf } from "./input_columns.ts";
import type { FeatureSpec } from "./spec.ts";

/** Where the columns of an example are in a row. The id is at 0. */
export interface RowLayout {
  /** Absent if labels come as a side column. */
  readonly label?: number;
  readonly group: number | ParentField;
  readonly weight?: number;
  /** As an element of `fields`. */
  readonly time?: number | ParentField;
  /** Per column that features read: its index in the row, or its column on the build side of a hash join. */
  readonly fields: readonly (number | ParentField)[];
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
  const at = (name: string) => index.get(name) ?? -1;
  return {
    label: at(label),
    group: at(group),
    ...(weight === undefined ? {} : { weight: at(weight) }),
    ...(time === undefined ? {} : { time: at(time) }),
    fields: inputColumnsOf(features).map(({ name }) => at(name)),
  };
}

/** A column whose values are in the build side of a hash join. */
export interface ParentField {
  /** Index of the parent table. */
  readonly parent: number;
  /** Absent if the values come later, from a parent that does not fit into memory. */
  readonly values?: Float64Array<SharedArrayBuffer> | Uint32Array<SharedArrayBuffer> | WrittenCodes;
}

/** Categories as the scanning threads coded them. */
export interface WrittenCodes {
  readonly codes: Uint32Array<SharedArrayBuffer>;
  /** Per thread: its levels by its own codes, after null for missing. */
  readonly levels: readonly (readonly (string | null)[])[];
  /** Kinds of the values, as bits. */
  readonly kinds: number;
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
