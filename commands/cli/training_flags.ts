import { parseDuration } from "../../pipeline/examples/duration.ts";
import { defaultSpec, type FeatureSpec } from "../../pipeline/examples/spec.ts";
import { requireTime } from "../../pipeline/examples/time_split.ts";
import { usageInvalid } from "../../pipeline/failure.ts";
import { defaultHyperParameters, type HyperParameters } from "../../pipeline/train/hyper_parameters.ts";
import { calibrationChoices } from "../../pipeline/fit/calibration/calibrate.ts";
import type { Flags, Options } from "./command.ts";
import { resourceFlags } from "./resource_flags.ts";
import { readSpec } from "./spec_file.ts";

/** The flags that `train` and `sweep` share: which rows are trained on, and how long a fit may take. */
export const trainingFlags = {
  seed: {
    type: "integer",
    value: "N",
    default: defaultHyperParameters.seed,
    min: 0,
    max: 2 ** 32 - 1,
    help: "random seed",
  },
  "test-share": {
    type: "number",
    value: "SHARE",
    default: defaultHyperParameters.testShare,
    min: 0,
    max: 0.9,
    help: "share of the groups to hold out for testing; with --split time or both: of the rows",
  },
  split: {
    type: "string",
    value: "HOW",
    choices: ["group", "time", "both"],
    help:
      "hold out groups, the last rows by time, or both: the last rows, whose groups leave the training; default: both if the spec names a time, else group",
  },
  mature: {
    type: "string",
    value: "DURATION",
    help:
      "leave out rows that are younger than this, as 12h, 7d or 2w, counted from the newest row: their label may still change",
  },
  "split-hash": {
    type: "string",
    value: "NAME",
    choices: ["fnv", "sha256"],
    help:
      "hash of a group, by which it is held out; sha256 is one that SQL engines compute, too; default: fnv, with --engine sha256",
  },
  negatives: {
    type: "number",
    value: "SHARE",
    default: defaultHyperParameters.negatives,
    min: 1e-6,
    max: 1,
    help: "share of the training rows with label 0 to keep; the intercept is corrected for it",
  },
  "class-weight": {
    type: "string",
    value: "NAME",
    choices: ["none", "balanced"],
    default: defaultHyperParameters.classWeight,
    help: "balanced: give both classes the same total weight; the intercept is corrected for it",
  },
  calibrate: {
    type: "string",
    value: "HOW",
    choices: calibrationChoices,
    help:
      "map of the log-odds, fitted to out-of-fold rows: platt, isotonic, auto (a map only if it is better) or none; default: none, but auto for mini-batches and found features",
  },
  spec: {
    type: "string",
    value: "FILE",
    path: "whole",
    help: "feature spec, as JSON; default: that of loan offers",
  },
  iterations: {
    type: "integer",
    value: "N",
    default: defaultHyperParameters.iterationsMax,
    min: 1,
    max: 100_000,
    help: "maximum number of passes over the data, for each fit",
  },
  ...resourceFlags,
} as const satisfies Flags;

type TrainingOptions = Options<typeof trainingFlags>;

export function specOf({ spec }: Pick<TrainingOptions, "spec">): FeatureSpec {
  return spec === undefined ? defaultSpec() : readSpec(spec);
}

type SharedHyperParameters = Pick<
  HyperParameters,
  | "seed"
  | "testShare"
  | "negatives"
  | "classWeight"
  | "iterationsMax"
  | "split"
  | "matureSeconds"
  | "calibrate"
  | "splitHash"
>;

/**
 * Returns the hyper-parameters that the shared flags set.
 * @throws {Failure} `usage-invalid` for a `--split` or `--mature` that needs a time, if the spec names none.
 */
export function sharedHyperParameters(options: TrainingOptions, spec: FeatureSpec): SharedHyperParameters {
  return {
    seed: options.seed,
    testShare: options["test-share"],
    negatives: options.negatives,
    classWeight: options["class-weight"],
    iterationsMax: options.iterations,
    ...(options.calibrate === undefined ? {} : { calibrate: options.calibrate }),
    ...splitOf(options, spec),
    ...(options["split-hash"] === "sha256" ? { splitHash: "sha256" } : {}),
  };
}

/** A split by group has no setting, as before there were others. */
function splitOf(
  { split: wanted, mature }: Pick<TrainingOptions, "split" | "mature">,
  spec: FeatureSpec,
): Pick<HyperParameters, "split" | "matureSeconds"> {
  const split = wanted ?? (spec.time === undefined ? "group" : "both");
  if (split !== "group") requireTime(spec, `--split ${split}`);
  if (mature !== undefined) requireTime(spec, "--mature");
  const matureSeconds = mature === undefined ? undefined : parseDuration(mature);
  if (mature !== undefined && matureSeconds === undefined) {
    throw usageInvalid(`--mature is ${JSON.stringify(mature)}, expected a duration such as 12h, 7d or 2w.`);
  }
  return {
    ...(split === "group" ? {} : { split }),
    ...(matureSeconds === undefined ? {} : { matureSeconds }),
  };
}
