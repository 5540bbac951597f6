import { createBinReader, type NumberBins } from "./number_bins.ts";

/** Sums over rows by their weights, shape (columns) or (bins) each. */
export interface Counts {
  readonly rows: Float64Array;
  readonly clicks: Float64Array;
  /** Of the probabilities; 0 if they are not known. */
  readonly predicted: Float64Array;
}

/** The same by bins of a column of numbers. */
export interface NumberCounts extends Counts {
  /** Of the column's values, and of what bins and exact values beside it add to the log-odds. */
  readonly values: Float64Array;
  readonly added: Float64Array;
  /** Range of the column's values. */
  min: number;
  max: number;
}

/** Sums over rows from which curves are made. */
export interface ColumnSums {
  /** Over all rows. */
  readonly total: { rows: number; clicks: number; predicted: number };
  /** Over the rows that have a 1 in the column. Shape (columns). */
  readonly ones: Counts;
  /** In the order of the bins. */
  readonly numbers: readonly NumberCounts[];
}

export function createCounts(size: number): Counts {
  return {
    rows: new Float64Array(size),
    clicks: new Float64Array(size),
    predicted: new Float64Array(size),
  };
}

export function createNumberCounts({ edges }: Pick<NumberBins, "edges">): NumberCounts {
  return {
    ...createCounts(edges.length + 1),
    values: new Float64Array(edges.length + 1),
    added: new Float64Array(edges.length + 1),
    min: Infinity,
    max: -Infinity,
  };
}

export function createColumnSums(columnCount: number, bins: readonly NumberBins[]): ColumnSums {
  return {
    total: { rows: 0, clicks: 0, predicted: 0 },
    ones: createCounts(columnCount),
    numbers: bins.map(createNumberCounts),
  };
}

/** What some rows count, shape (rows): their weights, those of clicked rows or 0, and the weights times the probabilities. */
export interface RowValues {
  readonly weights: Float64Array;
  readonly clicks: Float64Array;
  readonly predicted: Float64Array | undefined;
}

/** Adds rows to those with the same code. @param codes Of rows `from` and on. */
export function addByCode(
  { rows, clicks, predicted }: Counts,
  codes: Uint16Array | Uint32Array,
  from: number,
  values: RowValues,
): void {
  const count = values.weights.length;
  for (let i = 0, at = from; i < count; i++, at++) {
    const code = codes[at];
    rows[code] += values.weights[i];
    clicks[code] += values.clicks[i];
  }
  const own = values.predicted;
  if (!own) return;
  for (let i = 0, at = from; i < count; i++, at++) predicted[codes[at]] += own[i];
}

/** What codes of rows add to the log-odds: row i adds `byCode[codes[from + i]]`. */
export interface CodedAddends {
  readonly codes: Uint16Array | Uint32Array;
  readonly byCode: Float64Array;
  readonly from: number;
}

/** Returns a function that adds rows to the bins of their numbers: every `stride`-th of `numbers`, from `from`. */
export function createNumberAdder(counts: NumberCounts, { edges }: NumberBins) {
  const readBins = createBinReader(edges);
  const { rows, clicks, predicted, values: sums, added } = counts;
  let bins = new Uint8Array();
  return (
    numbers: Float64Array,
    { from, stride }: { readonly from: number; readonly stride: number },
    { weights, clicks: ownClicks, predicted: own }: RowValues,
    addends: readonly CodedAddends[] = [],
  ): void => {
    let { min, max } = counts;
    if (bins.length < weights.length) bins = new Uint8Array(weights.length);
    readBins(numbers, { from, stride, count: weights.length }, bins);
    for (let i = 0, at = from; i < weights.length; i++, at += stride) {
      const value = numbers[at];
      if (value < min) min = value;
      if (value > max) max = value;
      const bin = bins[i];
      rows[bin] += weights[i];
      clicks[bin] += ownClicks[i];
      sums[bin] += weights[i] * value;
      bins[i] = bin;
    }
    counts.min = min;
    counts.max = max;
    for (let i = 0; own && i < weights.length; i++) predicted[bins[i]] += own[i];
    for (const { codes, byCode, from: first } of addends) {
      for (let i = 0; i < weights.length; i++) added[bins[i]] += weights[i] * byCode[codes[first + i]];
    }
  };
}
