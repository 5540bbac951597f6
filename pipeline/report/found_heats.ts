import type { Encoder } from "../encode/encoder.ts";
import type { Axis } from "../encode/table_lookup.ts";
import { namesOf } from "./found_names.ts";
import type { Sums, Table } from "./found_sums.ts";
import { largest } from "./largest.ts";
import type { CrossHeat } from "./model_report.ts";

/** Returns the mean absolute value of a table over the training rows. */
export function spreadOf({ cells, coefficient }: Table, { rows }: Sums): number {
  const total = rows.reduce((sum, count) => sum + count, 0);
  return cells.reduce((sum, cell, i) => sum + rows[i] * Math.abs(coefficient * cell), 0) / total;
}

/** Digits of intervals: heat maps are most of a report's bytes. */
const reachDigits = 3;

interface HeatInputs {
  readonly axes: readonly Axis[];
  readonly encoder: Encoder;
  readonly sums: Sums;
  readonly spread: number;
  readonly side: number;
}

/** Returns the rows and columns of a table that the most training rows have. */
export function heatOf(table: Table, { axes, encoder, sums, spread, side }: HeatInputs): CrossHeat {
  const { cells, columnCount, coefficient, of, reachOf } = table;
  const rowCount = cells.length / columnCount;
  const weightOf = (row: number, column: number) => sums.rows[row * columnCount + column];
  const each = (count: number) => Array.from({ length: count }, (_, i) => i);
  const ofRow = (row: number) => each(columnCount).reduce((sum, column) => sum + weightOf(row, column), 0);
  const ofColumn = (column: number) => each(rowCount).reduce((sum, row) => sum + weightOf(row, column), 0);
  const mostRows = (rows: readonly number[]) => largest(rows, side).sort((a, b) => a - b);
  const down = mostRows(each(rowCount).map(ofRow));
  const across = mostRows(each(columnCount).map(ofColumn));
  const nameAt = (i: number, at: number) => {
    const axis = axes[table.axes[i]];
    const positions = each(axis.positionCount).filter((position) => table.positions[i][position] === at);
    return namesOf(positions, encoder.features[axis.feature], axis);
  };
  const grid = (valueAt: (k: number) => number) =>
    down.map((row) => across.map((column) => valueAt(row * columnCount + column)));
  const more = cells.length - down.length * across.length;
  return {
    of,
    spread,
    row_names: down.map((row) => nameAt(0, row)),
    column_names: across.map((column) => nameAt(1, column)),
    effects: grid((k) => coefficient * cells[k]),
    ...(reachOf ? { reaches: grid((k) => Number(reachOf([[k, 1]]).toPrecision(reachDigits))) } : {}),
    rows: grid((k) => sums.rows[k]),
    clicks: grid((k) => sums.clicks[k]),
    ...(more > 0 ? { more } : {}),
  };
}
