import { Failure, type FieldError } from "../../pipeline/failure.ts";
import { createFindings } from "../../pipeline/model/findings.ts";
import { rowFailure, scoreRow } from "../scoring/score.ts";
import type { LoadedModel } from "../models/loaded_model.ts";
import { startSlices } from "../runtime/time_slices.ts";
import { protocolRowsMax } from "./protocol_body.ts";
import type { ProtocolRows } from "./protocol_rows.ts";

/** Reused across rows; safe because rows are scored synchronously. */
const findings = createFindings();

/** Maximum number of invalid fields that a failure lists. */
const errorsMax = 20;
/** Rows scored between two checks of the clock. */
const rowsPerPause = 256;

/**
 * Scores all rows, then answers: synchronously if they are few, otherwise in time slices between other requests.
 *
 * @param answer Receives the probability of a click per row.
 * @throws {Failure} or rejects with `body-oversized`; `input-invalid` with a pointer per bad field, if any row is not valid.
 */
export function withScores(
  model: LoadedModel,
  rows: ProtocolRows,
  answer: (probabilities: number[]) => Response | Promise<Response>,
): Response | Promise<Response> {
  const { count } = rows;
  if (count > protocolRowsMax) throw tooManyRows(count);
  const scoring: Scoring = { model, rows, probabilities: new Array(count), errors: [], badRows: 0 };
  if (count > rowsPerPause) return scoreInTurns(scoring).then(answer);
  score(scoring, 0, count);
  return answer(finished(scoring));
}

interface Scoring {
  readonly model: LoadedModel;
  readonly rows: ProtocolRows;
  readonly probabilities: number[];
  readonly errors: FieldError[];
  badRows: number;
}

async function scoreInTurns(scoring: Scoring): Promise<number[]> {
  const pause = startSlices();
  for (let from = 0; from < scoring.rows.count; from += rowsPerPause) {
    if (score(scoring, from, Math.min(from + rowsPerPause, scoring.rows.count))) break;
    const pausing = pause();
    if (pausing) await pausing;
  }
  return finished(scoring);
}

/** @returns true to stop, because enough errors were found. */
function score(scoring: Scoring, from: number, to: number): boolean {
  const { model, rows: { rowAt, bodyPointer }, probabilities, errors } = scoring;
  for (let i = from; i < to; i++) {
    const probability = scoreRow(model, rowAt(i), findings);
    probabilities[i] = probability;
    if (probability === probability) continue;
    scoring.badRows++;
    for (const { pointer, detail } of findings.errors) {
      errors.push({ pointer: bodyPointer(i, pointer), detail });
    }
    if (findings.errors.length === 0 || errors.length >= errorsMax) return true;
  }
  return false;
}

/** @throws {Failure} `input-invalid` */
function finished({ model, probabilities, errors, badRows }: Scoring): number[] {
  if (badRows > 0) throw rowFailure(model, errors.slice(0, errorsMax));
  return probabilities;
}

function tooManyRows(count: number): Failure {
  const [has, most] = [count, protocolRowsMax].map((n) => n.toLocaleString("en"));
  return new Failure(
    "body-oversized",
    `The body has ${has} rows, more than the ${most} that one request may have.`,
  );
}
