import {
  binOf,
  type CategoricalEncoder,
  encodeNumeric,
  type Encoder,
  type NumericEncoder,
  positionCountOf,
  transformed,
} from "../encode/encoder.ts";
import { createCategoryReader } from "../encode/category_positions.ts";
import { createCrossings } from "../encode/cross_lookup.ts";

/** Receives a nonzero column of a row, with the index of its field. */
export type TakeColumn = (fieldIndex: number, column: number, value: number) => void;

/** Calls `take` for each nonzero column of a row, field by field in the order of the encoder. */
export type RowEncoder = (row: Readonly<Record<string, unknown>>, take: TakeColumn) => void;

/**
 * Prepares an encoder for single rows of raw fields, using the functions that score them.
 *
 * Rows are not checked: they must be rows that the model's predictor has answered.
 */
export function createRowEncoder(encoder: Encoder): RowEncoder {
  const crossings = createCrossings(encoder);
  const fields = encoder.features.map((feature, i): RowEncoder => {
    const crossing = crossings[i];
    const enter = (position: number, take: TakeColumn) =>
      crossing?.(position, (column) => take(i, column, 1));
    return feature.type === "numeric" ? numericField(feature, i, enter) : categoricalField(feature, i, enter);
  });
  return (row, take) => {
    for (const field of fields) field(row, take);
  };
}

/** Calls `take` for the crosses that a field completes; they count as columns of that field. */
type EnterCrosses = (position: number, take: TakeColumn) => void;

function numericField(feature: NumericEncoder, i: number, enter: EnterCrosses): RowEncoder {
  const { name, column, missingIndicator, edges, transform } = feature;
  const firstBin = column + (missingIndicator ? 2 : 1);
  return (row, take) => {
    const value = typeof row[name] === "bigint" ? Number(row[name]) : row[name];
    if (typeof value !== "number") {
      take(i, column, encodeNumeric(feature, NaN));
      if (missingIndicator) take(i, column + 1, 1);
      if (edges) enter(positionCountOf(feature) - 1, take);
      return;
    }
    take(i, column, encodeNumeric(feature, value));
    if (!edges) return;
    const bin = binOf(edges, transformed(transform, value));
    take(i, firstBin + bin, 1);
    enter(bin, take);
  };
}

function categoricalField(feature: CategoricalEncoder, i: number, enter: EnterCrosses): RowEncoder {
  const { name, column } = feature;
  const read = createCategoryReader(feature);
  return (row, take) => {
    const position = read(row[name]);
    take(i, column + position, 1);
    enter(position, take);
  };
}
