import { Failure, type FieldError } from "../pipeline/failure.ts";
import { clearFindings, type Findings } from "../pipeline/model/predictor.ts";
import type { ServingModel } from "./serving_model.ts";
import { countPrediction } from "./tally.ts";

/**
 * The one way from a row to a probability: every door of the server comes through here, so that all of them answer the
 * same and all are counted.
 *
 * @param row One row of raw fields, as it was parsed; whatever it is, it is checked here.
 * @param findings Emptied first. What is found about the row is in it afterwards.
 * @returns NaN where the row is not valid: {@link rowFailure} then says why.
 */
export function scoreRow(model: ServingModel, row: unknown, findings: Findings): number {
  clearFindings(findings);
  if (!isRow(row)) {
    findings.errors.push({ pointer: "#", detail: `must be an object, not ${nameOf(row)}` });
    return NaN;
  }
  const probability = model.predictor.predict(row, findings);
  if (probability === probability) countPrediction(model.tally, probability, findings);
  return probability;
}

export function isRow(row: unknown): row is Readonly<Record<string, unknown>> {
  return typeof row === "object" && row !== null && !Array.isArray(row);
}

function nameOf(row: unknown): string {
  return row === null
    ? "null"
    : Array.isArray(row)
    ? "an array"
    : row === undefined
    ? "nothing"
    : `a ${typeof row}`;
}

/** Why a row has no probability, as the failure `input-invalid` with a pointer per bad field. */
export function rowFailure({ predictor }: ServingModel, errors: readonly FieldError[]): Failure {
  if (errors.length === 0) {
    // Each field is a number, and their sum is ∞ − ∞.
    return new Failure("input-invalid", "The fields' values are too large for this model to be added up.");
  }
  if (errors[0].pointer === "#") {
    return new Failure(
      "input-invalid",
      `The body ${
        errors[0].detail.replace("must be an object, not", "is")
      }, expected one object of raw fields.`,
      [...errors],
    );
  }
  const names = predictor.fields.map(({ name }) => name).join(", ");
  const count = errors.length === 1 ? "One field is" : `${errors.length} fields are`;
  return new Failure("input-invalid", `${count} not valid. The fields of this model are ${names}.`, [
    ...errors,
  ]);
}
