import {
  columnsAt,
  encodeNumeric,
  type Encoder,
  type LeveledEncoder,
  type NumericEncoder,
  rateTimeOf,
  type TableFieldEncoder,
  type TimeEncoder,
  transformed,
  type WordsEncoder,
} from "../encode/encoder.ts";
import { createTableLookup } from "../encode/table_lookup.ts";
import { createCategoryReader } from "../encode/category_positions.ts";
import { createCrossings, type Crossing, rowTimeOf } from "../encode/cross_lookup.ts";
import { divisionsOf, positionIn } from "../encode/divisions.ts";
import { createTimeEncoding } from "../encode/time_columns.ts";
import { createWordReader } from "../encode/words.ts";
import { createFindings } from "./findings.ts";
import { type AxisPlaces, createTableTerm, placesOf } from "./table_terms.ts";

/** Receives a nonzero column of a row, with the index of its feature, or of its table, counted from the number of features. */
export type TakeColumn = (featureIndex: number, column: number, value: number) => void;

/** Calls `take` for each nonzero column of a row, feature by feature in the order of the encoder. */
export type RowEncoder = (row: Readonly<Record<string, unknown>>, take: TakeColumn) => void;

/**
 * Prepares an encoder for single rows of raw fields, using the functions that score them.
 *
 * Rows are not checked: they must be rows that the model's predictor has answered.
 *
 * @param lookup In which a row's positions are set.
 */
export function createRowEncoder(
  encoder: Encoder,
  lookup = createTableLookup(encoder, new Float64Array(encoder.columnCount)),
): RowEncoder {
  const { tables = [] } = encoder;
  const crossings = createCrossings(encoder);
  const rateTime = rateTimeOf(encoder);
  let time = NaN;
  const features = encoder.features.map((feature, i): RowEncoder => {
    const crossing = crossings[i];
    const enter: EnterCrosses = {
      positions: crossing?.positions,
      complete: (take) => crossing?.complete((column, value) => take(i, column, value), time),
    };
    switch (feature.type) {
      case "numeric":
        return numericFeature(feature, i, enter);
      case "time":
        return timeFeature(feature, i);
      case "words":
        return wordsFeature(feature, i);
      case "binned":
      case "levels":
      case "clock":
        return tableField(feature, lookup && placesOf(lookup, i));
      default:
        return leveledFeature(feature, i, enter);
    }
  });
  const encoders = features.map((encode, i): RowEncoder => {
    const { name, servedAs } = encoder.features[i];
    return servedAs === undefined ? encode : (row, take) => encode({ ...row, [name]: servedAs }, take);
  });
  return (row, take) => {
    time = rateTime === undefined ? NaN : rowTimeOf(row[rateTime]);
    for (const encode of encoders) encode(row, take);
    if (!lookup) return;
    for (let t = 0; t < tables.length; t++) take(features.length + t, tables[t].column, lookup.cellOf(t));
  };
}

/** A feature's part in crosses and rates. */
interface EnterCrosses {
  /** The feature's positions, to be set before; undefined if it is in none. */
  readonly positions: Crossing["positions"] | undefined;
  /** Calls `take` for the crosses and rates that the feature completes; they count as columns of that feature. */
  complete(take: TakeColumn): void;
}

function numericFeature(feature: NumericEncoder, i: number, enter: EnterCrosses): RowEncoder {
  const { name, column, missingIndicator, transform } = feature;
  const divisions = divisionsOf(feature);
  return (row, take) => {
    const value = typeof row[name] === "bigint" ? Number(row[name]) : row[name];
    if (typeof value !== "number") {
      take(i, column, encodeNumeric(feature, NaN));
      if (missingIndicator) take(i, column + 1, 1);
      divisions.forEach(({ positionCount }, d) => enter.positions?.set([positionCount - 1], d));
      enter.complete(take);
      return;
    }
    take(i, column, encodeNumeric(feature, value));
    const shown = transformed(transform, value);
    divisions.forEach((division, d) => {
      const position = positionIn(division, value, shown);
      enter.positions?.set([position], d);
      if (position < division.count) take(i, division.column + position, 1);
    });
    enter.complete(take);
  };
}

function leveledFeature(feature: LeveledEncoder, i: number, enter: EnterCrosses): RowEncoder {
  const read = createCategoryReader(feature);
  return (row, take) => {
    const position = read(row[feature.name]);
    for (const column of columnsAt(feature, position)) take(i, column, 1);
    enter.positions?.fill(position);
    enter.complete(take);
  };
}

/** By the term that scores the field, which finds nothing wrong in a row that was answered. */
function tableField(feature: TableFieldEncoder, places: AxisPlaces | undefined): RowEncoder {
  if (!places) throw new Error(`${feature.name} is in no table`);
  const { name } = feature;
  const since = feature.type === "clock" && typeof feature.since === "string" ? feature.since : name;
  const term = createTableTerm(feature, places, [since]);
  return (row) => void term(row[name], createFindings(), [row[since]]);
}

function wordsFeature(feature: WordsEncoder, i: number): RowEncoder {
  const { name, column } = feature;
  const read = createWordReader(feature);
  return (row, take) => {
    const positions = read(row[name]);
    if (typeof positions === "number") return;
    for (const position of positions) take(i, column + position, 1);
  };
}

function timeFeature(feature: TimeEncoder, i: number): RowEncoder {
  const encode = createTimeEncoding(feature);
  const { name, since = 0 } = feature;
  return (row, take) =>
    encode(
      rowTimeOf(row[name]),
      typeof since === "number" ? since : rowTimeOf(row[since]),
      (column, value) => take(i, column, value),
    );
}
