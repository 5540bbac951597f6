import type { DesignChunk, DesignMatrix } from "../encode/design_matrix.ts";

/**
 * The deep part of a wide-and-deep model, beside the coefficients and the intercept, which are its wide part:
 *
 *     logit = x·coefficients + intercept + hₙ·output,  h₀ = x,  hₗ = max(0, hₗ₋₁·weightsₗ + biasₗ)
 *
 * @see Cheng et al., Wide & Deep Learning for Recommender Systems (2016).
 */
export interface Network {
  /** Hidden layers, from the encoded columns on. */
  readonly layers: readonly NetworkLayer[];
  /** Log-odds per unit of the last hidden layer. */
  readonly output: ArrayLike<number>;
}

export interface NetworkLayer {
  readonly activation: "relu";
  /** Row-major, shape (inputs, units). */
  readonly weights: ArrayLike<number>;
  /** Shape (units). */
  readonly bias: ArrayLike<number>;
}

/** A network as JSON has it. */
export interface PlainNetwork {
  layers: { activation: "relu"; weights: number[]; bias: number[] }[];
  output: number[];
}

/** Adds up the deep part of one row after the other. */
export interface DeepPart {
  /** Begins a row: all its columns are 0. */
  begin(): void;
  /** Adds to one column of the row. */
  add(column: number, value: number): void;
  /** The row's deep part, in log-odds. */
  logit(): number;
}

/**
 * Prepares a network for rows that are mostly 0: the first layer costs as much as the row has columns that are not.
 * Weights are read as they are, sums are float64.
 */
export function createDeepPart({ layers, output }: Network): DeepPart {
  const steps = layers.map(({ weights, bias }) => ({
    weights: Float64Array.from(weights),
    bias: Float64Array.from(bias),
    sums: new Float64Array(bias.length),
  }));
  const outputs = Float64Array.from(output);
  const [first] = steps;
  const unitCount = first.bias.length;
  return {
    begin: () => first.sums.set(first.bias),
    add(column, value) {
      for (let unit = 0, at = column * unitCount; unit < unitCount; unit++, at++) {
        first.sums[unit] += value * first.weights[at];
      }
    },
    logit() {
      for (let l = 1; l < steps.length; l++) {
        const { weights, bias, sums } = steps[l];
        sums.set(bias);
        addProduct(steps[l - 1].sums, weights, 0, sums);
      }
      const { sums } = steps[steps.length - 1];
      let logit = 0;
      for (let unit = 0; unit < sums.length; unit++) {
        if (!(sums[unit] <= 0)) logit += sums[unit] * outputs[unit];
      }
      return logit;
    },
  };
}

/**
 * Adds relu(inputs)·weights. Units that are off cost nothing.
 *
 * @param weights Row-major, shape (inputs, sums), from `at` on.
 */
export function addProduct(
  inputs: Float64Array,
  weights: Float64Array,
  at: number,
  sums: Float64Array,
): void {
  const count = sums.length;
  for (let i = 0; i < inputs.length; i++, at += count) {
    const input = inputs[i];
    // NaN is not let through as 0: a bad value must stay visible in the sum.
    if (input <= 0) continue;
    for (let unit = 0; unit < count; unit++) sums[unit] += input * weights[at + unit];
  }
}

/** Adds the deep part to the log-odds of rows, in their order. @param logits Shape (to − from). */
export function addDeepLogits(
  { groups, numericColumns }: DesignMatrix,
  chunk: DesignChunk,
  rows: { readonly from: number; readonly to: number },
  deep: DeepPart,
  logits: Float64Array,
): void {
  const numericCount = numericColumns.length;
  for (let row = rows.from; row < rows.to; row++) {
    deep.begin();
    for (let j = 0; j < numericCount; j++) deep.add(numericColumns[j], chunk.numeric[row * numericCount + j]);
    for (let g = 0; g < groups.length; g++) {
      const { fieldCount, columns } = groups[g];
      for (let at = chunk.cells[g][row] * fieldCount, end = at + fieldCount; at < end; at++) {
        if (columns[at] >= 0) deep.add(columns[at], 1);
      }
    }
    logits[row - rows.from] += deep.logit();
  }
}
