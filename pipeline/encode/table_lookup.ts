import { ageOf, partCounts, positionOfPart } from "../examples/time_parts.ts";
import { binOf } from "./divisions.ts";
import {
  type ClockEncoder,
  type Encoder,
  type FeatureEncoder,
  positionCountOf,
  type TableEncoder,
  type TableFieldEncoder,
} from "./encoder.ts";
import { unpackCells, unpackPositions } from "./packed_table.ts";

/** Returns whether a feature is looked up in tables. */
export function isTableField<F extends FeatureEncoder>(feature: F): feature is F & TableFieldEncoder {
  return feature.type === "binned" || feature.type === "levels" || feature.type === "clock";
}

/** A field, or a part of a time, whose positions are rows or columns of tables. */
export interface Axis {
  readonly name: string;
  readonly positionCount: number;
  /** Index of its feature. */
  readonly feature: number;
}

/** Returns the axes of all fields that are looked up in tables, in the order of the features. */
export function axesOf({ features }: Pick<Encoder, "features">): Axis[] {
  return features.flatMap((feature, i) => ownAxes(feature).map((axis) => ({ ...axis, feature: i })));
}

function ownAxes(feature: FeatureEncoder): Omit<Axis, "feature">[] {
  const { name } = feature;
  switch (feature.type) {
    case "binned":
    case "levels":
      return [{ name, positionCount: positionCountOf(feature) }];
    case "clock":
      return [
        ...feature.parts.map((part) => ({ name: `${name}:${part}`, positionCount: partCounts[part] + 1 })),
        ...(feature.ageEdges ? [{ name: `${name}:age`, positionCount: feature.ageEdges.length + 2 }] : []),
      ];
    default:
      return [];
  }
}

/** A table as numbers. */
export interface UnpackedTable {
  /** Indices of its axes, ascending. */
  readonly axes: readonly number[];
  /** Per axis the row, or column, of each position. */
  readonly positions: readonly Int32Array[];
  readonly columnCount: number;
  /** Log-odds before the coefficient, row by row. */
  readonly cells: Float64Array;
}

/** @returns undefined if the table does not fit the axes. */
export function unpackTable(
  { of, positions, cells }: TableEncoder,
  axes: readonly Axis[],
): UnpackedTable | undefined {
  const places = of.map((name) => axes.findIndex((axis) => axis.name === name));
  const unpacked = places.map((place, i) =>
    place < 0 || positions[i] === undefined
      ? undefined
      : unpackPositions(positions[i], axes[place].positionCount)
  ).filter((own) => own !== undefined);
  const values = unpackCells(cells);
  if (!values || unpacked.length !== of.length || positions.length !== of.length) return undefined;
  if (of.length < 1 || of.length > 2 || (of.length === 2 && places[0] >= places[1])) return undefined;
  const [rowCount, columnCount = 1] = unpacked.map((own) =>
    own.reduce((most, at) => Math.max(most, at), 0) + 1
  );
  const isWithin = unpacked.every((own) => own.every((at) => at >= 0));
  if (!isWithin || rowCount * columnCount !== values.length) return undefined;
  return { axes: places, positions: unpacked, columnCount, cells: values };
}

/** Looks a row up in all tables of an encoder. */
export interface TableLookup {
  /** The row's position on each axis, to be set before a sum. */
  readonly positions: Int32Array;
  /** Per feature the index of its first axis. */
  readonly firstAxes: readonly number[];
  readonly tableCount: number;
  /** Returns a table's value of the row: its column. */
  cellOf(table: number): number;
  /** Returns the number of the row's cell, row by row, in a table. */
  placeOf(table: number): number;
  /** Adds what the tables add to the logit, in their order. */
  addTo(sum: number): number;
  /**
   * The same for many rows.
   *
   * @param positions Per axis, and one more of which all positions are 0: the positions of the rows.
   */
  addColumns(positions: readonly Int32Array[], logits: Float64Array): void;
}

/**
 * @param coefficients Log-odds per column of the encoder.
 * @returns undefined without tables.
 */
export function createTableLookup(
  encoder: Encoder,
  coefficients: ArrayLike<number>,
): TableLookup | undefined {
  const { tables, features } = encoder;
  if (!tables) return undefined;
  const axes = axesOf(encoder);
  // One more axis, whose only position is 0: a curve is a table of one column.
  const positions = new Int32Array(axes.length + 1);
  const unpacked = tables.map((table) => {
    const own = unpackTable(table, axes);
    if (!own) throw new Error(`the table of ${table.of.join(" and ")} does not fit its fields`);
    return own;
  });
  const total = unpacked.reduce((sum, { cells }) => sum + cells.length, 0);
  const cells = new Float64Array(total);
  const products = new Float64Array(total);
  // All maps in one array, those of rows with the place of the row's first cell: a cell is found by two additions.
  const [rowAxes, columnAxes, rowStarts, columnStarts] = [0, 1, 2, 3].map(() =>
    new Int32Array(tables.length)
  );
  const maps: number[] = [0];
  let first = 0;
  const firsts = new Int32Array(tables.length);
  unpacked.forEach((table, t) => {
    firsts[t] = first;
    rowAxes[t] = table.axes[0];
    columnAxes[t] = table.axes[1] ?? axes.length;
    rowStarts[t] = maps.length;
    for (const row of table.positions[0]) maps.push(first + row * table.columnCount);
    columnStarts[t] = table.positions[1] === undefined ? 0 : maps.length;
    for (const column of table.positions[1] ?? []) maps.push(column);
    cells.set(table.cells, first);
    const coefficient = coefficients[tables[t].column];
    table.cells.forEach((cell, k) => products[first + k] = cell * coefficient);
    first += table.cells.length;
  });
  const places = Int32Array.from(maps);
  const placeOf = (t: number) =>
    places[rowStarts[t] + positions[rowAxes[t]]] + places[columnStarts[t] + positions[columnAxes[t]]];
  return {
    positions,
    firstAxes: features.map((_, i) => axes.findIndex(({ feature }) => feature === i)),
    tableCount: tables.length,
    cellOf: (t) => cells[placeOf(t)],
    placeOf: (t) => placeOf(t) - firsts[t],
    addTo(sum) {
      for (let t = 0; t < rowAxes.length; t++) {
        sum += products[
          places[rowStarts[t] + positions[rowAxes[t]]] + places[columnStarts[t] + positions[columnAxes[t]]]
        ];
      }
      return sum;
    },
    addColumns(positions, logits) {
      for (let t = 0; t < rowAxes.length; t++) {
        const [rows, columns] = [positions[rowAxes[t]], positions[columnAxes[t]]];
        const [rowStart, columnStart] = [rowStarts[t], columnStarts[t]];
        for (let i = 0; i < logits.length; i++) {
          logits[i] += products[places[rowStart + rows[i]] + places[columnStart + columns[i]]];
        }
      }
    },
  };
}

/** Writes the positions of a time's parts and age. @param positions Overwritten from `first`. */
export type SetClock = (micros: number, since: number) => void;

/** @param micros Of the readers: NaN is missing. */
export function createClockReader(feature: ClockEncoder, positions: Int32Array, first: number): SetClock {
  const { parts, ageEdges } = feature;
  const positionsOf = parts.map(positionOfPart);
  return (micros, since) => {
    for (let i = 0; i < positionsOf.length; i++) positions[first + i] = positionsOf[i](micros);
    if (ageEdges) positions[first + parts.length] = positionIn(ageEdges, ageOf(micros, since));
  };
}

/** Returns the position of a number among bins, then missing. @param value NaN is missing. */
export function positionIn(edges: ArrayLike<number>, value: number): number {
  return value === value ? binOf(edges, value) : edges.length + 1;
}
