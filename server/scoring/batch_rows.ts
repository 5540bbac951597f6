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

/** How the rows of one request are answered: by one model, whatever is put in production meanwhile. */
export interface RowWork {
  readonly model: ServingModel;
  readonly details: readonly Detail[];
  readonly write: WriteRow;
  readonly storedRows: StoredRows;
  /** The first row that cannot be answered is the request's failure. */
  readonly strict: boolean;
  /** Lets other requests have the thread. */
  readonly pause: Pause;
  /** Rows that the store was asked for. */
  lookups: number;
}

/** Errors that a refused batch names: the others are of the same kind most of the time. */
const errorsMax = 100;
/** Rows that are answered between two looks at the clock: without details a row takes a microsecond. */
const rowsPerPause = 256;
const detailedRowsPerPause = 16;
/** Each lookup blocks the thread for a moment: other requests get their turn after so many. */
const lookupsPerPause = 32;

/** Lets other requests have the thread, where a request has taken it for long enough. */
export async function pauseIfDue({ pause }: Pick<RowWork, "pause">): Promise<void> {
  const pausing = pause();
  if (pausing) await pausing;
}

const findings = createFindings();

/**
 * Answers rows in their order, each as a JSON object, separated by commas.
 *
 * @param path Where the rows are in the body.
 * @throws {Failure} where the work is strict, or there are too many: that of the rows that cannot be answered.
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

/** Rows that were answered as they are, up to one that was not. */
interface AnsweredRange {
  readonly text: string;
  /** The first row that was not answered. */
  readonly next: number;
  /** Why it cannot be; undefined where nobody has looked at it yet. */
  readonly errors: Failure["errors"] | undefined;
}

/**
 * Answers rows until one cannot be answered as it is, or others should have their turn. Nothing is waited for here, and the
 * engine makes a faster loop of it.
 *
 * @param text What the answers are appended to, each with `end` behind it.
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
    // A copy: others are answered before this row's failure is made.
    if (probability !== probability) return { text, next: i, errors: [...findings.errors] };
    text += `{${write(rows[i], probability, findings.unseen)}}${end}`;
  }
  return { text, next: to, errors: undefined };
}

/**
 * Answers a row that has just been found not to be answered as it is.
 *
 * @param errors Why not.
 * @returns Members of the answer where the store has what the row lacks; else why there is none.
 * @throws {Failure} as {@link completeRow} does.
 */
export async function answerFromStore(
  work: RowWork,
  row: unknown,
  errors: Failure["errors"],
): Promise<string | Failure> {
  const { model, write, storedRows } = work;
  if (!storedRows.canComplete(model, row)) return rowFailure(model, errors, "The row");
  const whole = await completeRow(work, row);
  if (whole instanceof Failure) return whole;
  const probability = scoreRow(model, whole, findings);
  if (probability !== probability) return rowFailure(model, findings.errors, "The row");
  return write(whole, probability, findings.unseen);
}

/**
 * A row with what the store has of it, where it lacks fields and has a key.
 *
 * @returns The failure where it is the row's own.
 * @throws {Failure} of the store: other rows would wait for it just as long.
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

/** What stands in the place of a row that cannot be answered. */
export function rowErrorJson(index: number, failure: Failure): string {
  return `{"index":${index},"error":${JSON.stringify(problemOf(failure))}}`;
}

/** Gathers what is wrong with the rows of a batch that is refused as a whole. */
export interface RowFailures {
  /** @throws {Failure} once more rows cannot be answered than a batch is looked through for. */
  add(index: number, failure: Failure): void;
  /** @throws {Failure} with a pointer per bad field of the first bad rows, where there is any. */
  throwAny(): void;
}

/** @param path Where the rows are in the body. */
export function createRowFailures(path: readonly PropertyKey[]): RowFailures {
  let count = 0;
  let first: Failure | undefined;
  const errors: Failure["errors"][number][] = [];
  return {
    add(index, failure) {
      count++;
      first ??= failure;
      if (count > badRowsMax) {
        throw new Failure(
          first.kind,
          `More than ${badRowsMax} rows cannot be answered, up to row ${index} (from 0): the rest was not looked at. ${first.message}`,
          errors,
        );
      }
      if (errors.length >= errorsMax) return;
      const own = failure.errors.length > 0 ? failure.errors : [{ pointer: "#", detail: failure.message }];
      errors.push(...errorsAt([...path, index], own).slice(0, errorsMax - errors.length));
    },
    throwAny() {
      if (!first) return;
      const rows = count === 1 ? "One row" : `${count.toLocaleString("en")} rows`;
      throw new Failure(first.kind, `${rows} cannot be answered. ${first.message}`, errors);
    },
  };
}

/** A place in a body as JSON pointer in a fragment (RFC 6901, section 6). */
export function pointerOfPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((pointer, part) => pointer + pointerTo(String(part)).slice(1), "#");
}

/** Errors of a row as errors of the body that it is in. */
export function errorsAt(path: readonly PropertyKey[], errors: readonly FieldError[]): FieldError[] {
  const prefix = pointerOfPath(path);
  return errors.map(({ pointer, detail }) => ({ pointer: prefix + pointer.slice(1), detail }));
}
