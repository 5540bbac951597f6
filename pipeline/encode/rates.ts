import type { OrderedChunk, Walk } from "../examples/ordered_chunk.ts";
import { parseDuration } from "../examples/duration.ts";
import type { RateSpec } from "../examples/feature_types.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { leftOutPart, testPart, trainPart } from "../examples/split.ts";
import { Failure } from "../failure.ts";
import { mixed } from "../math/hash.ts";
import { baseRateOf, rateValue, type RowSums } from "./click_rate.ts";
import { rateValueAt } from "./cross_lookup.ts";
import { combinedFields, factorsOfFields } from "./crosses.ts";
import { fitDecayed } from "./decayed_rates.ts";
import type { Encoder, RateEncoder } from "./encoder.ts";
import { combinationCount, type Factor } from "./factors.ts";
import { type KeyTable, keyTable, occurringKeys } from "./key_table.ts";

/** Combinations of a rate that the training rows have, at most: an artifact of more would be too large. */
const keysMax = 2 ** 21;
/** Folds of the training groups: a row's rate is that of the rows in the other folds. */
const foldCount = 5;

/** Computes the column of one rate. */
export interface RateColumn {
  readonly column: number;
  /** Returns the values of a chunk's rows, shape (rows). @param index The chunk's place among all chunks. */
  valuesOf(chunk: OrderedChunk, index: number): Float64Array;
}

/** An encoder with its rates, and the columns of the rows that they were fitted on. */
export interface FittedRates {
  readonly encoder: Encoder;
  readonly columns: readonly RateColumn[];
}

/**
 * Fits the click rates: those of the fields of the type `rate`, and of the spec's `rates`.
 *
 * A model that is fitted to rates which contain its own labels trusts them too much. So the rate of a training row is that of the
 * training rows in the other four fifths of the groups; any other row has the rate of all training rows, as it has in serving. A rate
 * with a half-life is fitted by `fitDecayed`.
 *
 * @param factors Factors of `encoder`, which has no rates.
 * @throws {Failure} `spec-invalid` if the fields of a rate have too many combinations.
 */
export function withRates(
  encoder: Encoder,
  spec: Pick<FeatureSpec, "features" | "rates" | "time">,
  factors: readonly Factor[],
  walk: Walk,
): FittedRates {
  const own = spec.features.flatMap((feature, i) =>
    feature.type === "rate" ? [{ ...feature, of: [feature.name], column: encoder.features[i].column }] : []
  );
  const combined = (spec.rates ?? []).map((rate, i) => ({ ...rate, column: encoder.columnCount + i }));
  const wanted = [...own, ...combined];
  if (wanted.length === 0) return { encoder, columns: [] };
  const fitted = wanted.map((rate) => fitRate({ ...rate, time: spec.time }, encoder, factors, walk));
  return {
    encoder: {
      ...encoder,
      columnCount: encoder.columnCount + combined.length,
      rates: fitted.map(({ encoder }) => encoder),
    },
    columns: fitted,
  };
}

/** Returns the columns of rates that were fitted on other rows. */
export function rateColumnsOf({ rates = [] }: Encoder, factors: readonly Factor[]): RateColumn[] {
  return rates.map((rate) => {
    const crossed = factorsOfFields(rate, factors);
    const { placesOf } = keyTable(crossed, rate.keys);
    const values = Float64Array.from(rate.keys, (_, i) => rateValueAt(rate, i, NaN));
    return {
      column: rate.column,
      valuesOf: (chunk) =>
        Float64Array.from(placesOf(chunk), (place, row) => {
          if (place === 0) return 0;
          return rate.decay && chunk.times
            ? rateValueAt(rate, place - 1, chunk.times[row])
            : values[place - 1];
        }),
    };
  });
}

/** A rate to be fitted. */
interface WantedRate extends Pick<RateSpec, "of" | "prior" | "halfLife"> {
  readonly time: string | undefined;
  readonly column: number;
}

function fitRate(
  { of, prior, halfLife, time, column }: WantedRate,
  { features }: Encoder,
  factors: readonly Factor[],
  walk: Walk,
): RateColumn & { readonly encoder: RateEncoder } {
  const fields = combinedFields(of, features);
  const crossed = factorsOfFields(fields, factors);
  requireKeys(0, fields.of, crossed);
  const table = occurringKeys(crossed, walk);
  const { keys } = table;
  requireKeys(keys.length, fields.of, crossed);
  const encoderOf = (totals: readonly RowSums[], base: number): RateEncoder => ({
    ...fields,
    keys,
    rows: totals.map(({ rows }) => rows),
    clicks: totals.map(({ clicks }) => clicks),
    base,
    prior,
    column,
  });
  if (halfLife !== undefined && time !== undefined) {
    const decay = { time, halfLife: 1e6 * (parseDuration(halfLife) ?? 0) };
    const fitted = fitDecayed(table, walk, { prior, decay });
    const valuesOf = valuesByChunk(fitted.values, walk);
    return { column, encoder: { ...encoderOf(fitted.totals, fitted.base), decay: fitted.decay }, valuesOf };
  }
  const sums = sumsByFold(table, walk);
  const totals = keys.map((_, place) => sums.of(place));
  const values = valuesByFold(keys.length, sums, prior);
  return {
    column,
    encoder: encoderOf(totals, baseRateOf(sums.all())),
    valuesOf: (chunk) => pickValues(table.placesOf(chunk), chunk, values),
  };
}

/** Returns each chunk's part of the values of all rows. */
function valuesByChunk(values: Float64Array, walk: Walk): RateColumn["valuesOf"] {
  const firsts = [0];
  for (const { rowCount } of walk()) firsts.push(firsts[firsts.length - 1] + rowCount);
  return (_, index) => values.subarray(firsts[index], firsts[index + 1]);
}

/** @throws {Failure} `spec-invalid` if the training rows have too many combinations, or a key of one would not be exact. */
function requireKeys(keyCount: number, names: readonly string[], factors: readonly Factor[]): void {
  const isExact = combinationCount(factors) <= Number.MAX_SAFE_INTEGER;
  if (isExact && keyCount <= keysMax) return;
  const [count, most] = isExact ? [keyCount, keysMax] : [combinationCount(factors), Number.MAX_SAFE_INTEGER];
  throw new Failure(
    "spec-invalid",
    `The rate of ${names.join(" and ")} has ${count} combinations, of at most ${most}: ` +
      'give a field with many levels a higher "minCount", or a "hash".',
  );
}

/** Returns the fold of a row's group. Its hash selects the held-out groups and the folds of a sweep by other functions. */
function foldOf(group: number): number {
  return Math.floor((mixed(group ^ 0x51ed270b) / 2 ** 32) * foldCount);
}

/** Sums of the training rows by key and fold. */
interface FoldSums {
  /** Returns the sums of a key's rows, without those of a fold if one is given. */
  of(place: number, without?: number): RowSums;
  /** Returns the sums of all rows, without those of a fold if one is given. */
  all(without?: number): RowSums;
}

function sumsByFold({ keys, placesOf }: KeyTable, walk: Walk): FoldSums {
  // Place 0 is that of all rows.
  const rows = new Float64Array((keys.length + 1) * foldCount);
  const clicks = new Float64Array(rows.length);
  for (const chunk of walk()) {
    const places = placesOf(chunk);
    addRows(places, chunk, rows, clicks);
    addRows(places.fill(0), chunk, rows, clicks);
  }
  // Added up, not subtracted from the total, which would leave the rounding of the fold's own rows.
  const sumOf = (place: number, without?: number): RowSums => {
    let [rowSum, clickSum] = [0, 0];
    for (let fold = 0, at = place * foldCount; fold < foldCount; fold++, at++) {
      if (fold === without) continue;
      rowSum += rows[at];
      clickSum += clicks[at];
    }
    return { rows: rowSum, clicks: clickSum };
  };
  return { of: (place, without) => sumOf(place + 1, without), all: (without) => sumOf(0, without) };
}

/** Adds a chunk's training rows to the sums of their places and folds, shape (places, folds). */
function addRows(
  places: Uint32Array,
  { groups, labels, weights, partEnds }: OrderedChunk,
  rows: Float64Array,
  clicks: Float64Array,
): void {
  for (let i = 0; i < partEnds[trainPart]; i++) {
    const at = places[i] * foldCount + foldOf(groups[i]);
    const weight = weights ? weights[i] : 1;
    rows[at] += weight;
    clicks[at] += weight * labels[i];
  }
}

/** Values of a key: one per fold, of the rows in the other folds, then that of all rows. */
const stride = foldCount + 1;

/** @returns Shape (keys, stride). */
function valuesByFold(keyCount: number, sums: FoldSums, prior: number): Float64Array {
  const values = new Float64Array(keyCount * stride);
  for (let without = 0; without < stride; without++) {
    const base = baseRateOf(sums.all(without));
    for (let place = 0; place < keyCount; place++) {
      values[place * stride + without] = rateValue(sums.of(place, without), { base, prior });
    }
  }
  return values;
}

/** Returns the value of each row: out of fold for the rows of training groups, including those that sampling left out. */
function pickValues(
  places: Uint32Array,
  { groups, partEnds }: OrderedChunk,
  values: Float64Array,
): Float64Array {
  const picked = new Float64Array(places.length);
  for (let i = 0; i < picked.length; i++) {
    if (places[i] === 0) continue;
    const isTraining = i < partEnds[trainPart] || (i >= partEnds[testPart] && i < partEnds[leftOutPart]);
    picked[i] = values[(places[i] - 1) * stride + (isTraining ? foldOf(groups[i]) : foldCount)];
  }
  return picked;
}
