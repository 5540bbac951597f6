import assert from "node:assert/strict";
import { Failure } from "../../../pipeline/failure.ts";
import { type LayersFile, parseLayers } from "../../../pipeline/fit/minibatch/layers_file.ts";
import keras2 from "../../fixtures/layers/keras_2.json" with { type: "json" };
import keras3 from "../../fixtures/layers/keras_3.json" with { type: "json" };
import tfjs4 from "../../fixtures/layers/tfjs_4.json" with { type: "json" };

/** The layers of tests/fixtures/layers.py and layers.ts. */
const expected: LayersFile = {
  hidden: [
    { units: 32, activation: "swish", dropout: 0.25, batchNorm: "before" },
    { units: 16, activation: "relu", batchNorm: "after" },
    { units: 8, activation: "gelu" },
    { units: 4, activation: "linear" },
  ],
  inputColumns: 10,
};

for (const [name, fixture] of Object.entries({ "tfjs 4": tfjs4, "Keras 2": keras2, "Keras 3": keras3 })) {
  Deno.test(`layers file: what ${name} writes is read`, () => {
    assert.deepEqual(parseLayers(JSON.stringify(fixture), "layers.json"), expected);
  });
}

type Config = Record<string, unknown>;

/** Returns one entry of a file. */
function entry(className: string, config: Config = {}, rest: Config = {}): Config {
  return { class_name: className, config, ...rest };
}

const dense = (config: Config = {}) => entry("Dense", { units: 4, activation: "relu", ...config });
const linear = dense({ activation: "linear" });
const norm = (config: Config = {}) => entry("BatchNormalization", config);
const dropout = (rate: unknown = 0.5) => entry("Dropout", { rate });
const activation = (name: unknown = "tanh") => entry("Activation", { activation: name });

function parse(...layers: unknown[]): LayersFile {
  return parseLayers(JSON.stringify({ class_name: "Sequential", config: { layers } }), "layers.json");
}

Deno.test("layers file: batch normalisation is before or after the activation, dropout comes last", () => {
  assert.deepEqual(parse(linear, norm(), activation(), dropout()).hidden, [
    { units: 4, activation: "tanh", dropout: 0.5, batchNorm: "before" },
  ]);
  assert.deepEqual(parse(linear, activation(), norm(), dropout(0)).hidden, [
    { units: 4, activation: "tanh", batchNorm: "after" },
  ]);
  assert.deepEqual(parse(dense(), dense({ activation: null })).hidden, [
    { units: 4, activation: "relu" },
    { units: 4, activation: "linear" },
  ]);
});

Deno.test("layers file: the list of layers may be the config itself, and a file need not name its columns", () => {
  const json = JSON.stringify({ class_name: "Sequential", config: [dense()] });
  assert.deepEqual(parseLayers(json, "layers.json"), { hidden: [{ units: 4, activation: "relu" }] });
});

const shape = (columns: unknown) => ({ build_config: { input_shape: columns } });

/** Files that are rejected, and a part of each message. */
const rejected: Readonly<Record<string, readonly [unknown[], RegExp]>> = {
  "a layer that is not served": [
    [dense(), entry("Conv1D", { name: "c" })],
    /layer 2 \(Conv1D "c"\): expected Dense/,
  ],
  "a layer with code": [[dense(), entry("Lambda", { function: { code: "4wEAAAA" } })], /layer 2 \(Lambda\)/],
  "a class of the user": [
    [entry("Dense", { units: 4 }, { module: "mine", registered_name: "mine>Dense" })],
    /layer 1 \(Dense\): it is a class of your own/,
  ],
  "a registered class": [
    [entry("Dense", { units: 4 }, { module: "keras.layers", registered_name: "a>b" })],
    /your own/,
  ],
  "an activation with code": [
    [dense({ activation: { class_name: "function", config: "mine", module: "builtins" } })],
    /layer 1 \(Dense\): activation is \{"class_name":"function".*expected linear, relu/,
  ],
  "an activation that is not served": [[linear, activation("softmax")], /layer 2 .*"softmax"/],
  "an activation in a list": [[dense({ activation: ["silu"] })], /activation is \["silu"\]/],
  "an activation that has no text": [
    [dense({ activation: { toString: 1 } })],
    /activation is \{"toString":1\}/,
  ],
  "an axis that is no number": [[dense(), norm({ axis: { valueOf: 1, toString: 1 } })], /axis is/],
  "two activations": [[dense(), activation()], /has the activation relu already/],
  "two normalisations": [[linear, norm(), activation(), norm()], /layer 4 .*already/],
  "a regularizer": [
    [dense({ kernel_regularizer: { class_name: "L2" } })],
    /kernel_regularizer is not supported/,
  ],
  "a constraint": [[dense({ kernel_constraint: { class_name: "NonNeg" } })], /kernel_constraint/],
  "a member of another version": [[dense({ lora_rank: 4 })], /lora_rank/],
  "a layer that is not trained": [[dense({ trainable: false })], /trainable/],
  "half precision": [[dense({ dtype: "float16" })], /dtype/],
  "no bias": [[dense({ use_bias: false })], /use_bias is false/],
  "no bias and normalisation after the activation": [
    [dense({ use_bias: false }), norm()],
    /use_bias is false/,
  ],
  "no units": [[entry("Dense", {})], /units is not there, expected an integer from 1 to 4096/],
  "too many units": [[dense({ units: 5_000 })], /units is 5000/],
  "units that are a text": [[dense({ units: "4" })], /units is "4"/],
  "too many layers": [Array.from({ length: 9 }, () => dense()), /layer 9 .*more than 8/],
  "a share that is none": [[dense(), dropout(1)], /rate is 1, expected/],
  "dropout of whole columns": [
    [dense(), entry("Dropout", { rate: 0.5, noise_shape: [null, 1] })],
    /noise_shape/,
  ],
  "dropout before the activation": [[linear, dropout(), activation()], /layer 3 .*after Dropout/],
  "dropout of the inputs": [[dropout(), dense()], /layer 1 .*before the first Dense/],
  "another momentum": [[dense(), norm({ momentum: 0.9 })], /momentum is 0.9, expected 0.99/],
  "another axis": [[dense(), norm({ axis: [2] })], /axis is \[2\]/],
  "normalisation without a shift": [[dense(), norm({ center: false })], /center is false/],
  "an output": [[dense(), dense({ units: 1, activation: "sigmoid" })], /layer 2 .*it is an output/],
  "an input of images": [[dense({ batch_input_shape: [null, 8, 8] })], /shape \[null,8,8\], expected/],
  "a shape that does not fit": [
    [dense(), entry("Dense", { units: 4 }, shape([null, 5]))],
    /layer 2 .*takes 5 columns, and the layer before it gives 4/,
  ],
  "two shapes of the input": [
    [entry("InputLayer", { batch_shape: [null, 7] }), entry("Dense", { units: 4 }, shape([null, 9]))],
    /layer 2 .*takes 9 columns, and the layer before it gives 7/,
  ],
  "no layers": [[], /no Dense/],
  "no Dense": [[dropout()], /no Dense/],
  "a layer that is no object": [[dense(), "Dense"], /layer 2 is not an object/],
};

for (const [what, [layers, message]] of Object.entries(rejected)) {
  Deno.test(`layers file: rejected with the layer: ${what}`, () => {
    assert.throws(
      () => parse(...layers),
      (error) =>
        error instanceof Failure && error.kind === "usage-invalid" && message.test(error.message) &&
        error.message.startsWith("Cannot use the layers of --layers layers.json: "),
    );
  });
}

Deno.test("layers file: what is no Sequential configuration is rejected", () => {
  const texts = ["", "{", "[]", "null", "7", '"Sequential"', '{"class_name":"Functional"}'];
  const configs = ["null", "{}", '{"layers":{}}'].map((config) =>
    `{"class_name":"Sequential","config":${config}}`
  );
  for (const text of [...texts, ...configs]) {
    assert.throws(
      () => parseLayers(text, "layers.json"),
      (error) => error instanceof Failure && error.kind === "usage-invalid",
      text,
    );
  }
});
