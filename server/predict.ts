import { createFindings } from "../pipeline/model/predictor.ts";
import { rowFailure, scoreRow } from "./score.ts";
import type { ModelSlot } from "./serving_model.ts";

export const predictBodyBytesMax = 1024 * 1024;

/** Kept and emptied, not made anew: a prediction is synchronous, so there is one at a time. */
const findings = createFindings();

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
  const probability = scoreRow(model, body, findings);
  if (probability !== probability) throw rowFailure(model, findings.errors);
  const unseen = findings.unseen.length > 0 ? `"unseen":${JSON.stringify(findings.unseen)},` : "";
  // A model id and a request id have no character that JSON would escape.
  return `{"probability":${probability},"model_id":"${model.modelId}","version":${model.version},${unseen}"request_id":"${requestId}"}`;
}
