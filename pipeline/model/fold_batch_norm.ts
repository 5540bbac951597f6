import type { NetworkLayer, PlainNetwork } from "./network.ts";

/** Batch normalisation after training: y = gamma · (x − mean) / √(variance + epsilon) + beta, each of shape (units). */
export interface BatchNorm {
  /** Before or after the activation of the layer. */
  readonly place: "before" | "after";
  readonly gamma: ArrayLike<number>;
  readonly beta: ArrayLike<number>;
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
  readonly epsilon: number;
}

/** A hidden layer as it is trained. */
export interface TrainedLayer extends NetworkLayer {
  readonly batchNorm?: BatchNorm;
}

/**
 * Folds batch normalisation into the weights and biases of ordinary dense layers: before an activation, into the layer itself;
 * after it, into the next layer, or behind the last one into the output and the intercept. Sums are float64, results are
 * rounded to float32, as the saved layers store them.
 *
 * @param output Log-odds per unit of the last layer.
 * @param intercept Of the wide part.
 */
export function foldBatchNorm(
  layers: readonly TrainedLayer[],
  output: ArrayLike<number>,
  intercept: number,
): { readonly network: PlainNetwork; readonly intercept: number } {
  const dense = layers.map(({ activation, weights, bias }) => ({
    activation,
    weights: Float64Array.from(weights),
    bias: Float64Array.from(bias),
  }));
  const logit = { weights: Float64Array.from(output), bias: Float64Array.of(intercept) };
  layers.forEach(({ batchNorm }, i) => {
    if (batchNorm?.place === "before") foldInto(dense[i], batchNorm);
    if (batchNorm?.place === "after") foldFrom(dense[i + 1] ?? logit, batchNorm);
  });
  return {
    network: {
      layers: dense.map(({ activation, weights, bias }) => ({
        activation,
        weights: float32(weights),
        bias: float32(bias),
      })),
      output: float32(logit.weights),
    },
    intercept: float32(logit.bias)[0],
  };
}

/** A dense layer whose weights, row-major of shape (inputs, units), and biases are changed in place. */
interface Dense {
  readonly weights: Float64Array;
  readonly bias: Float64Array;
}

/** Folds the normalisation of a layer's sums into the layer. */
function foldInto({ weights, bias }: Dense, { beta, mean, ...norm }: BatchNorm): void {
  for (let unit = 0; unit < bias.length; unit++) {
    const scale = scaleOf(norm, unit);
    for (let at = unit; at < weights.length; at += bias.length) weights[at] *= scale;
    bias[unit] = (bias[unit] - mean[unit]) * scale + beta[unit];
  }
}

/** Folds the normalisation of a layer's inputs into the layer. */
function foldFrom({ weights, bias }: Dense, { beta, mean, ...norm }: BatchNorm): void {
  for (let input = 0, at = 0; at < weights.length; input++) {
    const scale = scaleOf(norm, input);
    const shift = beta[input] - mean[input] * scale;
    for (let unit = 0; unit < bias.length; unit++, at++) {
      bias[unit] += shift * weights[at];
      weights[at] *= scale;
    }
  }
}

function scaleOf({ gamma, variance, epsilon }: Pick<BatchNorm, "gamma" | "variance" | "epsilon">, i: number) {
  return gamma[i] / Math.sqrt(variance[i] + epsilon);
}

/** + 0 turns −0, which JSON does not have, into 0. */
function float32(values: Float64Array): number[] {
  return Array.from(values, (value) => Math.fround(value) + 0);
}
