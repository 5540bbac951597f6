import type { BoostField } from "./boost_rows.ts";
import type { Table } from "./forest_tables.ts";

/** Tables that add up to the same logits, of which no pair's table holds what a curve could say. */
export interface Purified {
  readonly intercept: number;
  /** A curve for each field of a table, in the order of the fields, then the tables of pairs. */
  readonly tables: readonly Table[];
}

/** Rows by which means are weighted. */
export interface MeanRows {
  readonly fields: readonly BoostField[];
  /** Row numbers. */
  readonly among: Uint32Array;
  /** Of all rows; default: 1. */
  readonly weights?: Float64Array | undefined;
}

const rounds = 50;

/**
 * Moves the mean of each row and column of the pairs' tables into the curves of their fields, until the means are 0, and the mean of each
 * curve into the intercept. Means are weighted by rows. A missing value of a numeric field that had none adds nothing.
 *
 * @param rows Those by which means are weighted.
 * @see Lengerich et al., Purifying Interaction Effects with the Functional ANOVA (2020).
 */
export function* purifyInSteps(
  intercept: number,
  tables: readonly Table[],
  rows: MeanRows,
): Generator<void, Purified> {
  const { fields } = rows;
  const curves = new Map<number, Float64Array>();
  const curveOf = (field: number) => {
    const known = curves.get(field);
    if (known) return known;
    const made = new Float64Array(fields[field].binCount);
    curves.set(field, made);
    return made;
  };
  const counts = fields.map((field, f) =>
    tables.some((table) => table.fields.includes(f)) ? binWeights(field, rows) : new Float64Array(0)
  );
  const pairs: Table[] = [];
  for (const table of tables) {
    const [first, second] = table.fields;
    if (second === undefined) {
      const curve = curveOf(first);
      for (let bin = 0; bin < curve.length; bin++) curve[bin] += table.cells[table.positions[0][bin]];
      continue;
    }
    yield;
    const cellWeights = cellWeightsOf(table, rows);
    const isUnseen = [first, second].map((f) => fields[f].isNumeric && counts[f][0] === 0);
    const { cells, rowMeans, columnMeans } = withoutMeans(table, cellWeights, isUnseen);
    add(curveOf(first), table.positions[0], rowMeans);
    add(curveOf(second), table.positions[1], columnMeans);
    pairs.push({ ...table, cells });
  }
  let base = intercept;
  const centred = [...curves.keys()].sort((a, b) => a - b).map((field) => {
    const curve = curves.get(field) ?? new Float64Array(0);
    const mean = weightedMean(curve, counts[field]);
    base += mean;
    for (let bin = 0; bin < curve.length; bin++) curve[bin] -= mean;
    if (fields[field].isNumeric && counts[field][0] === 0) curve[0] = 0;
    return curveTable(field, curve, fields[field].isNumeric);
  });
  return { intercept: base, tables: [...centred, ...pairs] };
}

function add(curve: Float64Array, positions: Int32Array, means: Float64Array): void {
  for (let bin = 0; bin < curve.length; bin++) curve[bin] += means[positions[bin]];
}

/** Bins of equal value share a position if they are adjacent, or levels; bin 0 has its own. */
function curveTable(field: number, curve: Float64Array, isNumeric: boolean): Table {
  const positions = new Int32Array(curve.length);
  const cells = [curve[0]];
  const known = new Map<number, number>();
  for (let bin = 1; bin < curve.length; bin++) {
    const value = curve[bin];
    const before = isNumeric
      ? (bin > 1 && curve[bin - 1] === value ? positions[bin - 1] : undefined)
      : known.get(value);
    positions[bin] = before ?? cells.push(value) - 1;
    known.set(value, positions[bin]);
  }
  return {
    fields: [field],
    positions: [positions],
    shape: [cells.length, 1],
    cells: Float64Array.from(cells),
  };
}

/** Returns the weight of the rows in each bin. */
function binWeights({ codes, binCount }: BoostField, { among, weights }: MeanRows): Float64Array {
  const sums = new Float64Array(binCount);
  for (let i = 0; i < among.length; i++) sums[codes[among[i]]] += weights ? weights[among[i]] : 1;
  return sums;
}

/** Returns the weight of the rows in each cell, row-major. */
export function cellWeightsOf(
  { fields: [first, second], positions, shape }: Table,
  { fields, among, weights }: MeanRows,
): Float64Array {
  const sums = new Float64Array(shape[0] * shape[1]);
  const down = fields[first].codes;
  const across = second === undefined ? undefined : fields[second].codes;
  for (let i = 0; i < among.length; i++) {
    const row = among[i];
    const column = across ? positions[1][across[row]] : 0;
    sums[positions[0][down[row]] * shape[1] + column] += weights ? weights[row] : 1;
  }
  return sums;
}

function weightedMean(values: Float64Array, weights: Float64Array): number {
  let [sum, total] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += weights[i] * values[i];
    total += weights[i];
  }
  return total > 0 ? sum / total : 0;
}

function withoutMeans(
  { cells: original, shape: [rowCount, columnCount] }: Table,
  weights: Float64Array,
  [isRow0Unseen, isColumn0Unseen]: readonly boolean[],
) {
  const cells = original.slice();
  const rowMeans = new Float64Array(rowCount);
  const columnMeans = new Float64Array(columnCount);
  for (let round = 0; round < rounds; round++) {
    const moved = Math.max(
      moveMeans(cells, weights, rowMeans, columnCount, 1),
      moveMeans(cells, weights, columnMeans, 1, columnCount),
    );
    if (moved < 1e-14) break;
  }
  if (isRow0Unseen) cells.fill(0, 0, columnCount);
  if (isColumn0Unseen) { for (let row = 0; row < rowCount; row++) cells[row * columnCount] = 0; }
  return { cells, rowMeans, columnMeans };
}

/** Moves the weighted mean of each line of cells to `means`. @returns The largest one. */
function moveMeans(
  cells: Float64Array,
  weights: Float64Array,
  means: Float64Array,
  lineStride: number,
  stride: number,
): number {
  const width = cells.length / means.length;
  let most = 0;
  for (let line = 0; line < means.length; line++) {
    let [sum, total] = [0, 0];
    for (let i = 0, at = line * lineStride; i < width; i++, at += stride) {
      sum += weights[at] * cells[at];
      total += weights[at];
    }
    if (total === 0) continue;
    const mean = sum / total;
    means[line] += mean;
    most = Math.max(most, Math.abs(mean));
    for (let i = 0, at = line * lineStride; i < width; i++, at += stride) cells[at] -= mean;
  }
  return most;
}
