import { categoryOf, encodeNumeric, type Encoder, positionsOf } from "../encode/encoder.ts";

/** Takes one column of a row that is not 0, and the field that it is of. */
export type TakeColumn = (fieldIndex: number, column: number, value: number) => void;

/** Tells a row's columns that are not 0, field by field in the order of the encoder. */
export type RowEncoder = (row: Readonly<Record<string, unknown>>, take: TakeColumn) => void;

/**
 * Prepares an encoder for single rows of raw fields, by the same functions that score them.
 *
 * The row must be one that the model's predictor has answered: nothing is checked here.
 */
export function createRowEncoder({ features }: Encoder): RowEncoder {
  const fields = features.map((feature, i): RowEncoder => {
    const { name, column } = feature;
    if (feature.type === "numeric") {
      return (row, take) => {
        const value = row[name];
        const isMissing = typeof value !== "number";
        take(i, column, encodeNumeric(feature, isMissing ? NaN : value));
        if (isMissing && feature.missingIndicator) take(i, column + 1, 1);
      };
    }
    const positions = positionsOf(feature);
    const { length } = feature.levels;
    return (row, take) => {
      const value = row[name];
      const known = positions.get(value) ??
        positions.get(categoryOf(value as string | number | boolean | null));
      take(i, column + (known ?? (value === null ? length : length + 1)), 1);
    };
  });
  return (row, take) => {
    for (const field of fields) field(row, take);
  };
}
