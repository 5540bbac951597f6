import { join } from "node:path";
import { z } from "zod";
import { parseJsonOfDoubles } from "../exact_json.ts";
import type { FoldFit, Trial } from "./cross_validate.ts";
import { syncDirectory } from "../runtime/durable_file.ts";
import { Failure, fileInvalid } from "../failure.ts";

/** The file of a sweep's results, one line per trial, from which an interrupted run resumes. */
export type SweepJournal = ReturnType<typeof openJournal>;

/** Sizes that the lines of a sweep's file must match. */
export interface SweepShape {
  readonly candidateCount: number;
  readonly foldCount: number;
  /** Number of columns, plus 1 for the intercept. */
  readonly coefficientCount: number;
}

const count = z.int().min(0);
const foldLine = z.strictObject({
  rows: count,
  clicks: count,
  log_loss: z.number(),
  auc: z.number().nullable(),
  columns: count,
  points: count,
  /** Little-endian float64, base64. */
  coefficients: z.base64(),
});
const line = z.union([
  z.strictObject({ candidate: count, folds: z.array(foldLine) }),
  z.strictObject({ candidate: count, failure: z.string() }),
  z.strictObject({ candidate: count, model_id: z.string() }),
]);
type Line = z.infer<typeof line>;

/**
 * Opens or creates the file of a sweep, `<folder>/<key>.ndjson`. Its first line has the settings, for people. An incomplete
 * last line, as a crash leaves it, is dropped.
 *
 * @param settings The settings from which the key is derived.
 * @throws {Failure} `file-invalid` for lines that are not trials of this sweep, `file-unwritable`.
 */
export function openJournal(folder: string, key: string, settings: unknown, shape: SweepShape) {
  const path = join(folder, `${key}.ndjson`);
  const file = openFile(folder, path);
  const trials = new Map<number, Trial>();
  const models = new Map<number, string>();
  const write = (value: unknown) => append(file, path, value);
  try {
    const lines = readLines(file, path);
    lines.slice(1).forEach((text, i) => {
      const entry = parseLine(text, shape, `${path}, line ${i + 2}`);
      if ("model_id" in entry) models.set(entry.candidate, entry.model_id);
      else trials.set(entry.candidate, trialOf(entry));
    });
    if (lines.length === 0) write({ sweep: key, settings });
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    path,
    /** Trials of earlier runs, by the candidate's index. */
    trials,
    /** Ids of the models that earlier runs trained, by the candidate's index. */
    models,
    addTrial: (trial: Trial): void => write(lineOf(trial)),
    addModel: (index: number, modelId: string): void =>
      write({ candidate: index, model_id: modelId } satisfies Line),
    close: (): void => file.close(),
  };
}

function openFile(folder: string, path: string): Deno.FsFile {
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
    syncDirectory(folder);
    return file;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(
      "file-unwritable",
      `Cannot write the sweep's results to ${path}: ${reason}. Make it writable.`,
    );
  }
}

/** Returns the file's complete lines, truncates it after them and seeks to its end. */
function readLines(file: Deno.FsFile, path: string): string[] {
  const bytes = Deno.readFileSync(path);
  const end = bytes.lastIndexOf(0x0a) + 1;
  file.truncateSync(end);
  file.seekSync(end, Deno.SeekMode.Start);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end)).split("\n").slice(0, -1);
  } catch {
    throw damaged(path, "it is not text");
  }
}

function parseLine(
  text: string,
  { candidateCount, foldCount, coefficientCount }: SweepShape,
  where: string,
): Line {
  let value: unknown;
  try {
    value = parseJsonOfDoubles(text);
  } catch {
    throw damaged(where, "it is not JSON");
  }
  const { success, data } = line.safeParse(value);
  if (!success) throw damaged(where, "it is not a trial");
  if (data.candidate >= candidateCount) throw damaged(where, `there is no candidate ${data.candidate}`);
  if ("folds" in data) {
    if (data.folds.length !== foldCount) {
      throw damaged(where, `it has ${data.folds.length} folds of ${foldCount}`);
    }
    for (const { coefficients } of data.folds) {
      if (Uint8Array.fromBase64(coefficients).length === 8 * coefficientCount) continue;
      throw damaged(where, `a fold does not have ${coefficientCount} coefficients`);
    }
  }
  return data;
}

function damaged(where: string, why: string): Failure {
  return fileInvalid(`Cannot resume the sweep from ${where}: ${why}. Remove the file to start again.`);
}

function trialOf(entry: Exclude<Line, { model_id: string }>): Trial {
  const { candidate: index } = entry;
  if ("failure" in entry) return { index, failure: entry.failure };
  const folds = entry.folds.map(({ log_loss: logLoss, coefficients, ...rest }): FoldFit => {
    return { ...rest, logLoss, coefficients: new Float64Array(Uint8Array.fromBase64(coefficients).buffer) };
  });
  return { index, folds };
}

function lineOf(trial: Trial): Line {
  if ("failure" in trial) return { candidate: trial.index, failure: trial.failure };
  const folds = trial.folds.map(({ rows, clicks, logLoss, auc, columns, points, coefficients }) => {
    const { buffer, byteOffset, byteLength } = coefficients;
    const text = new Uint8Array(buffer, byteOffset, byteLength).toBase64();
    return { rows, clicks, log_loss: logLoss, auc, columns, points, coefficients: text };
  });
  return { candidate: trial.index, folds };
}

/** Writes a line at once, so that a reader never sees lines interleaved. */
function append(file: Deno.FsFile, path: string, value: unknown): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  try {
    for (let offset = 0; offset < bytes.length;) offset += file.writeSync(bytes.subarray(offset));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(
      "file-unwritable",
      `Cannot write the sweep's results to ${path}: ${reason}. Free some space.`,
    );
  }
}
