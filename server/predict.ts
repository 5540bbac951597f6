import { Failure, type FieldError } from "../pipeline/failure.ts";
import type { ModelSlot, ServingModel } from "./serving_model.ts";

export const predictBodyBytesMax = 1024 * 1024;

/** Kept and emptied, not made anew: a prediction is synchronous, so there is one at a time. */
const findings: { errors: FieldError[]; unseen: string[] } = { errors: [], unseen: [] };

/**
 * Answers one row of raw fields: checks, encodes and scores it in one pass.
 *
 * @param body What was sent, parsed.
 * @returns The answer's JSON. Ids are in it and not in headers, of which each would cost as much as the prediction.
 * @throws {Failure} `model-missing`; `input-invalid` with a pointer per bad field.
 */
export function predict(slot: ModelSlot, body: unknown, requestId: string): string {
  const model = slot.current;
  if (model === undefined) throw slot.absence;
  if (!isObject(body)) throw notAnObject(body);
  findings.errors.length = 0;
  findings.unseen.length = 0;
  const probability = model.predictor.predict(body, findings);
  if (probability !== probability) throw invalid(model, findings.errors);
  const unseen = findings.unseen.length > 0 ? `"unseen":${JSON.stringify(findings.unseen)},` : "";
  // A model id and a request id have no character that JSON would escape.
  return `{"probability":${probability},"model_id":"${model.modelId}","version":${model.version},${unseen}"request_id":"${requestId}"}`;
}

function isObject(body: unknown): body is Readonly<Record<string, unknown>> {
  return typeof body === "object" && body !== null && !Array.isArray(body);
}

function notAnObject(body: unknown): Failure {
  const found = body === null ? "null" : Array.isArray(body) ? "an array" : `a ${typeof body}`;
  return new Failure("input-invalid", `The body is ${found}, expected one object of raw fields.`, [
    { pointer: "#", detail: `must be an object, not ${found}` },
  ]);
}

function invalid(model: ServingModel, errors: readonly FieldError[]): Failure {
  if (errors.length === 0) {
    // Each field is a number, and their sum is ∞ − ∞.
    return new Failure("input-invalid", "The fields' values are too large for this model to be added up.");
  }
  const names = model.predictor.fields.map(({ name }) => name).join(", ");
  const count = errors.length === 1 ? "One field is" : `${errors.length} fields are`;
  return new Failure("input-invalid", `${count} not valid. The fields of this model are ${names}.`, [
    ...errors,
  ]);
}
