import { Failure, type FieldError } from "../../pipeline/failure.ts";
import { createColumnFindings } from "../../pipeline/model/column_findings.ts";
import { toProbabilities } from "../../pipeline/model/column_predictor.ts";
import { clearFindings, createFindings, type Findings } from "../../pipeline/model/findings.ts";
import type { LoadedModel } from "../models/loaded_model.ts";
import { badRowsMax } from "../http/row_limits.ts";
import { countPrediction, increase } from "../metrics/prediction_counters.ts";
import { isObject } from "../../pipeline/exact_json.ts";

/**
 * Scores one row and counts the prediction. Every route and protocol adapter calls this function, so that all of them give
 * the same probability.
 *
 * @param row The parsed row of raw fields, of any type; it is checked here.
 * @param findings Cleared, then filled with the findings about the row.
 * @returns NaN if the row is not valid; {@link rowFailure} then gives the reason.
 */
export function scoreRow(model: LoadedModel, row: unknown, findings: Findings): number {
  clearFindings(findings);
  if (!isObject(row)) {
    findings.errors.push({ pointer: "#", detail: `must be an object, not ${nameOf(row)}` });
    return NaN;
  }
  const probability = model.predictor.predict(row, findings);
  if (probability === probability) countPrediction(model.counters, probability, findings);
  return probability;
}

/**
 * Scores the text of a row, or its bytes, as {@link scoreRow} does the row.
 *
 * @returns NaN, without counting, if it must be parsed.
 */
export function scoreText(model: LoadedModel, text: string | Uint8Array, findings: Findings): number {
  const { predictText, counters } = model;
  if (predictText === undefined) return NaN;
  clearFindings(findings);
  const probability = predictText(text, findings);
  if (probability === probability) countPrediction(counters, probability, findings);
  return probability;
}

/** Result of {@link scoreColumns}. */
export interface ColumnScores {
  /** Shape (rows): NaN for a row that is not valid; {@link scoreRow} gives its errors. */
  readonly probabilities: Float64Array;
  /** Indices of the rows with a category that was not in the training rows, by field. */
  readonly unseen: ReadonlyMap<string, readonly number[]>;
}

const none = createFindings();

/**
 * Scores rows sent as columns: the same probabilities as {@link scoreRow}, to the last bit, and the same counts. If more than
 * `badRowsMax` rows are not valid, `unseen` is empty and nothing is counted.
 *
 * @param columns In the order of the model's fields, each with `rowCount` values.
 * @param rowAt Returns one of the rows as an object.
 * @returns undefined for a model that can only score rows.
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
  // Findings of invalid rows are not counted.
  const findings = createFindings();
  const nulls = new Map<string, number>();
  for (const i of bad) {
    scoreRow(model, rowAt(i), findings);
    for (const name of findings.missing) increase(nulls, name, 1);
  }
  const unseen = new Map<string, readonly number[]>();
  predictor.fields.forEach(({ name }, field) => {
    const indices = bad.size === 0 ? found.unseen[field] : found.unseen[field].filter((i) => !bad.has(i));
    if (indices.length > 0) {
      unseen.set(name, indices);
      increase(counters.unseen, name, indices.length);
    }
    const missing = found.missing[field] - (nulls.get(name) ?? 0);
    if (missing > 0) increase(counters.missing, name, missing);
  });
  return { probabilities, unseen };
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
 * Returns the failure of a row that is not valid: `input-invalid` with a pointer per bad field.
 *
 * @param subject What messages call the row, at the start of a sentence.
 */
export function rowFailure(
  { predictor }: Pick<LoadedModel, "predictor">,
  errors: readonly FieldError[],
  subject = "The body",
): Failure {
  if (errors.length === 0) {
    // Each field is a number, and their sum is ∞ − ∞.
    return new Failure("input-invalid", "The values of the fields are too large for this model to add up.");
  }
  if (errors[0].pointer === "#") {
    return new Failure(
      "input-invalid",
      `${subject} ${
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
