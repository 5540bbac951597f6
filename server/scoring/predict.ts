import { parseJson } from "../../pipeline/exact_json.ts";
import { createFindings } from "../../pipeline/model/findings.ts";
import { answeredBy, detailsOf, type RowOptions, rowWriter } from "./row_answer.ts";
import { rowFailure, scoreOrdinary, scoreRow } from "./score.ts";
import type { ModelSlot, ServingModel } from "../models/loaded_model.ts";
import type { StoredRows } from "./stored_rows.ts";
import { requireUtf8 } from "../http/utf8.ts";

export const predictBodyBytesMax = 1024 * 1024;

/** Kept and emptied, not made anew: a prediction is synchronous, so there is one at a time. */
const findings = createFindings();

/**
 * Answers one row of raw fields: checks, encodes and scores it in one pass. Only a row that lacks fields and has a key is
 * answered later, with what the store has of it.
 *
 * @param body What was sent, parsed.
 * @returns The answer's JSON. Ids are in it and not in headers, of which each would cost as much as the prediction.
 * @throws {Failure} `model-missing`; `input-invalid` with a pointer per bad field; as {@link StoredRows} does.
 */
export function predict(
  slot: ModelSlot,
  body: unknown,
  requestId: string,
  storedRows: StoredRows,
): string | Promise<string> {
  const model = slot.current;
  if (model === undefined) throw slot.unavailableReason;
  const probability = scoreRow(model, body, findings);
  if (probability !== probability) {
    if (!storedRows.canComplete(model, body)) throw rowFailure(model, findings.errors);
    return predictWith(model, body, requestId, storedRows, plain);
  }
  return predictionJson(model, probability, requestId);
}

const plain: RowOptions = { explain: false, interval: undefined };

/**
 * As {@link predict}, from the text of a body.
 *
 * @throws {Failure} as {@link predict} does; `body-malformed` for bytes that were no UTF-8.
 * @throws {SyntaxError}
 */
export function predictText(
  slot: ModelSlot,
  text: string,
  requestId: string,
  storedRows: StoredRows,
): string | Promise<string> {
  const model = slot.current;
  const probability = model === undefined ? NaN : scoreOrdinary(model, text, findings);
  return model === undefined || probability !== probability
    ? predict(slot, parseJson(requireUtf8(text)), requestId, storedRows)
    : predictionJson(model, probability, requestId);
}

/** @param probability Of the row that `findings` is about. */
function predictionJson(model: ServingModel, probability: number, requestId: string): string {
  const unseen = findings.unseen.length > 0 ? `"unseen":${JSON.stringify(findings.unseen)},` : "";
  // Not as the template would write the number: see `createRequestIds`. A request id has no character that JSON would escape.
  return `{"probability":${
    JSON.stringify(probability)
  },${model.idMembersJson},${unseen}"request_id":"${requestId}"}`;
}

/**
 * Answers one row with what is asked for beside its probability, and with what the store has of it.
 *
 * @throws {Failure} as {@link predict} does; `interval-missing`.
 */
export async function predictWith(
  model: ServingModel,
  body: unknown,
  requestId: string,
  storedRows: StoredRows,
  options: RowOptions,
): Promise<string> {
  const write = rowWriter(await detailsOf(model, options));
  const row = storedRows.canComplete(model, body) ? await storedRows.complete(model, body) : body;
  const probability = scoreRow(model, row, findings);
  if (probability !== probability) throw rowFailure(model, findings.errors);
  return `{${write(row, probability, findings.unseen)},${answeredBy(model, requestId)}}`;
}
