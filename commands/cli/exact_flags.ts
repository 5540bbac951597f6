import type { FeatureSpec } from "../../pipeline/examples/spec.ts";
import { solverNames } from "../../pipeline/fit/fit.ts";
import { optimizerNames } from "../../pipeline/fit/minibatch/options.ts";
import { defaultHyperParameters, type HyperParameters } from "../../pipeline/train/hyper_parameters.ts";
import type { Flags, Options } from "./command.ts";
import { type minibatchFlags, solverOf } from "./minibatch_flags.ts";
import { sharedHyperParameters, type trainingFlags } from "./training_flags.ts";

/** The flags of a fit by an exact solver. */
export const exactFlags = {
  penalty: {
    type: "string",
    value: "NAME",
    choices: ["l2", "l1", "elasticnet", "none"],
    default: defaultHyperParameters.penalty,
    help: "penalty on the coefficients",
  },
  C: {
    type: "number",
    value: "C",
    default: defaultHyperParameters.C,
    min: 1e-9,
    max: 1e12,
    help: "inverse strength of the penalty, as in scikit-learn",
  },
  "l1-ratio": {
    type: "number",
    value: "RATIO",
    default: defaultHyperParameters.l1Ratio,
    min: 0,
    max: 1,
    help: "share of l1 in an elastic net",
  },
  solver: {
    type: "string",
    value: "NAME",
    choices: [...solverNames, ...optimizerNames],
    default: defaultHyperParameters.solver,
    help:
      "auto: Newton, or L-BFGS for wide designs; adam and those after it train by mini-batches and are not exact",
  },
  intervals: {
    type: "string",
    value: "HOW",
    choices: ["hessian", "robust", "bootstrap"],
    default: "hessian",
    help:
      "what intervals are from; robust: a covariance by groups, whose rows may depend on each other; bootstrap: curves and tables of " +
      "50 resamples of the groups, with --features auto",
  },
  tolerance: {
    type: "number",
    value: "G",
    default: defaultHyperParameters.tolerance,
    min: 1e-13,
    max: 1e-2,
    help: "largest entry of the gradient at which a fit has converged",
  },
} as const satisfies Flags;

/** Returns the hyper-parameter of `--intervals`: absent for the default. */
export function intervalsOf({ intervals }: Pick<Options<typeof exactFlags>, "intervals">) {
  return intervals === "hessian" ? {} : { intervals };
}

type FitOptions = Options<typeof exactFlags & typeof minibatchFlags & typeof trainingFlags>;

/** @throws {Failure} `usage-invalid` for flags that do not go together. */
export function hyperParametersOf(options: FitOptions, spec: FeatureSpec): HyperParameters {
  const solver = solverOf(options);
  return {
    penalty: options.penalty,
    C: options.C,
    l1Ratio: options["l1-ratio"],
    ...solver,
    // An exact fit stays the optimum; one by mini-batches is near an optimum at best.
    ...(solver.optimizer === undefined ? {} : { calibrate: "auto" }),
    ...sharedHyperParameters(options, spec),
    tolerance: options.tolerance,
    ...intervalsOf(options),
  };
}
