import type { DesignChunk, DesignMatrix } from "../encode/design_matrix.ts";
import { type ActivationName, activations } from "./activations.ts";

/**
 * The deep part of a wide-and-deep model, whose wide part is the coefficients and the intercept:
 *
 *     logit = x·coefficients + intercept + hₙ·output,  h₀ = x,  hₗ = activationₗ(hₗ₋₁·weightsₗ + biasₗ)
 *
 * @see Cheng et al., Wide & Deep Learning for Recommender Systems (2016).
 */
export interface Network {
  /** Hidden layers; the first one takes the encoded columns. */
  readonly layers: readonly NetworkLayer[];
  /** Log-odds per unit of the last hidden layer. */
  readonly output: ArrayLike<number>;
}

export interface NetworkLayer {
  readonly activation: ActivationName | "linear";
  /** Row-major, shape (inputs, units). */
  readonly weights: ArrayLike<number>;
  /** Shape (units). */
  readonly bias: ArrayLike<number>;
}

/** A network in JSON form. */
export interface PlainNetwork {
  layers: { activation: ActivationName | "linear"; weights: number[]; bias: number[] }[];
  output: number[];
}

/** Computes the deep part of one row at a time. */
export interface DeepPart {
  /** Begins a row whose columns are all 0. */
  begin(): void;
  /** Adds a value to one column of the row. */
  add(column: number, value: number): void;
  /** Returns the row's deep part, in log-odds. Ends the row. */
  logit(): number;
}

/**
 * Prepares a network for sparse rows: the cost of the first layer is proportional to the row's nonzero columns.
 * Weights are used as they are; sums are float64.
 */
export function createDeepPart({ layers, output }: Network): DeepPart {
  const steps = layers.map(({ activation, weights, bias }) => ({
    activate: activations[activation],
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
      first.activate(first.sums);
      for (let l = 1; l < steps.length; l++) {
        const { activate, weights, bias, sums } = steps[l];
        sums.set(bias);
        addProduct(steps[l - 1].sums, weights, sums);
        activate(sums);
      }
      const { sums } = steps[steps.length - 1];
      let logit = 0;
      for (let unit = 0; unit < sums.length; unit++) {
        if (sums[unit] !== 0) logit += sums[unit] * outputs[unit];
      }
      return logit;
    },
  };
}

/** Adds inputs·weights to `sums`. Inputs of 0 cost nothing. @param weights Row-major, shape (inputs, sums). */
function addProduct(inputs: Float64Array, weights: Float64Array, sums: Float64Array): void {
  const count = sums.length;
  for (let i = 0, at = 0; i < inputs.length; i++, at += count) {
    const input = inputs[i];
    if (input === 0) continue;
    for (let unit = 0; unit < count; unit++) sums[unit] += input * weights[at + unit];
  }
}

/** Adds the deep part to the log-odds of a range of rows. @param logits Shape (to − from). */
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
