import { Failure, type FieldError } from "../../pipeline/failure.ts";
import { createColumnFindings, toProbabilities } from "../../pipeline/model/column_predictor.ts";
import { clearFindings, createFindings, type Findings } from "../../pipeline/model/findings.ts";
import type { LoadedModel } from "../models/loaded_model.ts";
import { badRowsMax } from "../http/row_limits.ts";
import { countPrediction, increase } from "../metrics/prediction_counters.ts";

/**
 * The one way from a row to a probability: every door of the server comes through here, so that all of them answer the
 * same and all are counted.
 *
 * @param row One row of raw fields, as it was parsed; whatever it is, it is checked here.
 * @param findings Emptied first. What is found about the row is in it afterwards.
 * @returns NaN where the row is not valid: {@link rowFailure} then says why.
 */
export function scoreRow(model: LoadedModel, row: unknown, findings: Findings): number {
  clearFindings(findings);
  if (!isRow(row)) {
    findings.errors.push({ pointer: "#", detail: `must be an object, not ${nameOf(row)}` });
    return NaN;
  }
  const probability = model.predictor.predict(row, findings);
  if (probability === probability) countPrediction(model.counters, probability, findings);
  return probability;
}

/**
 * The same for the text of a body, if its row is ordinary: each category is a level of the model, and there are no keys. Then
 * it does not matter how exactly the text was read: bytes that are no UTF-8, and integers beyond 2^53, are no such level.
 *
 * @returns NaN if it is not; nothing is counted then. It is to be parsed with `parseJson` after `requireUtf8`.
 * @throws {SyntaxError}
 */
export function scoreOrdinary(model: LoadedModel, text: string, findings: Findings): number {
  if (!model.hasExactLevels) return NaN;
  const row: unknown = JSON.parse(text);
  if (!isRow(row)) return NaN;
  clearFindings(findings);
  const probability = model.predictor.predict(row, findings);
  if (probability !== probability || findings.unseen.length > 0 || findings.hasOthers) return NaN;
  countPrediction(model.counters, probability, findings);
  return probability;
}

/** What scoring columns found, beside the probabilities. */
export interface ColumnScores {
  /** Shape (rows): NaN where {@link scoreRow} has to say what is wrong. */
  readonly probabilities: Float64Array;
  /** Places of rows by field whose category the training rows did not have; of fields that have any. */
  readonly unseen: ReadonlyMap<string, readonly number[]>;
}

const none = createFindings();

/**
 * The same for rows that come as columns: the same probabilities, to the last bit, and counted the same.
 *
 * @param columns In the order of the model's fields, each with `rowCount` values. Where more rows cannot be answered than a
 *   request is looked through for, no more is found than that, and nothing is counted.
 * @param rowAt Makes one of the rows an object.
 * @returns undefined for a model that has only the way by rows.
 */
export function scoreColumns(
  model: LoadedModel,
  columns: readonly (readonly unknown[])[],
  rowCount: number,
  rowAt: (index: number) => unknown,
): ColumnScores | undefined {
  const { predictor, counters, explainer } = model;
  const predict = explainer.columnPredictor();
  if (!predict) return undefined;
  const found = createColumnFindings(columns.length);
  const probabilities = toProbabilities(predict(columns, rowCount, found));
  const bad = new Set<number>();
  for (let i = 0; i < rowCount; i++) if (probabilities[i] !== probabilities[i]) bad.add(i);
  if (bad.size > badRowsMax) return { probabilities, unseen: new Map() };
  for (let i = 0; i < rowCount; i++) {
    if (probabilities[i] === probabilities[i]) countPrediction(counters, probabilities[i], none);
  }
  // Of rows without an answer nothing is counted.
  const findings = createFindings();
  const nulls = new Map<string, number>();
  for (const i of bad) {
    scoreRow(model, rowAt(i), findings);
    for (const name of findings.missing) increase(nulls, name, 1);
  }
  const unseen = new Map<string, readonly number[]>();
  predictor.fields.forEach(({ name }, field) => {
    const places = bad.size === 0 ? found.unseen[field] : found.unseen[field].filter((i) => !bad.has(i));
    if (places.length > 0) {
      unseen.set(name, places);
      increase(counters.unseen, name, places.length);
    }
    const missing = found.missing[field] - (nulls.get(name) ?? 0);
    if (missing > 0) increase(counters.missing, name, missing);
  });
  return { probabilities, unseen };
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

/**
 * Why a row has no probability, as the failure `input-invalid` with a pointer per bad field.
 *
 * @param place What the row is in the request, as messages name it.
 */
export function rowFailure(
  { predictor }: Pick<LoadedModel, "predictor">,
  errors: readonly FieldError[],
  place = "The body",
): Failure {
  if (errors.length === 0) {
    // Each field is a number, and their sum is ∞ − ∞.
    return new Failure("input-invalid", "The fields' values are too large for this model to be added up.");
  }
  if (errors[0].pointer === "#") {
    return new Failure(
      "input-invalid",
      `${place} ${
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
