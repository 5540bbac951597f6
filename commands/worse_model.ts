import type { PairedTest } from "../pipeline/evaluate/comparison.ts";
import type { Evaluation } from "../pipeline/evaluate/evaluation.ts";
import { Failure, usageInvalid } from "../pipeline/failure.ts";
import type { Flags, Result } from "./cli/command.ts";

/** The p-value below which a difference is more than chance explains, as the report of an evaluation puts it. */
const significance = 0.05;

/** The flag of `evaluate` by which a pipeline stops before it activates a worse model. */
export const gateFlag = {
  "fail-if-worse": {
    type: "boolean",
    help:
      "exit with 1 if the log loss is higher than that of --against, or else of the model in production, by more than chance explains",
  },
} as const satisfies Flags;

/** @throws {Failure} `usage-invalid` if the model would be compared with itself. */
export function requireAnother(
  model: string | undefined,
  options: { readonly "fail-if-worse": boolean; readonly against: string | undefined },
): void {
  if (!options["fail-if-worse"] || model !== undefined || options.against !== undefined) return;
  throw usageInvalid(
    "--fail-if-worse compares with the model in production: name the model to evaluate, clickwell evaluate MODEL --fail-if-worse",
  );
}

/**
 * @param result What `--json` prints with the failure.
 * @throws {Failure} `model-worse`
 */
export function requireNotWorse(modelId: string, { against }: Evaluation, result: Result): void {
  if (against === undefined || !isWorse(against.test)) return;
  const { difference, p_value } = against.test;
  const words = p_value === null ? "" : ` (p = ${p_value.toPrecision(2)})`;
  throw new Failure(
    "model-worse",
    `${modelId} is worse than ${against.model_id}: its log loss is ${
      (-difference).toFixed(4)
    } higher, more than chance ` +
      `explains${words}. Keep the other one in production; clickwell models compare ${against.model_id} ${modelId} shows ` +
      "what differs.",
    [],
    result ?? {},
  );
}

/** With fewer than two groups there is no test, and any difference counts. */
function isWorse({ difference, standard_error, p_value }: PairedTest): boolean {
  return difference < 0 && (standard_error === null || (p_value !== null && p_value < significance));
}
