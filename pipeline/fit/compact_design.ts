import { wideColumns } from "../encode/cells.ts";
import type { DesignMatrix, FactorGroup } from "../encode/design_matrix.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import { type FreeColumns, freeColumns } from "./coarse_inverse.ts";

/** A design without the columns that no row has, and where its columns are among all of them. */
export interface CompactDesign {
  readonly design: DesignMatrix;
  /** The intercept is the last of both. */
  readonly columns: FreeColumns;
}

/**
 * Leaves out the columns that are in no cell, most of those of hashed fields: a pass over the rows would spend more time on them
 * than on the rows.
 *
 * @returns undefined if these are less than half of the columns, or if the design would not stay wide.
 */
export function compactDesign(design: DesignMatrix): CompactDesign | undefined {
  const { columnCount, numericColumns, groups } = design;
  const occurs = new Uint8Array(columnCount + 1);
  for (const column of [...numericColumns, columnCount]) occurs[column] = 1;
  for (const { columns } of groups) {
    for (let at = 0; at < columns.length; at++) if (columns[at] >= 0) occurs[columns[at]] = 1;
  }
  const columns = freeColumns(columnCount + 1, (column) => occurs[column] === 1);
  const count = columns.columns.length - 1;
  if (2 * count > columnCount || count <= wideColumns) return undefined;
  const placeOf = new Int32Array(columnCount);
  columns.columns.forEach((column, place) => placeOf[column] = place);
  return {
    columns,
    design: {
      ...design,
      columnCount: count,
      numericColumns: numericColumns.map((column) => placeOf[column]),
      groups: groups.map((group) => ({ ...group, columns: placed(group.columns, placeOf) })),
    },
  };
}

function placed(columns: FactorGroup["columns"], placeOf: Int32Array): FactorGroup["columns"] {
  const places = sharedInt32(columns.length);
  for (let at = 0; at < columns.length; at++) places[at] = columns[at] < 0 ? -1 : placeOf[columns[at]];
  return places;
}
