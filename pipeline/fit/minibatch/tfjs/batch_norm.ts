import * as tf from "@tensorflow/tfjs-core";
import { initializers, layers } from "@tensorflow/tfjs-layers";

/** Added to a variance before its root, as by tfjs and Keras. */
export const normEpsilon = 1e-3;
/** Share of the moving mean and variance that a training step keeps, as in tfjs and Keras. */
const momentum = 0.99;

/**
 * Batch normalisation of rows of units, with the weights of tfjs's own layer: gamma, beta, moving mean and variance. The
 * gradient of that one tiles and sums, which its wasm backend does so slowly that a training took seven times as long.
 *
 * @see Ioffe & Szegedy, Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift (2015).
 */
export class BatchNorm extends layers.Layer {
  static className = "BatchNorm";
  private readonly gamma;
  private readonly beta;
  private readonly movingMean;
  private readonly movingVariance;

  constructor(units: number) {
    super({});
    const [zeros, ones] = [initializers.zeros(), initializers.ones()];
    this.gamma = this.addWeight("gamma", [units], "float32", ones);
    this.beta = this.addWeight("beta", [units], "float32", zeros);
    this.movingMean = this.addWeight("moving_mean", [units], "float32", zeros, undefined, false);
    this.movingVariance = this.addWeight("moving_variance", [units], "float32", ones, undefined, false);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training }: { training?: boolean }): tf.Tensor {
    const input = Array.isArray(inputs) ? inputs[0] : inputs;
    return training ? this.byBatch(input) : this.byAverages(input);
  }

  private byAverages(input: tf.Tensor): tf.Tensor {
    const inverse = tf.rsqrt(tf.add(this.movingVariance.read(), normEpsilon));
    const normed = tf.mul(tf.sub(input, this.movingMean.read()), inverse);
    return tf.add(tf.mul(normed, this.gamma.read()), this.beta.read());
  }

  private byBatch(input: tf.Tensor): tf.Tensor {
    return tf.customGrad((...parts) => {
      const [x, gamma, beta, save] = parts;
      if (!isTensor(x) || !isTensor(gamma) || !isTensor(beta) || typeof save !== "function") {
        throw new Error("a tensor is normalised by gamma and beta");
      }
      const mean = columnMeans(x);
      const centred = tf.sub(x, mean);
      const variance = columnMeans(tf.square(centred));
      const inverse = tf.rsqrt(tf.add(variance, normEpsilon));
      const normed = tf.mul(centred, inverse);
      updateAverage(this.movingMean, mean);
      updateAverage(this.movingVariance, variance);
      save([normed, tf.mul(inverse, gamma)]);
      return {
        value: tf.add(tf.mul(normed, gamma), beta),
        gradFunc(slopes, [normed, scale]) {
          const rows = slopes.shape[0];
          const [mean, meanAlong] = [columnMeans(slopes), columnMeans(tf.mul(slopes, normed))];
          return [
            tf.mul(scale, tf.sub(tf.sub(slopes, mean), tf.mul(normed, meanAlong))),
            tf.mul(tf.reshape(meanAlong, gamma.shape), rows),
            tf.mul(tf.reshape(mean, gamma.shape), rows),
          ];
        },
      };
    })(input, this.gamma.read(), this.beta.read());
  }
}

type Weight = ReturnType<layers.Layer["addWeight"]>;

function updateAverage(average: Weight, value: tf.Tensor): void {
  const kept = average.read();
  average.write(tf.add(tf.mul(kept, momentum), tf.mul(tf.reshape(value, kept.shape), 1 - momentum)));
}

function isTensor(value: unknown): value is tf.Tensor {
  return value instanceof tf.Tensor;
}

/** Returns the mean of each column, shape (1, columns), as a product: sums along rows are slow on the wasm backend. */
function columnMeans(x: tf.Tensor): tf.Tensor {
  const rows = x.shape[0];
  return tf.matMul(tf.fill([1, rows], 1 / rows), x);
}
