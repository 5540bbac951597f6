import { createHash } from "node:crypto";
import type { ArtifactMetadata } from "./artifact_metadata.ts";

export const weightsFile = "weights.bin";

/** One weight array of the manifest. */
interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** Name of the output layer, whose value is the probability. */
const clickLayer = "click";
const inputLayer = "columns";
const wideLayer = "wide";
const deepLayer = "deep";

function hiddenLayer(index: number): string {
  return `hidden_${index + 1}`;
}

/** Returns all weights in the format of tfjs: little-endian float32, in the order of the manifest. */
export function weightsOf(metadata: ArtifactMetadata): Uint8Array<ArrayBuffer> {
  const weights = weightList(metadata);
  const count = weights.reduce((sum, { values }) => sum + values.length, 0);
  // Deno runs on little-endian machines only.
  const floats = new Float32Array(count);
  let at = 0;
  for (const { values } of weights) {
    // −0 is written as 0, since JSON has no −0 and both files must agree.
    for (let i = 0; i < values.length; i++) floats[at++] = values[i] + 0;
  }
  return new Uint8Array(floats.buffer);
}

/**
 * Returns a model over the encoded columns in the tfjs layers format: one dense unit with a sigmoid; with hidden layers, the
 * sum of a wide and a deep part before the sigmoid.
 *
 * @see tfjs-core `io/types.ts`: ModelJSON, WeightsManifestConfig.
 */
export function layersModel(metadata: ArtifactMetadata, weights: Uint8Array): Record<string, unknown> {
  return {
    format: "layers-model",
    generatedBy: `clickwell ${metadata.program}`,
    convertedBy: null,
    modelTopology: {
      ...topologyOf(metadata),
      keras_version: "tfjs-layers 4.22.0",
      backend: "tensor_flow.js",
    },
    weightsManifest: [{
      paths: [weightsFile],
      weights: weightList(metadata).map(({ name, shape }) => ({ name, shape, dtype: "float32" })),
    }],
    userDefinedMetadata: { ...metadata, weightsSha256: createHash("sha256").update(weights).digest("hex") },
  };
}

function weightList({ coefficients, intercept, network }: ArtifactMetadata): Weight[] {
  const columns = coefficients.length;
  const wide = network ? wideLayer : clickLayer;
  const list: Weight[] = [
    { name: `${wide}/kernel`, shape: [columns, 1], values: coefficients },
    { name: `${wide}/bias`, shape: [1], values: [intercept] },
  ];
  if (!network) return list;
  let inputs = columns;
  network.layers.forEach(({ weights, bias }, i) => {
    const name = hiddenLayer(i);
    list.push({ name: `${name}/kernel`, shape: [inputs, bias.length], values: weights });
    list.push({ name: `${name}/bias`, shape: [bias.length], values: bias });
    inputs = bias.length;
  });
  list.push({ name: `${deepLayer}/kernel`, shape: [inputs, 1], values: network.output });
  return list;
}

function topologyOf({ coefficients, network }: ArtifactMetadata): Record<string, unknown> {
  const columns = coefficients.length;
  if (!network) {
    const dense = {
      ...denseConfig(clickLayer, 1, "sigmoid", true),
      batch_input_shape: [null, columns],
      dtype: "float32",
    };
    return {
      class_name: "Sequential",
      config: { name: "clickwell", layers: [{ class_name: "Dense", config: dense }] },
    };
  }
  const hidden = network.layers.map(({ activation, bias }, i) =>
    node("Dense", denseConfig(hiddenLayer(i), bias.length, activation, true), [
      i === 0 ? inputLayer : hiddenLayer(i - 1),
    ])
  );
  const layers = [
    node(
      "InputLayer",
      { name: inputLayer, batch_input_shape: [null, columns], dtype: "float32", sparse: false },
      [],
    ),
    node("Dense", denseConfig(wideLayer, 1, "linear", true), [inputLayer]),
    ...hidden,
    node("Dense", denseConfig(deepLayer, 1, "linear", false), [hiddenLayer(hidden.length - 1)]),
    node("Add", { name: "logit", trainable: true }, [wideLayer, deepLayer]),
    node("Activation", { name: clickLayer, trainable: true, activation: "sigmoid" }, ["logit"]),
  ];
  return {
    class_name: "Model",
    config: {
      name: "clickwell",
      layers,
      input_layers: [[inputLayer, 0, 0]],
      output_layers: [[clickLayer, 0, 0]],
    },
  };
}

/** Returns a layer of a functional model. @param inputs Names of the layers whose outputs it takes. */
function node(
  className: string,
  config: Readonly<Record<string, unknown>> & { readonly name: string },
  inputs: readonly string[],
): Record<string, unknown> {
  return {
    class_name: className,
    config,
    name: config.name,
    inbound_nodes: inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}])],
  };
}

function denseConfig(name: string, units: number, activation: string, useBias: boolean) {
  const initializer = { class_name: "Zeros", config: {} };
  return {
    name,
    trainable: true,
    units,
    activation,
    use_bias: useBias,
    kernel_initializer: initializer,
    bias_initializer: initializer,
    kernel_regularizer: null,
    bias_regularizer: null,
    activity_regularizer: null,
    kernel_constraint: null,
    bias_constraint: null,
  };
}
