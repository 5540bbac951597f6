import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";

type Solver = ArtifactMetadata["solver"];

/** Describes the convergence criterion that a fit met; undefined for a model whose metadata lacks it. */
export function convergenceWords({ criterion, step = NaN, decrease = NaN }: Solver): string | undefined {
  switch (criterion) {
    case undefined:
      return undefined;
    case "step":
      return `the gradient is within the tolerance, and the next step would change no coefficient by more than ${
        short(step)
      }`;
    case "rounding":
      return `the gradient is within the tolerance, and the rounding of the data keeps steps of ${
        short(step)
      } from shrinking`;
    case "gradient":
      return "the gradient is within the tolerance";
    case "decrease":
      return `the objective can fall by at most ${short(decrease)} of its value`;
    case "subgradient":
      return "the minimum-norm subgradient is within the tolerance";
    case "epochs":
      return "mini-batches end after their epochs";
    case "early-stopping":
      return "mini-batches ended when the validation rows' loss no longer fell";
    default:
      return criterion;
  }
}

/** Returns the members for `--json`. */
export function convergenceMembers({ criterion, step, decrease }: Solver): Record<string, unknown> {
  return {
    ...(criterion === undefined ? {} : { criterion }),
    ...(step === undefined ? {} : { step }),
    ...(decrease === undefined ? {} : { decrease }),
  };
}

function short(value: number): string {
  return value.toExponential(1);
}
