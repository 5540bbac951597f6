import { Failure, type FieldError } from "../../pipeline/failure.ts";
import { createFindings, keyProblem } from "../../pipeline/model/findings.ts";
import {
  completeRow,
  createRowFailures,
  pauseIfDue,
  pointerOfPath,
  rowErrorJson,
  type RowFailures,
  type RowWork,
} from "./batch_rows.ts";
import { rowFailure, scoreColumns, scoreRow } from "./score.ts";

/** Maximum number of invalid columns that a failure lists. */
const errorsMax = 100;

type Columns = Readonly<Record<string, readonly unknown[]>>;

/** Results of the rows of a request, by column. */
interface ScoredColumns {
  /** Shape (rows); NaN for a row that failed. */
  readonly probabilities: Float64Array;
  /** Row indices by field. */
  readonly unseen: Map<string, number[]>;
  /** Values as JSON by name, each of shape (rows). */
  readonly details: ReadonlyMap<string, string[]>;
  readonly failures: readonly (readonly [index: number, failure: Failure])[];
}

const findings = createFindings();

/**
 * Scores rows sent as columns and returns columns: the members of a JSON object, without its braces.
 *
 * @throws {Failure} `input-invalid` for columns that the model does not have or that differ in length; if `work` is strict,
 *   the failure of the rows that cannot be answered.
 */
export async function answerColumns(work: RowWork, columns: Columns): Promise<string> {
  const rowCount = checkColumns(work, columns);
  const rowFailures = createRowFailures(["columns"]);
  const answer = scoreByColumns(work, columns, { rowCount, rowFailures }) ??
    await scoreByRows(work, columns, { rowCount, rowFailures });
  if (work.strict) rowFailures.throwAny();
  const details = [...answer.details].map(([name, texts]) => `,"${name}":[${texts.join(",")}]`).join("");
  const unseen = answer.unseen.size === 0
    ? ""
    : `,"unseen":${JSON.stringify(Object.fromEntries(answer.unseen))}`;
  const errors = answer.failures.length === 0
    ? ""
    : `,"errors":[${answer.failures.map(([index, failure]) => rowErrorJson(index, failure)).join(",")}]`;
  return `"columns":{"probability":[${probabilitiesJson(answer.probabilities)}]${details}}${unseen}${errors}`;
}

function probabilitiesJson(probabilities: Float64Array): string {
  let text = "";
  for (let i = 0; i < probabilities.length; i++) {
    const probability = probabilities[i];
    if (i > 0) text += ",";
    text += probability === probability ? probability : "null";
  }
  return text;
}

/** @returns The number of rows. */
function checkColumns({ model: { predictor, keys } }: RowWork, columns: Columns): number {
  const names = Object.keys(columns);
  const fields = predictor.fields.map(({ name }) => name);
  const keyNames = keys ? [keys.id, keys.group] : [];
  const others = [...keyNames, ...predictor.unused];
  const errors: FieldError[] = [];
  const fail = (name: string, detail: string) =>
    errors.push({ pointer: pointerOfPath(["columns", name]), detail });
  const rowCount = names.length === 0 ? 0 : columns[names[0]].length;
  for (const name of names) {
    if (errors.length >= errorsMax) break;
    if (!fields.includes(name) && !others.includes(name)) {
      fail(name.slice(0, 80), `is not a field of this model; its fields are ${fields.join(", ")}`);
    } else if (columns[name].length !== rowCount) {
      fail(name, `has ${columns[name].length} values, expected ${rowCount} as in ${names[0]}`);
    }
  }
  // With a key, the store may have the missing columns.
  if (!keyNames.some((name) => Object.hasOwn(columns, name))) {
    for (const name of fields) if (!Object.hasOwn(columns, name)) fail(name, "is missing: send its values");
  }
  if (errors.length === 0) return rowCount;
  throw new Failure("input-invalid", "The columns are not the model's, or differ in length.", errors);
}

interface Rows {
  readonly rowCount: number;
  readonly rowFailures: RowFailures;
}

/** @returns undefined if the rows have to be scored one by one. */
function scoreByColumns(
  { model, details }: RowWork,
  columns: Columns,
  { rowCount, rowFailures }: Rows,
): ScoredColumns | undefined {
  const names = model.predictor.fields.map(({ name }) => name);
  if (details.length > 0 || !names.every((name) => Object.hasOwn(columns, name))) return undefined;
  if (hasBadKey(model, columns)) return undefined;
  const rowAt = createRowGetter(columns);
  const scores = scoreColumns(model, names.map((name) => columns[name]), rowCount, rowAt);
  if (!scores) return undefined;
  const { probabilities } = scores;
  const failures: [number, Failure][] = [];
  for (let i = 0; i < rowCount; i++) {
    if (probabilities[i] === probabilities[i]) continue;
    scoreRow(model, rowAt(i), findings);
    const failure = rowFailure(model, findings.errors, "The row");
    rowFailures.add(i, failure);
    failures.push([i, failure]);
  }
  const unseen = new Map([...scores.unseen].map(([name, indices]) => [name, [...indices]]));
  return { probabilities, unseen, details: new Map(), failures };
}

/** Returns true if a row has an invalid key, for which it is rejected. */
function hasBadKey({ keys }: RowWork["model"], columns: Columns): boolean {
  const names = keys ? [keys.id, keys.group] : [];
  return names.some((name) =>
    Object.hasOwn(columns, name) && columns[name].some((value) => keyProblem(value) !== undefined)
  );
}

async function scoreByRows(
  work: RowWork,
  columns: Columns,
  { rowCount, rowFailures }: Rows,
): Promise<ScoredColumns> {
  const { model, details } = work;
  const rowAt = createRowGetter(columns);
  const probabilities = new Float64Array(rowCount).fill(NaN);
  const unseen = new Map<string, number[]>();
  const texts = details.map(({ name }) => [name, Array<string>(rowCount).fill("null")] as const);
  const failures: [number, Failure][] = [];
  const fail = (index: number, failure: Failure) => {
    rowFailures.add(index, failure);
    failures.push([index, failure]);
  };
  for (let i = 0; i < rowCount; i++) {
    await pauseIfDue(work);
    const row = await completeRow(work, rowAt(i));
    if (row instanceof Failure) {
      fail(i, row);
      continue;
    }
    const probability = scoreRow(model, row, findings);
    if (probability !== probability) {
      fail(i, rowFailure(model, findings.errors, "The row"));
      continue;
    }
    probabilities[i] = probability;
    for (const name of findings.unseen) {
      const indices = unseen.get(name);
      if (indices) indices.push(i);
      else unseen.set(name, [i]);
    }
    details.forEach((detail, d) => texts[d][1][i] = detail.text(row));
  }
  return { probabilities, unseen, details: new Map(texts), failures };
}

function createRowGetter(columns: Columns): (index: number) => Record<string, unknown> {
  const entries = Object.entries(columns);
  return (index) => Object.fromEntries(entries.map(([name, values]) => [name, values[index]]));
}
