import * as tf from "@tensorflow/tfjs-core";
import { layers } from "@tensorflow/tfjs-layers";
import type { Random } from "../../../math/random.ts";
import { foldBatchNorm, type TrainedLayer } from "../../../model/fold_batch_norm.ts";
import type { PlainNetwork } from "../../../model/network.ts";
import type { HiddenLayer } from "../options.ts";
import { BatchNorm, normEpsilon } from "./batch_norm.ts";
import { CodesDense } from "./codes_dense.ts";
import { SeededDropout } from "./seeded_dropout.ts";

/** What a model starts from. */
export interface InitialState {
  readonly columnCount: number;
  readonly hidden: readonly HiddenLayer[];
  readonly random: Random;
  /** In log-odds. */
  readonly intercept: number;
  /** Columns that stay 0 throughout: their weights start at 0. */
  readonly zeroColumns: readonly number[];
}

/** A wide-and-deep model of layers of tfjs, without hidden layers a logistic regression. */
export interface NetworkModel {
  /** Returns the log-odds, shape (rows, 1). @param rows Codes, numbers and their columns. */
  logits(rows: tf.Tensor[], training: boolean): tf.Tensor;
  /** What is trained. */
  readonly variables: readonly tf.Variable[];
  /** Names of the variables that are penalised: all weights, but no bias and not the intercept. */
  readonly penalised: ReadonlySet<string>;
  /** Returns a copy of all weights. */
  state(): Float32Array[];
  restore(state: readonly Float32Array[]): void;
  /** Returns the model as it is served: batch normalisation is folded into the dense layers. */
  solution(): ServedModel;
  dispose(): void;
}

export interface ServedModel {
  /** The wide part: coefficients, then the intercept. */
  readonly coefficients: Float64Array;
  /** The deep part; absent without hidden layers. */
  readonly network?: PlainNetwork;
}

type Layer = layers.Layer;

/** The layers that a hidden layer becomes, in the order in which they are applied. */
interface Step {
  readonly dense: Layer;
  readonly norm?: Layer;
  readonly all: readonly Layer[];
}

export function createNetworkModel(initial: InitialState): NetworkModel {
  const { columnCount, hidden, random } = initial;
  const wide = new CodesDense(columnCount, 1);
  const steps = hidden.map((layer, i) =>
    createStep(layer, i === 0 ? undefined : hidden[i - 1].units, initial)
  );
  const output = layers.dense({ units: 1, useBias: false, kernelInitializer: "zeros" });
  if (hidden.length > 0) output.build([null, hidden[hidden.length - 1].units]);
  const all = [wide, ...steps.flatMap((step) => step.all), ...(hidden.length > 0 ? [output] : [])];
  const weights = all.flatMap((layer) => layer.weights);

  setWeights(wide, [new Float32Array(columnCount), Float32Array.of(initial.intercept)]);
  steps.forEach(({ dense }, i) => {
    const zeroColumns = i === 0 ? initial.zeroColumns : [];
    const { units } = hidden[i];
    const kernel = initialKernel(i === 0 ? columnCount : hidden[i - 1].units, units, random);
    for (const column of zeroColumns) kernel.fill(0, column * units, (column + 1) * units);
    setWeights(dense, [kernel, new Float32Array(units)]);
  });
  return {
    logits(rows, training) {
      const logits = applied(wide, rows, training);
      if (steps.length === 0) return logits;
      let values: tf.Tensor | tf.Tensor[] = rows;
      for (const layer of steps.flatMap((step) => step.all)) values = applied(layer, values, training);
      return tf.add(logits, applied(output, values, training));
    },
    variables: all.flatMap((layer) => layer.trainableWeights.map((weight) => variableOf(weight.read()))),
    penalised: new Set([wide, ...steps.map(({ dense }) => dense), ...(steps.length > 0 ? [output] : [])]
      .map((layer) => layer.trainableWeights[0].name)),
    state: () => weights.map((weight) => valuesOf(weight.read()).slice()),
    restore(state) {
      tf.tidy(() => weights.forEach((weight, i) => weight.write(tf.tensor(state[i], weight.read().shape))));
    },
    solution() {
      const [kernel, bias] = weightsOf(wide);
      const coefficients = new Float64Array(columnCount + 1);
      coefficients.set(kernel);
      coefficients.set(bias, columnCount);
      if (steps.length === 0) return { coefficients };
      const trained = steps.map((step, i) => trainedLayer(step, hidden[i]));
      const { network, intercept } = foldBatchNorm(trained, weightsOf(output)[0], bias[0]);
      coefficients[columnCount] = intercept;
      return { coefficients, network };
    },
    dispose() {
      for (const weight of weights) weight.dispose();
    },
  };
}

/** @param inputCount Units of the layer below; undefined for the first hidden layer, on the encoded columns. */
function createStep(
  layer: HiddenLayer,
  inputCount: number | undefined,
  { columnCount, random }: InitialState,
): Step {
  const { units, activation, batchNorm, dropout = 0 } = layer;
  const dense = inputCount === undefined
    ? new CodesDense(columnCount, units)
    : layers.dense({ units, kernelInitializer: "zeros" });
  if (inputCount !== undefined) dense.build([null, inputCount]);
  const norm = batchNorm && new BatchNorm(units);
  const all = [
    dense,
    ...(norm && batchNorm === "before" ? [norm] : []),
    ...(activation === "linear" ? [] : [layers.activation({ activation })]),
    ...(norm && batchNorm === "after" ? [norm] : []),
    ...(dropout === 0 ? [] : [new SeededDropout(dropout, random)]),
  ];
  return { dense, ...(norm ? { norm } : {}), all };
}

function trainedLayer({ dense, norm }: Step, { activation, batchNorm }: HiddenLayer): TrainedLayer {
  const [weights, bias] = weightsOf(dense);
  if (!norm || !batchNorm) return { activation, weights, bias };
  const [gamma, beta, mean, variance] = weightsOf(norm);
  return {
    activation,
    weights,
    bias,
    batchNorm: { place: batchNorm, gamma, beta, mean, variance, epsilon: normEpsilon },
  };
}

/**
 * Returns a hidden layer's first weights, uniform in ±√(6 / (inputs + units)). The deep part's output weights are 0, so the
 * first model predicts the base rate, and even a short training does not end worse.
 *
 * @see Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks (2010), section 4.2.
 */
function initialKernel(inputs: number, units: number, random: Random): Float32Array {
  const limit = Math.sqrt(6 / (inputs + units));
  return Float32Array.from({ length: inputs * units }, () => limit * (2 * random.uniform() - 1));
}

function applied(layer: Layer, inputs: tf.Tensor | tf.Tensor[], training: boolean): tf.Tensor {
  const result: unknown = layer.apply(inputs, { training });
  if (result instanceof tf.Tensor) return result;
  throw new Error(`${layer.name} has one output`);
}

function setWeights(layer: Layer, values: readonly Float32Array[]): void {
  tf.tidy(() =>
    layer.setWeights(layer.weights.map((weight, i) => tf.tensor(values[i], weight.read().shape)))
  );
}

function weightsOf(layer: Layer): Float32Array[] {
  return layer.weights.map((weight) => valuesOf(weight.read()));
}

function variableOf(tensor: tf.Tensor): tf.Variable {
  if (tensor instanceof tf.Variable) return tensor;
  throw new Error("a weight of a layer is not a variable");
}

/** Returns the values of a tensor of float32. May be the tensor's own memory. */
export function valuesOf(tensor: tf.Tensor): Float32Array {
  const values = tensor.dataSync();
  if (values instanceof Float32Array) return values;
  throw new Error("a tensor is not of float32");
}
