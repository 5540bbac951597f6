import { Failure, usageInvalid } from "../../pipeline/failure.ts";
import { type SolverName, solverNames } from "../../pipeline/fit/fit.ts";
import {
  batchNormPlaces,
  hiddenText,
  layerActivations,
  parseHidden,
} from "../../pipeline/fit/minibatch/hidden_layers.ts";
import { parseLayers } from "../../pipeline/fit/minibatch/layers_file.ts";
import {
  defaultLearningRates,
  defaultMinibatch,
  type MinibatchParameters,
  minibatchParameters,
  type OptimizerName,
  optimizerNames,
} from "../../pipeline/fit/minibatch/options.ts";
import type { TrainObserver } from "../../pipeline/train/fit_model.ts";
import type { Flags, Options } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/** The flags of training by mini-batches, with or without hidden layers. */
export const minibatchFlags = {
  hidden: {
    type: "string",
    value: "UNITS",
    help:
      "units of hidden layers, as 32,16: a wide-and-deep model, trained by adam if --solver names no other",
  },
  activation: {
    type: "string",
    value: "NAME",
    choices: layerActivations,
    help: "with --hidden: activation of the layers; default: relu",
  },
  dropout: {
    type: "number",
    value: "SHARE",
    min: 0,
    max: 0.99,
    help: "with --hidden: share of each layer's outputs that a training step drops; default: 0",
  },
  "batch-norm": {
    type: "string",
    value: "PLACE",
    choices: batchNormPlaces,
    help: "with --hidden: normalise batches before or after each activation; default: neither",
  },
  layers: {
    type: "string",
    value: "FILE",
    path: "whole",
    help: "hidden layers as a Sequential model that tfjs or Keras wrote as JSON, in place of --hidden",
  },
  epochs: {
    type: "integer",
    value: "N",
    min: 1,
    max: 10_000,
    help: `mini-batches: passes over the training rows; default: ${defaultMinibatch.epochs}`,
  },
  "batch-size": {
    type: "integer",
    value: "ROWS",
    min: 1,
    max: 65_536,
    help: `mini-batches: rows per step; default: ${defaultMinibatch.batchSize}`,
  },
  "learning-rate": {
    type: "number",
    value: "RATE",
    min: 1e-9,
    max: 100,
    help:
      `mini-batches: step size; default: that of the solver, ${defaultLearningRates.adam} for adam and ${defaultLearningRates.sgd} for sgd`,
  },
  patience: {
    type: "integer",
    value: "EPOCHS",
    min: 0,
    max: 10_000,
    help:
      "mini-batches: stop after this many epochs without a better loss on the validation rows; default: never",
  },
  "validation-share": {
    type: "number",
    value: "SHARE",
    min: 0.001,
    max: 0.9,
    help:
      `with --patience: share of the training groups to validate on; default: ${defaultMinibatch.validationShare}`,
  },
} as const satisfies Flags;

type MinibatchChoice = Options<typeof minibatchFlags> & { readonly solver: SolverName | OptimizerName };

/**
 * Returns the exact solver, or the optimizer of mini-batches and its settings. Hidden layers have no exact solver.
 *
 * @throws {Failure} `usage-invalid` for settings of mini-batches with an exact solver.
 */
export function solverOf(
  { solver, ...options }: MinibatchChoice,
): { solver: SolverName } & Partial<MinibatchParameters> {
  const optimizer = optimizerNames.find((name) => name === solver) ??
    (solver === "auto" && (options.hidden ?? options.layers) !== undefined ? "adam" : undefined);
  if (optimizer !== undefined) {
    return { solver: "auto", ...minibatchParameters({ optimizer, ...settingsOf(options) }) };
  }
  const [idle] = Object.entries(options)
    .flatMap(([name, value]) => Object.hasOwn(minibatchFlags, name) && value !== undefined ? [name] : []);
  if (idle !== undefined) {
    throw usageInvalid(
      `--${idle} is for training by mini-batches and the solver is ${solver}: use --solver adam or another of mini-batches, or leave it out.`,
    );
  }
  return { solver: solverNames.find((name) => name === solver) ?? "auto" };
}

/** Returns the settings that were given. */
function settingsOf(options: Options<typeof minibatchFlags>): Partial<MinibatchParameters> {
  const { epochs, patience } = options;
  const given = {
    ...layersOf(options),
    epochs,
    batchSize: options["batch-size"],
    learningRate: options["learning-rate"],
    patience,
    validationShare: options["validation-share"],
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

const layerFlags = ["activation", "dropout", "batch-norm"] as const;
/** A file of layers has a few kilobytes. */
const layersBytesMax = 2 ** 20;

/** Returns the hidden layers in their normal form, so that the same layers give the same model. */
function layersOf(options: Options<typeof minibatchFlags>): Partial<MinibatchParameters> {
  const { activation, dropout, hidden, layers: path } = options;
  const settings = layerFlags.find((name) => options[name] !== undefined);
  if (path !== undefined) {
    const other = hidden === undefined ? settings : "hidden";
    if (other === undefined) return fromFile(path);
    throw usageInvalid(`--layers has all of the hidden layers: leave out --${other}.`);
  }
  if (hidden === undefined) {
    if (settings === undefined) return {};
    throw usageInvalid(`--${settings} is of hidden layers: add --hidden, as in --hidden 32,16.`);
  }
  const batchNorm = options["batch-norm"];
  return {
    hidden: hiddenText(parseHidden(hidden, {
      ...(activation === undefined ? {} : { activation }),
      ...(dropout === undefined ? {} : { dropout }),
      ...(batchNorm === undefined ? {} : { batchNorm }),
    })),
  };
}

function fromFile(path: string): Partial<MinibatchParameters> {
  let text: string;
  try {
    if (Deno.statSync(path).size > layersBytesMax) {
      throw usageInvalid(`Cannot use the layers of --layers ${path}: it has more than 1 MiB.`);
    }
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure("file-missing", `Cannot read --layers ${path}: it does not exist or is not readable.`);
  }
  const { hidden, ...rest } = parseLayers(text, path);
  return { hidden: hiddenText(hidden), ...rest };
}

/** Reports each epoch as a line; with `--json`, as JSON lines on standard error. */
export function epochObserver(terminal: Terminal, json: boolean): NonNullable<TrainObserver["epoch"]> {
  const startedAt = performance.now();
  let lastAt = startedAt;
  return ({ epoch, epochs, rows, loss, validationLoss }) => {
    const at = performance.now();
    const [took, seconds] = [(at - lastAt) / 1000, (at - startedAt) / 1000];
    lastAt = at;
    // The first epoch includes the time to read the data.
    const left = epoch === epochs ? 0 : epoch > 1 ? took * (epochs - epoch) : null;
    if (json) {
      return terminal.say(JSON.stringify({
        epoch,
        epochs,
        rows,
        loss,
        ...(validationLoss === undefined ? {} : { validation_loss: validationLoss }),
        seconds,
        seconds_left: left,
      }));
    }
    const validation = validationLoss === undefined ? "" : `  validation ${validationLoss.toFixed(6)}`;
    const speed = took > 0 && epoch > 1 ? `  ${Math.round(rows / took).toLocaleString("en")} rows/s` : "";
    const remaining = left === null || left === 0 ? "" : `  about ${left.toFixed(1)} s left`;
    terminal.say(`  epoch ${epoch} of ${epochs}  loss ${loss.toFixed(6)}${validation}${speed}${remaining}`);
  };
}
