import { Failure, type FieldError } from "../../pipeline/failure.ts";
import { createFindings } from "../../pipeline/model/findings.ts";
import { rowFailure, scoreRow } from "../scoring/score.ts";
import type { LoadedModel } from "../models/loaded_model.ts";
import { startSlices } from "../runtime/time_slices.ts";
import { protocolRowsMax } from "./protocol_body.ts";
import type { ProtocolRows } from "./protocol_rows.ts";

/** Kept and emptied, not made anew: a row is scored synchronously, so there is one at a time. */
const findings = createFindings();

/** Bad fields that one answer tells of. */
const errorsMax = 20;
/** So many rows are answered without a look at the clock. */
const rowsAtOnce = 256;

/**
 * Scores rows, all or none, and answers: at once where they are few; else others have their turn meanwhile.
 *
 * @param answer Gets the probability of a click per row.
 * @throws {Failure} or rejects with `body-oversized`; `input-invalid` with a pointer per bad field, of several rows where
 *   several are bad.
 */
export function withScores(
  model: LoadedModel,
  rows: ProtocolRows,
  answer: (probabilities: number[]) => Response | Promise<Response>,
): Response | Promise<Response> {
  const { count } = rows;
  if (count > protocolRowsMax) throw tooManyRows(count);
  const scoring: Scoring = { model, rows, probabilities: new Array(count), errors: [], badRows: 0 };
  if (count > rowsAtOnce) return scoreInTurns(scoring).then(answer);
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
  for (let from = 0; from < scoring.rows.count; from += rowsAtOnce) {
    if (score(scoring, from, Math.min(from + rowsAtOnce, scoring.rows.count))) break;
    const pausing = pause();
    if (pausing) await pausing;
  }
  return finished(scoring);
}

/** @returns Whether enough is wrong to say so. */
function score(scoring: Scoring, from: number, to: number): boolean {
  const { model, rows: { rowAt, placeOf }, probabilities, errors } = scoring;
  for (let i = from; i < to; i++) {
    const probability = scoreRow(model, rowAt(i), findings);
    probabilities[i] = probability;
    if (probability === probability) continue;
    scoring.badRows++;
    for (const { pointer, detail } of findings.errors) errors.push({ pointer: placeOf(i, pointer), detail });
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
  const [has, most] = [count, protocolRowsMax].map((rows) => rows.toLocaleString("en"));
  return new Failure(
    "body-oversized",
    `The body has ${has} rows, more than the ${most} that are answered at once.`,
  );
}
