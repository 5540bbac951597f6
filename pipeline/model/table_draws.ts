import type { Encoder } from "../encode/encoder.ts";
import { packCells, unpackBytes, unpackCells } from "../encode/packed_table.ts";
import { axesOf, createTableLookup, unpackTable } from "../encode/table_lookup.ts";
import type { ArtifactMetadata } from "./artifact_metadata.ts";
import { createRowEncoder } from "./encoded_row.ts";
import type { StandardErrorOf } from "./standard_error.ts";

/** Curves and tables, made again of resampled groups. */
export interface TableDraws {
  readonly count: number;
  /** Shape (draws). */
  readonly intercepts: Float64Array;
  readonly tables: readonly {
    /** Shape (draws). */
    readonly coefficients: Float64Array;
    /** What each cell adds to the log-odds, shape (cells, draws). */
    readonly cells: Float64Array;
  }[];
}

type PackedDraws = NonNullable<ArtifactMetadata["draws"]>;

/** The largest deviation of a cell is this many of its units. */
const unitsMax = 127;

/**
 * Packs the deviations of draws from their means: those of intercept and coefficients as float32, those of a cell as bytes in units of
 * its own, which is exact to 0.4 % of the largest one.
 */
export function packDraws({ count, intercepts, tables }: TableDraws): PackedDraws {
  return {
    count,
    intercept: packCells(deviationsOf(intercepts)),
    tables: tables.map(({ coefficients, cells }) => {
      const cellCount = cells.length / count;
      const units = new Float64Array(cellCount);
      const bytes = new Int8Array(cells.length);
      for (let cell = 0; cell < cellCount; cell++) {
        const own = deviationsOf(cells.subarray(cell * count, (cell + 1) * count));
        const unit = Math.fround(own.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / unitsMax);
        units[cell] = unit;
        if (unit > 0) {
          own.forEach((value, draw) =>
            bytes[cell * count + draw] = Math.max(-unitsMax, Math.min(unitsMax, Math.round(value / unit)))
          );
        }
      }
      return {
        coefficients: packCells(deviationsOf(coefficients)),
        units: packCells(units),
        deviations: new Uint8Array(bytes.buffer).toBase64(),
      };
    }),
  };
}

function deviationsOf(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

/** Deviations of draws from their means, and standard errors of what is a sum of them. */
export interface UnpackedDraws {
  /** Returns the standard error of a weighted sum of a table's cells. */
  ofCells(table: number, weights: Iterable<readonly [cell: number, weight: number]>): number;
  /** Returns the standard error of a weighted sum of coefficients. */
  ofCoefficients(weights: Iterable<readonly [table: number, weight: number]>): number;
  /** Returns the standard error of the intercept plus a cell of each table. @param cellOf The table's cell. */
  ofLogit(cellOf: (table: number) => number): number;
}

/** @returns undefined if the draws do not fit the tables. */
export function unpackDraws(
  { count, intercept, tables }: PackedDraws,
  encoder: Encoder,
): UnpackedDraws | undefined {
  const axes = axesOf(encoder);
  const intercepts = unpackCells(intercept);
  const own = (encoder.tables ?? []).map((table, t) => {
    const packed = tables[t];
    const bytes = packed && unpackBytes(packed.deviations);
    const cellCount = unpackTable(table, axes)?.cells.length;
    const unpacked = packed && {
      coefficients: unpackCells(packed.coefficients),
      units: unpackCells(packed.units),
      deviations: bytes && new Int8Array(bytes.buffer),
    };
    if (!unpacked?.coefficients || !unpacked.units || !unpacked.deviations) return undefined;
    const { coefficients, units, deviations } = unpacked;
    const fits = coefficients.length === count && units.length === cellCount &&
      deviations.length === units.length * count;
    return fits ? { coefficients, units, deviations } : undefined;
  }).filter((table) => table !== undefined);
  if (!intercepts || intercepts.length !== count || own.length !== tables.length) return undefined;
  if (own.length !== encoder.tables?.length) return undefined;
  const sums = new Float64Array(count);
  const addCell = (table: number, cell: number, weight: number) => {
    const { units, deviations } = own[table];
    const factor = weight * units[cell];
    for (let draw = 0; draw < count; draw++) sums[draw] += factor * deviations[cell * count + draw];
  };
  return {
    ofCells(table, weights) {
      sums.fill(0);
      for (const [cell, weight] of weights) addCell(table, cell, weight);
      return deviationOf(sums);
    },
    ofCoefficients(weights) {
      sums.fill(0);
      for (const [table, weight] of weights) {
        own[table].coefficients.forEach((value, draw) => sums[draw] += weight * value);
      }
      return deviationOf(sums);
    },
    ofLogit(cellOf) {
      sums.set(intercepts);
      for (let table = 0; table < own.length; table++) addCell(table, cellOf(table), 1);
      return deviationOf(sums);
    },
  };
}

/** Returns the standard deviation of numbers whose mean is 0. */
function deviationOf(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / (values.length - 1));
}

/** Returns the standard error of the log-odds of a row, from draws. */
export function createDrawnError(encoder: Encoder, draws: UnpackedDraws): StandardErrorOf {
  const lookup = createTableLookup(encoder, new Float64Array(encoder.columnCount));
  if (!lookup) throw new Error("the model has no tables");
  const encode = createRowEncoder(encoder, lookup);
  return (row) => {
    encode(row, () => {});
    return draws.ofLogit(lookup.placeOf);
  };
}
