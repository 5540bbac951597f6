import { parseJson } from "../../pipeline/exact_json.ts";
import { createFindings } from "../../pipeline/model/findings.ts";
import { answeredBy, detailsOf, type RowOptions, rowWriter } from "./row_answer.ts";
import { rowFailure, scoreRow, scoreText } from "./score.ts";
import type { ModelSlot, ServingModel } from "../models/loaded_model.ts";
import type { StoredRows } from "./stored_rows.ts";
import { decodeUtf8, requireUtf8 } from "../http/utf8.ts";

export const predictBodyBytesMax = 1024 * 1024;

/** Reused across calls; safe because predictions are synchronous. */
const findings = createFindings();

/**
 * Answers one row of raw fields: checks, encodes and scores it in one pass. Only a row that lacks fields and has a key is
 * answered asynchronously, with the fields that the store has of it.
 *
 * @param body The parsed body.
 * @returns The answer as JSON. It includes the ids, because each header would cost as much as the prediction.
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
 * Answers one row as {@link predict} does, from the text of a body, or its bytes.
 *
 * @throws {Failure} as {@link predict} does; `body-malformed` for bytes that were not UTF-8.
 * @throws {SyntaxError}
 */
export function predictText(
  slot: ModelSlot,
  text: string | Uint8Array,
  requestId: string,
  storedRows: StoredRows,
): string | Promise<string> {
  const model = slot.current;
  if (model !== undefined) {
    const probability = scoreText(model, text, findings);
    if (probability === probability) return predictionJson(model, probability, requestId);
  }
  const decoded = typeof text === "string" ? text : decodeUtf8(text);
  return predict(slot, parseJson(requireUtf8(decoded)), requestId, storedRows);
}

/** @param probability Probability of the row that `findings` describes. */
function predictionJson(model: ServingModel, probability: number, requestId: string): string {
  const unseen = findings.unseen.length > 0 ? `"unseen":${JSON.stringify(findings.unseen)},` : "";
  // JSON.stringify rather than the template's own conversion: see `createRequestIds`. Request ids need no JSON escapes.
  return `{"probability":${
    JSON.stringify(probability)
  },${model.idMembersJson},${unseen}"request_id":"${requestId}"}`;
}

/**
 * Answers one row with the requested details, and with the fields that the store has of it.
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
