import assert from "node:assert/strict";
import { Failure } from "../../../pipeline/failure.ts";
import { hiddenText, parseHidden } from "../../../pipeline/fit/minibatch/hidden_layers.ts";
import type { HiddenLayer } from "../../../pipeline/fit/minibatch/options.ts";

Deno.test("hidden layers: --hidden is the units of layers, each with settings of its own", () => {
  assert.deepEqual(parseHidden(""), []);
  assert.deepEqual(parseHidden("32, 16"), [
    { units: 32, activation: "relu" },
    { units: 16, activation: "relu" },
  ]);
  assert.deepEqual(parseHidden("64:tanh:dropout=0.2:batch-norm=before,8:linear,4:dropout=0"), [
    { units: 64, activation: "tanh", dropout: 0.2, batchNorm: "before" },
    { units: 8, activation: "linear" },
    { units: 4, activation: "relu", dropout: 0 },
  ]);
});

Deno.test("hidden layers: defaults are of the layers that do not name their own", () => {
  assert.deepEqual(
    parseHidden("8,4:gelu:dropout=0", { activation: "elu", dropout: 0.5, batchNorm: "after" }),
    [
      { units: 8, activation: "elu", dropout: 0.5, batchNorm: "after" },
      { units: 4, activation: "gelu", dropout: 0, batchNorm: "after" },
    ],
  );
});

Deno.test("hidden layers: the text is short, the same for the same layers, and read back", () => {
  const layers: HiddenLayer[] = [
    { units: 32, activation: "relu", dropout: 0 },
    { units: 16, activation: "swish", dropout: 0.125, batchNorm: "after" },
    { units: 8, activation: "linear", dropout: 1e-7 },
  ];
  const text = hiddenText(layers);
  assert.equal(text, "32,16:swish:batch-norm=after:dropout=0.125,8:linear:dropout=1e-7");
  assert.equal(hiddenText(parseHidden(text)), text);
  assert.equal(
    hiddenText(parseHidden("32:relu, 16:dropout=0.125:swish:batch-norm=after,8:linear:dropout=1e-7")),
    text,
  );
});

Deno.test("hidden layers: any other text is rejected", () => {
  const texts = [
    ["0", "32,", "32;16", "1.5", "5000", "1,2,3,4,5,6,7,8,9", "wide"],
    ["8:softmax", "8:", "8:dropout=1", "8:dropout=-0.5", "8:dropout=", "8:dropout=.", "8:batch-norm"],
    ["8:batch-norm=between", "8:tanh:relu", "8:dropout=0.1:dropout=0.2", "8:constructor", "8:__proto__"],
  ].flat();
  for (const text of texts) {
    assert.throws(
      () => parseHidden(text),
      (error) =>
        error instanceof Failure && error.kind === "usage-invalid" && error.message.includes(`"${text}"`),
      text,
    );
  }
});
