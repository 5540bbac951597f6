import { createFindings, pointerTo } from "../../pipeline/model/findings.ts";
import { Failure, type FieldError } from "../../pipeline/failure.ts";
import { yieldToEventLoop } from "../../pipeline/runtime/event_loop.ts";
import { problemOf } from "../http/problem.ts";
import type { Detail, WriteRow } from "./row_answer.ts";
import { badRowsMax } from "../http/row_limits.ts";
import { rowFailure, scoreRow } from "./score.ts";
import type { ServingModel } from "../models/loaded_model.ts";
import type { Pause } from "../runtime/time_slices.ts";
import type { Row, StoredRows } from "./stored_rows.ts";

/** Context in which the rows of one request are answered. All of them use one model, even if the active model changes. */
export interface RowWork {
  readonly model: ServingModel;
  readonly details: readonly Detail[];
  readonly write: WriteRow;
  readonly storedRows: StoredRows;
  /** Fails the whole request if a row cannot be answered. */
  readonly strict: boolean;
  /** Yields the thread to other requests. */
  readonly pause: Pause;
  /** Number of rows looked up in the store. */
  lookups: number;
}

/** Maximum number of errors in the failure of a rejected batch; the rest are mostly of the same kind. */
const errorsMax = 100;
/** Rows answered between two checks of the clock; without details a row takes a microsecond. */
const rowsPerPause = 256;
const detailedRowsPerPause = 16;
/** Lookups between two yields to other requests; each lookup blocks the thread briefly. */
const lookupsPerPause = 32;

/** Yields the thread to other requests if this one has used up its time slice. */
export async function pauseIfDue({ pause }: Pick<RowWork, "pause">): Promise<void> {
  const pausing = pause();
  if (pausing) await pausing;
}

const findings = createFindings();

/**
 * Answers rows in order: JSON objects separated by commas.
 *
 * @param path Path of the list of rows in the body.
 * @throws {Failure} the failure of the rows that cannot be answered, if `work` is strict or there are more than `badRowsMax`.
 */
export async function answerRows(
  work: RowWork,
  rows: readonly unknown[],
  path: readonly PropertyKey[],
): Promise<string> {
  const failures = createRowFailures(path);
  let text = "";
  for (let at = 0; at < rows.length;) {
    const answered = answerValidRows(work, rows, at, text, ",");
    [text, at] = [answered.text, answered.next];
    if (answered.errors !== undefined) {
      const answer = await answerFromStore(work, rows[at], answered.errors);
      text += typeof answer === "string" ? `{${answer}},` : `${rowErrorJson(at, answer)},`;
      if (typeof answer !== "string") failures.add(at, answer);
      at++;
    }
    await pauseIfDue(work);
  }
  if (work.strict) failures.throwAny();
  return text.slice(0, -1);
}

/** Result of {@link answerValidRows}. */
interface AnsweredRange {
  readonly text: string;
  /** Index of the first row that was not answered. */
  readonly next: number;
  /** Errors of that row; undefined if it was not scored yet. */
  readonly errors: Failure["errors"] | undefined;
}

/**
 * Answers rows up to the first that cannot be answered as sent, at most as many as fit between two checks of the clock. The
 * loop has no await, so the engine compiles it to faster code.
 *
 * @param text Text to which the answers are appended, each followed by `end`.
 */
export function answerValidRows(
  { model, write, details }: RowWork,
  rows: readonly unknown[],
  from: number,
  text: string,
  end: string,
): AnsweredRange {
  const to = Math.min(rows.length, from + (details.length === 0 ? rowsPerPause : detailedRowsPerPause));
  for (let i = from; i < to; i++) {
    const probability = scoreRow(model, rows[i], findings);
    // Copied, because other rows are scored before this row's failure is created.
    if (probability !== probability) return { text, next: i, errors: [...findings.errors] };
    text += `{${write(rows[i], probability, findings.unseen)}}${end}`;
  }
  return { text, next: to, errors: undefined };
}

/**
 * Answers a row that cannot be answered as sent, with the fields that the store has of it.
 *
 * @param errors Errors of the row as sent.
 * @returns Members of the answer, or the row's failure if the store cannot complete it.
 * @throws {Failure} as {@link completeRow} does.
 */
export async function answerFromStore(
  work: RowWork,
  row: unknown,
  errors: Failure["errors"],
): Promise<string | Failure> {
  const { model, write, storedRows } = work;
  if (!storedRows.canComplete(model, row)) return rowFailure(model, errors, "The row");
  const completed = await completeRow(work, row);
  if (completed instanceof Failure) return completed;
  const probability = scoreRow(model, completed, findings);
  if (probability !== probability) return rowFailure(model, findings.errors, "The row");
  return write(completed, probability, findings.unseen);
}

/**
 * Adds the fields that the store has to a row that lacks some and has a key.
 *
 * @returns The row, or a failure that concerns this row only.
 * @throws {Failure} of the store, which would make every other row wait just as long.
 */
export async function completeRow(
  work: Pick<RowWork, "model" | "storedRows" | "lookups">,
  row: unknown,
): Promise<Row | Failure> {
  const { model, storedRows } = work;
  if (!storedRows.canComplete(model, row)) return row as Row;
  if (work.lookups++ % lookupsPerPause === 0) await yieldToEventLoop();
  try {
    return await storedRows.complete(model, row);
  } catch (error) {
    if (error instanceof Failure && (error.kind === "row-unknown" || error.kind === "input-invalid")) {
      return error;
    }
    throw error;
  }
}

/** Returns the JSON that reports a row that cannot be answered. */
export function rowErrorJson(index: number, failure: Failure): string {
  return `{"index":${index},"error":${JSON.stringify(problemOf(failure))}}`;
}

/** Failures of the rows of one batch, as one failure. */
export type RowFailures = ReturnType<typeof createRowFailures>;

/** @param path Path of the list of rows in the body. */
export function createRowFailures(path: readonly PropertyKey[]) {
  let count = 0;
  let first: Failure | undefined;
  const errors: Failure["errors"][number][] = [];
  return {
    /** @throws {Failure} if more than `badRowsMax` rows cannot be answered. */
    add(index: number, failure: Failure): void {
      count++;
      first ??= failure;
      if (count > badRowsMax) {
        throw new Failure(
          first.kind,
          `More than ${badRowsMax} rows cannot be answered, up to row ${index} (from 0); the rest were not checked. ${first.message}`,
          errors,
        );
      }
      if (errors.length >= errorsMax) return;
      const own = failure.errors.length > 0 ? failure.errors : [{ pointer: "#", detail: failure.message }];
      errors.push(...errorsAt([...path, index], own).slice(0, errorsMax - errors.length));
    },
    /** @throws {Failure} if a row failed, with a pointer per bad field of the first such rows. */
    throwAny(): void {
      if (!first) return;
      const rows = count === 1 ? "One row" : `${count.toLocaleString("en")} rows`;
      throw new Failure(first.kind, `${rows} cannot be answered. ${first.message}`, errors);
    },
  };
}

/** Returns a path in a body as a JSON pointer in a URI fragment (RFC 6901, section 6). */
export function pointerOfPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((pointer, part) => pointer + pointerTo(String(part)).slice(1), "#");
}

/** Returns the errors of a row with pointers into the body that contains it. */
export function errorsAt(path: readonly PropertyKey[], errors: readonly FieldError[]): FieldError[] {
  const prefix = pointerOfPath(path);
  return errors.map(({ pointer, detail }) => ({ pointer: prefix + pointer.slice(1), detail }));
}
