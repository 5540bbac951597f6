import * as tf from "@tensorflow/tfjs-core";
import type { OptimizerName } from "../options.ts";
import type { Engine } from "./engine.ts";
import type { NetworkModel } from "./network_model.ts";

/** Updates a model's variables from their gradients. */
export interface Optimizer {
  /** @param gradients Of the loss without the penalty, by variable name. */
  step(gradients: tf.NamedTensorMap): void;
  dispose(): void;
}

export interface OptimizerOptions {
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  /** Strength of the l2 penalty on each penalised variable. */
  readonly l2: number;
}

/** As in Keras; tf.train has no default. */
const momentum = 0.9;
/** Adam's, as in tfjs and Keras. */
const beta1 = 0.9;
const beta2 = 0.999;
const epsilon = 1e-7;

export function createOptimizer(engine: Engine, model: NetworkModel, options: OptimizerOptions): Optimizer {
  return options.optimizer === "adam"
    ? createAdam(engine, model, options)
    : penalising(model, options.l2, createTfjsOptimizer(options.optimizer, options.learningRate));
}

function createTfjsOptimizer(name: Exclude<OptimizerName, "adam">, rate: number): tf.Optimizer {
  switch (name) {
    case "sgd":
      return tf.train.sgd(rate);
    case "momentum":
      return tf.train.momentum(rate, momentum);
    case "adagrad":
      return tf.train.adagrad(rate);
    case "adadelta":
      return tf.train.adadelta(rate);
    case "adamax":
      return tf.train.adamax(rate);
    case "rmsprop":
      return tf.train.rmsprop(rate);
  }
}

/** An optimizer of tfjs, given the gradients with the penalty's. */
function penalising({ variables, penalised }: NetworkModel, l2: number, optimizer: tf.Optimizer): Optimizer {
  return {
    step(gradients) {
      const all = l2 === 0 ? gradients : Object.fromEntries(variables.map((variable) => {
        const { name } = variable;
        const slopes = gradients[name];
        return [name, penalised.has(name) ? tf.add(slopes, tf.mul(variable, l2)) : slopes];
      }));
      optimizer.applyGradients(all);
    },
    dispose: () => optimizer.dispose(),
  };
}

/**
 * Adam with one kernel per variable, in place of the 25 of tf.train.adam: at 256 rows per step those take as long as the rest.
 *
 * @see Kingma & Ba, Adam: A Method for Stochastic Optimization (2015), algorithm 1.
 */
function createAdam(
  { kernels }: Engine,
  model: NetworkModel,
  { learningRate, l2 }: OptimizerOptions,
): Optimizer {
  const moments = model.variables.map(({ shape }) => ({ means: tf.zeros(shape), squares: tf.zeros(shape) }));
  let power1 = 1;
  let power2 = 1;
  return {
    step(gradients) {
      power1 *= beta1;
      power2 *= beta2;
      const step = {
        beta1,
        beta2,
        epsilon,
        rate: learningRate / (1 - power1),
        squareScale: 1 / (1 - power2),
      };
      model.variables.forEach((variable, i) => {
        const penalty = model.penalised.has(variable.name) ? l2 : 0;
        const values = kernels.adam(variable, gradients[variable.name], moments[i], { ...step, l2: penalty });
        variable.assign(tf.engine().makeTensorFromTensorInfo(values));
      });
    },
    dispose() {
      for (const { means, squares } of moments) tf.dispose([means, squares]);
    },
  };
}
