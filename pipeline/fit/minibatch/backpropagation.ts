import { createLoader } from "../../chunks/chunk_store.ts";
import { type DesignChunk, type DesignMatrix, fitWeightsOf } from "../../encode/design_matrix.ts";
import { exp, log, log1p } from "../../math/elementary.ts";
import type { LayerLayout, ParameterLayout } from "./network_parameters.ts";
import { type BatchRows, shuffleChunks } from "./row_order.ts";

export interface Backpropagation {
  /**
   * Adds the rows' summed log loss and its gradient to `sums`.
   *
   * @param parameters Shape (layout.length).
   * @param sums Shape (layout.length + 1): the gradient, then the loss.
   */
  add(batch: BatchRows, from: number, to: number, parameters: Float64Array, sums: Float64Array): void;
}

/** Factors in (1, 2] whose product cannot overflow: its logarithm is taken once for all of them. */
const factorsMax = 512;

/** A batch may begin in one shuffle buffer and end in the next. */
const loadedChunks = 2 * shuffleChunks;

/** One layer's place in the parameters, and its state for the current row. */
interface Layer extends LayerLayout {
  /** Before the activation, shape (units). */
  readonly sums: Float64Array;
  /** Derivatives of the loss with respect to `sums`. */
  readonly slopes: Float64Array;
}

/**
 * Creates backpropagation, row by row. Only the columns of a row that are not 0 are visited, so that the first layer, by far
 * the widest, costs little; an inactive unit costs nothing in either direction.
 *
 * @see Goodfellow, Bengio & Courville, Deep Learning (2016), section 6.5.
 */
export function createBackpropagation(design: DesignMatrix, layout: ParameterLayout): Backpropagation {
  const layers = layout.layers.map((layer): Layer => ({
    ...layer,
    sums: new Float64Array(layer.unitCount),
    slopes: new Float64Array(layer.unitCount),
  }));
  const row = createSparseRow(design);
  const loader = createLoader(loadedChunks);
  return {
    add(batch, from, to, parameters, sums) {
      let loss = 0;
      let product = 1;
      let factors = 0;
      for (let i = from; i < to; i++) {
        const chunk = loader.load(design.chunks[batch.chunks[i]]);
        const rowIndex = batch.rows[i];
        row.read(chunk, rowIndex);
        const logit = wideLogit(row, parameters, layout) + deepLogit(row, layers, parameters, layout);
        const label = chunk.labels[rowIndex];
        const weights = fitWeightsOf(chunk);
        const weight = weights === undefined ? 1 : weights[rowIndex];
        const odds = exp(logit < 0 ? logit : -logit);
        const against = label === 1 ? -logit : logit;
        // A NaN must be added too, so that the loss shows it.
        if (!(against <= 0)) loss += weight * against;
        if (weight !== 1) loss += weight * log1p(odds);
        else product *= 1 + odds;
        if (++factors === factorsMax) {
          loss += log(product);
          product = 1;
          factors = 0;
        }
        const slope = weight * ((logit < 0 ? odds : 1) / (1 + odds) - label);
        addWide(row, slope, layout, sums);
        if (layers.length > 0) addDeep(row, slope, layers, parameters, layout, sums);
      }
      sums[layout.length] += loss + log(product);
    },
  };
}

/** The columns of a row that are not 0. */
interface SparseRow {
  count: number;
  readonly columns: Int32Array;
  readonly values: Float64Array;
  read(chunk: DesignChunk, row: number): void;
}

function createSparseRow({ groups, numericColumns }: DesignMatrix): SparseRow {
  const numericCount = numericColumns.length;
  const countMax = groups.reduce((sum, { fieldCount }) => sum + fieldCount, numericCount);
  const columns = new Int32Array(countMax);
  // The numeric columns come first, at fixed indices; the values after them are all 1.
  columns.set(numericColumns);
  const values = new Float64Array(countMax).fill(1);
  return {
    count: 0,
    columns,
    values,
    read({ numeric, cells }, row) {
      for (let j = 0, k = row * numericCount; j < numericCount; j++, k++) values[j] = numeric[k];
      let count = numericCount;
      for (let g = 0; g < groups.length; g++) {
        const { fieldCount, columns: columnsOfCells } = groups[g];
        for (let at = cells[g][row] * fieldCount, end = at + fieldCount; at < end; at++) {
          if (columnsOfCells[at] >= 0) columns[count++] = columnsOfCells[at];
        }
      }
      this.count = count;
    },
  };
}

function wideLogit(row: SparseRow, parameters: Float64Array, { interceptAt }: ParameterLayout): number {
  let logit = parameters[interceptAt];
  for (let c = 0; c < row.count; c++) logit += row.values[c] * parameters[row.columns[c]];
  return logit;
}

function addWide(row: SparseRow, slope: number, { interceptAt }: ParameterLayout, sums: Float64Array): void {
  sums[interceptAt] += slope;
  for (let c = 0; c < row.count; c++) sums[row.columns[c]] += slope * row.values[c];
}

function deepLogit(
  row: SparseRow,
  layers: readonly Layer[],
  parameters: Float64Array,
  { outputAt }: ParameterLayout,
): number {
  if (layers.length === 0) return 0;
  for (let l = 0; l < layers.length; l++) {
    const { sums, biasAt, unitCount, weightsAt } = layers[l];
    for (let unit = 0; unit < unitCount; unit++) sums[unit] = parameters[biasAt + unit];
    if (l > 0) {
      addProduct(layers[l - 1].sums, parameters, weightsAt, sums);
      continue;
    }
    for (let c = 0; c < row.count; c++) {
      const value = row.values[c];
      const at = weightsAt + row.columns[c] * unitCount;
      for (let unit = 0; unit < unitCount; unit++) sums[unit] += value * parameters[at + unit];
    }
  }
  const { sums } = layers[layers.length - 1];
  let logit = 0;
  for (let unit = 0; unit < sums.length; unit++) {
    if (!(sums[unit] <= 0)) logit += sums[unit] * parameters[outputAt + unit];
  }
  return logit;
}

/**
 * Adds relu(inputs)·weights to `sums`. Inactive units cost nothing.
 *
 * @param weights Row-major, shape (inputs, sums), beginning at `at`.
 */
function addProduct(
  inputs: Float64Array,
  weights: Float64Array,
  at: number,
  sums: Float64Array,
): void {
  const count = sums.length;
  for (let i = 0; i < inputs.length; i++, at += count) {
    const input = inputs[i];
    // NaN must not pass as 0: an invalid value must show in the sum.
    if (input <= 0) continue;
    for (let unit = 0; unit < count; unit++) sums[unit] += input * weights[at + unit];
  }
}

function addDeep(
  row: SparseRow,
  slope: number,
  layers: readonly Layer[],
  parameters: Float64Array,
  { outputAt }: ParameterLayout,
  sums: Float64Array,
): void {
  const last = layers[layers.length - 1];
  for (let unit = 0; unit < last.unitCount; unit++) {
    const isActive = last.sums[unit] > 0;
    if (isActive) sums[outputAt + unit] += slope * last.sums[unit];
    last.slopes[unit] = isActive ? slope * parameters[outputAt + unit] : 0;
  }
  for (let l = layers.length - 1; l > 0; l--) addLayer(layers[l - 1], layers[l], parameters, sums);
  const { biasAt, slopes, unitCount, weightsAt } = layers[0];
  for (let unit = 0; unit < unitCount; unit++) sums[biasAt + unit] += slopes[unit];
  for (let c = 0; c < row.count; c++) {
    const value = row.values[c];
    const at = weightsAt + row.columns[c] * unitCount;
    for (let unit = 0; unit < unitCount; unit++) sums[at + unit] += value * slopes[unit];
  }
}

/** Adds the gradient of one layer's weights and biases, and computes the slopes of the layer below. */
function addLayer(below: Layer, layer: Layer, parameters: Float64Array, sums: Float64Array): void {
  const { biasAt, slopes, unitCount, weightsAt } = layer;
  for (let unit = 0; unit < unitCount; unit++) sums[biasAt + unit] += slopes[unit];
  for (let i = 0, at = weightsAt; i < below.unitCount; i++, at += unitCount) {
    const input = below.sums[i];
    let slope = 0;
    if (input > 0) {
      for (let unit = 0; unit < unitCount; unit++) {
        sums[at + unit] += input * slopes[unit];
        slope += parameters[at + unit] * slopes[unit];
      }
    }
    below.slopes[i] = slope;
  }
}
