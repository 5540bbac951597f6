import { Failure } from "../../failure.ts";
import { activationNames } from "../../model/activations.ts";
import type { HiddenLayer } from "./options.ts";

export const hiddenLayersMax = 8;
export const hiddenUnitsMax = 4_096;
export const layerActivations = ["linear", ...activationNames] as const;
export const batchNormPlaces = ["before", "after"] as const;

const defaultActivation = "relu";

/**
 * Parses hidden layers: their units, separated by commas, each followed by the layer's other settings, as
 * `64:tanh:dropout=0.2:batch-norm=before,32`.
 *
 * @param defaults Settings of layers that do not name their own; relu by default.
 * @throws {Failure} `usage-invalid`
 */
export function parseHidden(text: string, defaults: Partial<HiddenLayer> = {}): HiddenLayer[] {
  if (text === "") return [];
  const layers = text.split(",").map((word) => {
    const layer = parseLayer(word.trim());
    return layer && { activation: defaultActivation, ...defaults, ...layer } satisfies HiddenLayer;
  });
  const known = layers.flatMap((layer) => layer === undefined ? [] : [layer]);
  if (known.length === layers.length && layers.length <= hiddenLayersMax) return known;
  throw new Failure(
    "usage-invalid",
    `--hidden is "${text}", expected the units of up to ${hiddenLayersMax} layers, each from 1 to ${hiddenUnitsMax}, ` +
      "separated by commas: --hidden 32,16, or with settings: --hidden 64:tanh:dropout=0.2,16:batch-norm=before",
  );
}

/** @returns undefined if the text is not a layer. */
function parseLayer(text: string): (Pick<HiddenLayer, "units"> & Partial<HiddenLayer>) | undefined {
  const [unitsText, ...settings] = text.split(":");
  const units = /^[0-9]{1,6}$/.test(unitsText) ? Number(unitsText) : 0;
  if (units < 1 || units > hiddenUnitsMax) return undefined;
  const parsed = settings.map(parseSetting);
  const names = parsed.flatMap((setting) => Object.keys(setting ?? {}));
  if (parsed.includes(undefined) || new Set(names).size < settings.length) return undefined;
  return { units, ...Object.assign({}, ...parsed) };
}

/** @returns undefined if the text is not a setting. */
function parseSetting(text: string): Partial<HiddenLayer> | undefined {
  const activation = layerActivations.find((name) => name === text);
  if (activation) return { activation };
  const batchNorm = batchNormPlaces.find((place) => `batch-norm=${place}` === text);
  if (batchNorm) return { batchNorm };
  const [, share] = /^dropout=([0-9]*\.?[0-9]+(?:e-?[0-9]{1,3})?)$/.exec(text) ?? [];
  return Number(share) < 1 ? { dropout: Number(share) } : undefined;
}

/** Returns the text that `parseHidden` reads; without settings that are the defaults, so that the same layers have one text. */
export function hiddenText(layers: readonly HiddenLayer[]): string {
  return layers.map(({ units, activation, dropout = 0, batchNorm }) =>
    [
      units,
      ...(activation === defaultActivation ? [] : [activation]),
      ...(batchNorm === undefined ? [] : [`batch-norm=${batchNorm}`]),
      ...(dropout === 0 ? [] : [`dropout=${dropout}`]),
    ].join(":")
  ).join(",");
}
