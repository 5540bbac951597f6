import type { FieldError } from "../../pipeline/failure.ts";
import { createFindings } from "../../pipeline/model/predictor.ts";
import { rowFailure, scoreRow } from "../score.ts";
import type { LoadedModel } from "../serving_model.ts";
import type { ForeignRows } from "./foreign_rows.ts";

/** Kept and emptied, not made anew: rows are scored synchronously, so there is one at a time. */
const findings = createFindings();

/** Bad fields that one answer tells of. */
const errorsMax = 20;

/**
 * Scores rows, all or none.
 *
 * @returns Probability of a click per row.
 * @throws {Failure} `input-invalid` with a pointer per bad field, of several rows where several are bad.
 */
export function scoreRows(model: LoadedModel, { rows, placeOf }: ForeignRows): number[] {
  const probabilities: number[] = new Array(rows.length);
  let errors: FieldError[] | undefined;
  for (let i = 0; i < rows.length; i++) {
    const probability = scoreRow(model, rows[i], findings);
    probabilities[i] = probability;
    if (probability === probability) continue;
    errors ??= [];
    for (const { pointer, detail } of findings.errors) errors.push({ pointer: placeOf(i, pointer), detail });
    if (errors.length === 0 || errors.length >= errorsMax) break;
  }
  if (errors) throw rowFailure(model, errors.slice(0, errorsMax));
  return probabilities;
}
