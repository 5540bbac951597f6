import { Failure } from "../../failure.ts";
import { hiddenLayersMax, hiddenUnitsMax, layerActivations } from "./hidden_layers.ts";
import type { HiddenLayer } from "./options.ts";
import { isObject, parseJsonOfDoubles } from "../../exact_json.ts";

/** The hidden layers of a file that tfjs or Keras wrote. */
export interface LayersFile {
  readonly hidden: readonly HiddenLayer[];
  /** Columns that the first layer takes; absent if the file does not name them. */
  readonly inputColumns?: number;
}

/** A hidden layer while the entries after its Dense are read. */
interface OpenLayer {
  units: number;
  activation: HiddenLayer["activation"];
  batchNorm?: "before" | "after";
  dropout?: number;
  readonly hasBias: boolean;
  /** Position of its Dense, for messages. */
  readonly place: string;
}

/** One entry of the file. */
interface Entry {
  /** Removes a member of the entry's config, and returns it. */
  take(name: string): unknown;
  fail(what: string): never;
  readonly place: string;
}

/** Members that do not change what is trained: first weights and seeds are those of `--seed`. */
const ignored = /^(name|seed|\w+_initializer|renorm_momentum|batch_shape|batch_input_shape)$/;

/** Keras has two names for swish. */
const activationAliases = new Map([["silu", "swish"]]);

/**
 * Parses a Sequential configuration, as `toJSON()` of tfjs and `to_json()` of Keras 2 and 3 write it. It holds hidden layers
 * only: Dense, each with Activation, BatchNormalization and Dropout after it.
 *
 * @param path Of the file, for messages.
 * @throws {Failure} `usage-invalid` with the layer, for what cannot be trained and served.
 */
export function parseLayers(json: string, path: string): LayersFile {
  const reject = (what: string): never => {
    throw new Failure("usage-invalid", `Cannot use the layers of --layers ${path}: ${what}.`);
  };
  const layers: OpenLayer[] = [];
  let inputColumns: number | undefined;
  for (const [i, value] of entriesOf(json, reject).entries()) {
    const { entry, className, config, shapes } = entryOf(value, i, reject);
    for (const columns of shapes.map((shape) => columnsOf(shape, entry))) {
      if (columns === undefined) continue;
      if (layers.length === 0) inputColumns ??= columns;
      const given = layers.at(-1)?.units ?? inputColumns;
      if (columns !== given) {
        entry.fail(`it takes ${columns} columns, and the layer before it gives ${given}`);
      }
    }
    readEntry(className, entry, layers, i);
    for (const [name, member] of config) {
      if (member !== null && member !== false && !ignored.test(name)) {
        entry.fail(`${name} is not supported: leave it out`);
      }
    }
  }
  return {
    hidden: layers.map((layer, i) => hiddenLayerOf(layer, i === layers.length - 1, reject)),
    ...(inputColumns === undefined ? {} : { inputColumns }),
  };
}

function entriesOf(json: string, reject: (what: string) => never): readonly unknown[] {
  let value: unknown;
  try {
    value = parseJsonOfDoubles(json);
  } catch (error) {
    return reject(`it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (!isObject(value) || value.class_name !== "Sequential") {
    return reject('expected an object with "class_name": "Sequential", as toJSON() and to_json() write it');
  }
  // In early versions of Keras 2, the config is the list itself.
  const layers = isObject(value.config) ? value.config.layers : value.config;
  if (!Array.isArray(layers)) return reject("config.layers is not a list");
  if (!layers.some((layer) => isObject(layer) && layer.class_name === "Dense")) {
    return reject("it has no Dense layer");
  }
  return layers;
}

function entryOf(value: unknown, index: number, reject: (what: string) => never) {
  const number = `layer ${index + 1}`;
  if (!isObject(value) || typeof value.class_name !== "string" || !isObject(value.config)) {
    return reject(`${number} is not an object with class_name and config`);
  }
  const { class_name: className, module, registered_name: registeredName } = value;
  const config = new Map(Object.entries(value.config));
  const name = config.get("name");
  const place = `${number} (${className}${typeof name === "string" ? ` "${name}"` : ""})`;
  const entry: Entry = {
    place,
    take(member) {
      const taken = config.get(member);
      config.delete(member);
      return taken;
    },
    fail: (what) => reject(`${place}: ${what}`),
  };
  const isKeras = typeof module === "string" && /^keras(\.layers)?$/.test(module);
  if ((module !== undefined && !isKeras) || (registeredName ?? null) !== null) {
    entry.fail("it is a class of your own, and code is not read");
  }
  if ((entry.take("trainable") ?? true) !== true) entry.fail("trainable is false, expected true");
  const dtype = entry.take("dtype") ?? "float32";
  const policy = isObject(dtype) && isObject(dtype.config) ? dtype.config.name : dtype;
  if (policy !== "float32") entry.fail("dtype is not float32, which layers are trained in");
  const build = value.build_config;
  const shapes = [
    config.get("batch_shape"),
    config.get("batch_input_shape"),
    isObject(build) && build.input_shape,
  ];
  return { entry, className, config, shapes };
}

/** Returns the columns of a shape such as [null, 70]; undefined if there is none. */
function columnsOf(shape: unknown, { fail }: Entry): number | undefined {
  if (shape === undefined || shape === null || shape === false) return undefined;
  const [rows, columns] = Array.isArray(shape) && shape.length === 2 ? shape : [NaN, NaN];
  if (rows !== null || (columns !== null && !(Number.isSafeInteger(columns) && columns > 0))) {
    fail(
      `its input has the shape ${JSON.stringify(shape).slice(0, 80)}, expected rows of columns: [null, 70]`,
    );
  }
  return columns ?? undefined;
}

function readEntry(className: string, entry: Entry, layers: OpenLayer[], index: number): void {
  const { take, fail, place } = entry;
  if (className === "InputLayer" && index === 0) return;
  if (className === "Dense") {
    if (layers.length === hiddenLayersMax) fail(`there are more than ${hiddenLayersMax} Dense layers`);
    layers.push({
      units: unitsOf(entry),
      activation: activationOf(entry),
      hasBias: take("use_bias") !== false,
      place,
    });
    return;
  }
  if (!["Activation", "BatchNormalization", "Dropout"].includes(className)) {
    fail("expected Dense, Activation, BatchNormalization or Dropout");
  }
  const layer = layers.at(-1) ?? fail("it comes before the first Dense, expected after it");
  if (layer.dropout !== undefined) fail("it comes after Dropout, expected a Dense");
  if (className === "Dropout") {
    const rate = take("rate");
    if (!(typeof rate === "number" && rate >= 0 && rate < 1)) {
      return fail(`rate is ${shown(rate)}, expected a number from 0 to below 1`);
    }
    layer.dropout = rate;
  } else if (className === "Activation") {
    if (layer.activation !== "linear") fail(`the layer has the activation ${layer.activation} already`);
    layer.activation = activationOf(entry);
  } else {
    requireDefaults(entry);
    if (layer.batchNorm !== undefined) fail("the layer has a BatchNormalization already");
    layer.batchNorm = layer.activation === "linear" ? "before" : "after";
  }
}

function unitsOf({ take, fail }: Entry): number {
  const units = take("units");
  if (typeof units === "number" && Number.isInteger(units) && units >= 1 && units <= hiddenUnitsMax) {
    return units;
  }
  return fail(`units is ${shown(units)}, expected an integer from 1 to ${hiddenUnitsMax}`);
}

function activationOf({ take, fail }: Entry): HiddenLayer["activation"] {
  const given = take("activation") ?? "linear";
  const name = typeof given === "string" ? activationAliases.get(given) ?? given : given;
  return layerActivations.find((known) => known === name) ??
    fail(`activation is ${shown(given)}, expected ${layerActivations.join(", ")}`);
}

/** Requires the settings of a BatchNormalization that training has. */
function requireDefaults({ take, fail }: Entry): void {
  const axis = take("axis") ?? -1;
  const last: unknown = Array.isArray(axis) && axis.length === 1 ? axis[0] : axis;
  if (last !== -1 && last !== 1) fail(`axis is ${shown(axis)}, expected -1`);
  const expected = { momentum: 0.99, epsilon: 0.001, center: true, scale: true };
  for (const [name, value] of Object.entries(expected)) {
    const given = take(name) ?? value;
    if (given !== value) fail(`${name} is ${shown(given)}, expected ${value}`);
  }
}

function hiddenLayerOf(layer: OpenLayer, isLast: boolean, reject: (what: string) => never): HiddenLayer {
  const { units, activation, batchNorm, dropout = 0, hasBias, place } = layer;
  if (!hasBias && batchNorm !== "before") {
    return reject(
      `${place}: use_bias is false, expected true without a BatchNormalization before the activation`,
    );
  }
  if (isLast && units === 1 && (activation === "sigmoid" || activation === "linear")) {
    return reject(
      `${place}: it is an output, and the file is of hidden layers: leave it out, one is added in training`,
    );
  }
  return {
    units,
    activation,
    ...(dropout === 0 ? {} : { dropout }),
    ...(batchNorm === undefined ? {} : { batchNorm }),
  };
}

function shown(value: unknown): string {
  return value === undefined ? "not there" : JSON.stringify(value).slice(0, 80);
}
