import type { OptimizerName } from "./options.ts";

/** Updates the parameters from the gradient of a mini-batch. */
export interface Optimizer {
  /** @param parameters Updated in place. @param gradient Of the same shape. */
  step(parameters: Float64Array, gradient: Float64Array): void;
}

export function createOptimizer(name: OptimizerName, learningRate: number, length: number): Optimizer {
  return name === "adam" ? createAdam(learningRate, length) : createSgd(learningRate);
}

/** As in tfjs and Keras. */
const beta1 = 0.9;
const beta2 = 0.999;
const epsilon = 1e-7;

/** @see Kingma & Ba, Adam: A Method for Stochastic Optimization (2015), algorithm 1. */
function createAdam(learningRate: number, length: number): Optimizer {
  const mean = new Float64Array(length);
  const square = new Float64Array(length);
  let power1 = 1;
  let power2 = 1;
  return {
    step(parameters, gradient) {
      power1 *= beta1;
      power2 *= beta2;
      const rate = learningRate / (1 - power1);
      const squareScale = 1 / (1 - power2);
      for (let i = 0; i < length; i++) {
        const slope = gradient[i];
        mean[i] += (1 - beta1) * (slope - mean[i]);
        square[i] += (1 - beta2) * (slope * slope - square[i]);
        parameters[i] -= rate * mean[i] / (Math.sqrt(square[i] * squareScale) + epsilon);
      }
    },
  };
}

/** Stochastic gradient descent: a step against the gradient. */
function createSgd(learningRate: number): Optimizer {
  return {
    step(parameters, gradient) {
      for (let i = 0; i < parameters.length; i++) parameters[i] -= learningRate * gradient[i];
    },
  };
}
