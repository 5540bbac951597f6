import { loadEach } from "../../chunks/chunk_store.ts";
import { type DesignMatrix, forRowRanges } from "../../encode/design_matrix.ts";
import { foldBatchNorm, type TrainedLayer } from "../../model/fold_batch_norm.ts";
import type { PlainNetwork } from "../../model/network.ts";
import type { Random } from "../../math/random.ts";
import { sharedFloat64 } from "../../runtime/shared_memory.ts";
import { trainPart } from "../../examples/split.ts";

/** Layout of a wide-and-deep model in one vector: coefficients, intercept, then the deep part. */
export interface ParameterLayout {
  readonly columnCount: number;
  /** The intercept comes right after the coefficients. */
  readonly interceptAt: number;
  readonly layers: readonly LayerLayout[];
  readonly outputAt: number;
  readonly length: number;
}

export interface LayerLayout {
  readonly inputCount: number;
  readonly unitCount: number;
  /** Row-major, shape (inputs, units). */
  readonly weightsAt: number;
  readonly biasAt: number;
}

/** @param hidden Units per hidden layer; empty for the wide part alone, a logistic regression. */
export function parameterLayout(columnCount: number, hidden: readonly number[]): ParameterLayout {
  let at = columnCount + 1;
  let inputCount = columnCount;
  const layers = hidden.map((unitCount): LayerLayout => {
    const weightsAt = at;
    const biasAt = weightsAt + inputCount * unitCount;
    const layer = { inputCount, unitCount, weightsAt, biasAt };
    at = biasAt + unitCount;
    inputCount = unitCount;
    return layer;
  });
  return {
    columnCount,
    interceptAt: columnCount,
    layers,
    outputAt: at,
    length: at + (layers.length > 0 ? inputCount : 0),
  };
}

/** Calls `use` with each range of parameters that is penalised: all weights, but no bias and not the intercept. */
export function forWeights(layout: ParameterLayout, use: (from: number, to: number) => void): void {
  use(0, layout.columnCount);
  for (const { weightsAt, biasAt } of layout.layers) use(weightsAt, biasAt);
  use(layout.outputAt, layout.length);
}

/**
 * Returns the parameters that training starts from: the hidden layers' weights uniform in ±√(6 / (inputs + units)), the given
 * intercept, and 0 elsewhere. The deep part's output weights are 0, so the first model predicts the base rate, and even a
 * short training does not end worse.
 *
 * @param options.intercept In log-odds.
 * @param options.zeroColumns Columns that stay 0 throughout: their weights start at 0.
 * @see Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks (2010), section 4.2.
 */
export function initialParameters(
  layout: ParameterLayout,
  random: Random,
  options: { readonly intercept: number; readonly zeroColumns: readonly number[] },
): Float64Array<SharedArrayBuffer> {
  const parameters = sharedFloat64(layout.length);
  parameters[layout.interceptAt] = options.intercept;
  for (const { inputCount, unitCount, weightsAt, biasAt } of layout.layers) {
    const limit = Math.sqrt(6 / (inputCount + unitCount));
    for (let i = weightsAt; i < biasAt; i++) parameters[i] = limit * (2 * random.uniform() - 1);
  }
  for (const column of options.zeroColumns) clearColumn(layout, column, parameters);
  return parameters;
}

/** Sets the weights of one column, or their gradient, to 0. */
export function clearColumn({ layers }: ParameterLayout, column: number, vector: Float64Array): void {
  vector[column] = 0;
  if (layers.length === 0) return;
  const [{ unitCount, weightsAt }] = layers;
  vector.fill(0, weightsAt + column * unitCount, weightsAt + (column + 1) * unitCount);
}

/** Returns the columns that are 0 on all training rows. They have no gradient, so that a random weight would stay as noise. */
export function emptyColumns({ columnCount, numericColumns, groups, chunks }: DesignMatrix): number[] {
  const seen = new Uint8Array(columnCount);
  for (const column of numericColumns) seen[column] = 1;
  groups.forEach(({ cellCount, fieldCount, columns }, g) => {
    const occurs = new Uint8Array(cellCount);
    for (const chunk of loadEach(chunks)) {
      forRowRanges(chunk, [trainPart], (from, to) => {
        for (let i = from; i < to; i++) occurs[chunk.cells[g][i]] = 1;
      });
    }
    for (let at = 0; at < columns.length; at++) {
      if (columns[at] >= 0 && occurs[Math.floor(at / fieldCount)]) seen[columns[at]] = 1;
    }
  });
  return [...seen.keys()].filter((column) => seen[column] === 0);
}

/** Returns the deep part in the form that a model stores; undefined without hidden layers. */
export function networkOf(
  { layers, outputAt, length }: ParameterLayout,
  parameters: Float64Array,
): PlainNetwork | undefined {
  if (layers.length === 0) return undefined;
  const dense = layers.map(({ unitCount, weightsAt, biasAt }): TrainedLayer => ({
    activation: "relu",
    weights: parameters.subarray(weightsAt, biasAt),
    bias: parameters.subarray(biasAt, biasAt + unitCount),
  }));
  return foldBatchNorm(dense, parameters.subarray(outputAt, length), 0).network;
}
