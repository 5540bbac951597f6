import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";
import { formatOf } from "../files/open_file.ts";
import { hasTimes } from "../model/table_terms.ts";
import { isTimeFeature } from "../encode/time_feature.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import { type ColumnFindings, createColumnFindings } from "../model/column_findings.ts";
import { createColumnPredictor, toProbabilities } from "../model/column_predictor.ts";
import { clearFindings, createFindings, fieldNameOf } from "../model/findings.ts";
import { createPredictor } from "../model/predictor.ts";
import { fieldsOf } from "../model/signature.ts";
import { createYielding } from "../runtime/event_loop.ts";
import { createPredictionFile, type PredictionFormat, type PredictionOut } from "./prediction_file.ts";
import { openLineRows } from "./line_rows.ts";
import type { RowBatch, RowSource, RowSourceOptions } from "./row_batch.ts";
import { openTableRows } from "./table_rows.ts";
import { openViewRows, type ViewSourceOptions } from "./view_source.ts";

export interface PredictOptions {
  readonly out: PredictionOut;
  readonly format: PredictionFormat;
  readonly metadata: ArtifactMetadata;
  /** Writes rows that cannot be answered without a probability, instead of failing at the first. */
  readonly lenient: boolean;
  /** Aborting removes the unfinished file and throws the reason. */
  readonly signal?: AbortSignal;
  /** Called after each batch with the number of rows answered and of bytes read. */
  readonly observe?: (rows: number, bytes: number) => void;
}

export interface PredictFileOptions extends PredictOptions, Omit<RowSourceOptions, "fields" | "times"> {
  /** The file of rows: parquet, CSV or newline-delimited JSON. */
  readonly path: string;
}

export interface PredictViewOptions extends PredictOptions, Omit<ViewSourceOptions, "fields"> {
  /** A connection that has the view. */
  readonly db: DatabaseSync;
}

export interface PredictFileReport {
  readonly rows: number;
  readonly answered: number;
  /** Number of rows without a probability. */
  readonly rejected: number;
  /** Number of these rows, by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Number of rows with an unseen category, by field; only of fields that have any. */
  readonly unseen: Readonly<Record<string, number>>;
  /** Mean over the rows that were answered; null if there are none. */
  readonly meanProbability: number | null;
}

/**
 * Predicts the rows of a file, in order, and in batches so that memory does not grow with the file.
 *
 * @throws {Failure} `file-missing`, `file-invalid`, `file-unwritable`; `row-rejected` at the first row that cannot be answered,
 *   unless `lenient`.
 */
export async function predictFile(options: PredictFileOptions): Promise<PredictFileReport> {
  const { path, metadata } = options;
  const scorer = createBatchScorer(metadata);
  const source = openRows(path, { ...options, fields: scorer.predictor.fields, times: timesOf(metadata) });
  const nameOf = (row: number) => `${path}: row ${row.toLocaleString("en")}`;
  return await predictRows(source, scorer, { ...options, nameOf, remedy: "Correct the file" });
}

/**
 * Predicts the rows of a view, in the order of their ids.
 *
 * @throws {Failure} as `predictFile`; `file-invalid` if the view lacks a field; `examples-invalid` if SQLite cannot compute it.
 */
export async function predictView(options: PredictViewOptions): Promise<PredictFileReport> {
  const { db, metadata, view, id } = options;
  const scorer = createBatchScorer(metadata);
  const source = openViewRows(db, { ...options, fields: scorer.predictor.fields });
  const nameOf = (_: number, { kept: [ids] }: RowBatch, index: number) =>
    `the view ${view}: the row with ${id} ${JSON.stringify(String(ids[index])).slice(0, 80)}`;
  return await predictRows(source, scorer, { ...options, nameOf, remedy: "Correct the row" });
}

interface RowOptions extends PredictOptions {
  /** Names a row in a message. @param row From 1. @param index In the batch. */
  readonly nameOf: (row: number, batch: RowBatch, index: number) => string;
  readonly remedy: string;
}

/** Names the flag for a row of JSON that lacks a field which may be null. */
function maybeAbsent(reason: string): string {
  return /is missing: send [^;]*\bnull\b/.test(reason)
    ? ", treat fields that are missing as null with --allow-missing"
    : "";
}

async function predictRows(
  source: RowSource,
  scorer: ReturnType<typeof createBatchScorer>,
  { out, format, lenient, signal, observe, nameOf, remedy }: RowOptions,
): Promise<PredictFileReport> {
  try {
    const file = createPredictionFile(out, format, source.kept);
    try {
      let [rows, answered, sum] = [0, 0, 0];
      const yielding = createYielding();
      const reasons = createReasonCounter();
      for (let batch = source.next(); batch; batch = source.next()) {
        const probabilities = scorer.score(batch);
        sum = sumOf(probabilities, sum);
        const unanswered = indicesOfNaN(probabilities);
        answered += batch.rowCount - unanswered.length;
        for (const i of unanswered) {
          const reason = scorer.reason(batch, i);
          if (!lenient) {
            throw new Failure(
              "row-rejected",
              `Cannot predict ${nameOf(rows + i + 1, batch, i)}: ${reason}. ${remedy}${
                maybeAbsent(reason)
              }, or write such rows without a probability with --lenient`,
            );
          }
          reasons.add(reason);
        }
        file.append(batch, probabilities);
        rows += batch.rowCount;
        observe?.(rows, source.bytesRead());
        await yielding();
        signal?.throwIfAborted();
      }
      await file.publish();
      return {
        rows,
        answered,
        ...rejectedRows(rows, answered, reasons),
        unseen: scorer.unseen(),
        meanProbability: answered === 0 ? null : sum / answered,
      };
    } catch (error) {
      await file.discard();
      throw error;
    }
  } finally {
    source.close();
  }
}

// Loops by themselves: V8 compiles a function that is called often, and a long one with many calls seldom or more than once.

/** Adds the numbers to a sum, one after the other, but for NaN. */
function sumOf(values: Float64Array, sum: number): number {
  let total = sum;
  for (let i = 0; i < values.length; i++) if (values[i] === values[i]) total += values[i];
  return total;
}

function indicesOfNaN(values: Float64Array): number[] {
  const indices: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] !== values[i]) indices.push(i);
  return indices;
}

/** Opens a file of rows, whose format is detected from its content. @throws {Failure} `file-missing`, `file-invalid` */
export function openRows(path: string, options: RowSourceOptions): RowSource {
  return formatOf(path, options.textFormat) === "ndjson"
    ? openLineRows(path, options)
    : openTableRows(path, options);
}

/** Maximum number of reasons counted separately, since some contain the value. */
const reasonsMax = 20;
const otherReasons = "other reasons";

type ReasonCounter = ReturnType<typeof createReasonCounter>;

export function createReasonCounter() {
  const counts = new Map<string, number>();
  return {
    counts,
    add(reason: string): void {
      const name = counts.has(reason) || counts.size < reasonsMax ? reason : otherReasons;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    },
  };
}

/** @throws {Error} If a row was neither answered nor rejected, which is a bug. */
function rejectedRows(
  rows: number,
  answered: number,
  { counts }: ReasonCounter,
): Pick<PredictFileReport, "rejected" | "reasons"> {
  const rejected = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (rows !== answered + rejected) {
    throw new Error(`${rows} rows were read, but ${answered} were answered and ${rejected} rejected`);
  }
  return { rejected, reasons: Object.fromEntries(counts) };
}

/** Returns the names of fields that are times. */
export function timesOf({ encoder }: ArtifactMetadata): ReadonlySet<string> {
  const numbers = encoder.features.filter((feature) =>
    feature.type === "binned" ? hasTimes(feature) : feature.type === "numeric" && isTimeFeature(feature)
  );
  const times = fieldsOf(encoder).filter(({ type }) => type === "time");
  return new Set([...numbers, ...times].map(({ name }) => name));
}

/** Scores batches of rows by a model. */
export function createBatchScorer(metadata: ArtifactMetadata) {
  const predictor = createPredictor(metadata);
  const predictColumns = createColumnPredictor(metadata);
  const names = predictor.fields.map(({ name }) => name);
  const findings = createFindings();
  const unseen = new Map<string, number>();
  const count = (name: string, rows: number) => unseen.set(name, (unseen.get(name) ?? 0) + rows);
  const rowAt = ({ fields }: RowBatch, index: number) =>
    Object.fromEntries(names.map((name, i) => [name, fields[i][index]]));

  function byColumns(batch: RowBatch, found: ColumnFindings): Float64Array | undefined {
    const logits = predictColumns?.(batch.fields, batch.rowCount, found, batch.typed?.fields);
    return logits && toProbabilities(logits);
  }

  function byRows(batch: RowBatch, found: ColumnFindings): Float64Array {
    return Float64Array.from({ length: batch.rowCount }, (_, i) => {
      clearFindings(findings);
      const probability = predictor.predict(rowAt(batch, i), findings);
      for (const name of findings.unseen) found.unseen[names.indexOf(name)].push(i);
      return probability;
    });
  }

  return {
    predictor,
    /** Returns probabilities, shape (rows); NaN for rows that cannot be answered. */
    score(batch: RowBatch): Float64Array {
      const found = createColumnFindings(names.length);
      const probabilities = byColumns(batch, found) ?? byRows(batch, found);
      for (const index of batch.faults.keys()) probabilities[index] = NaN;
      found.unseen.forEach((indices, field) => {
        const rows = indices.filter((i) => probabilities[i] === probabilities[i]).length;
        if (rows > 0) count(names[field], rows);
      });
      return probabilities;
    },
    /** Returns why a row of the batch has no probability. */
    reason(batch: RowBatch, index: number): string {
      const fault = batch.faults.get(index);
      if (fault !== undefined) return fault;
      clearFindings(findings);
      predictor.predict(rowAt(batch, index), findings);
      return findings.errors.map(({ pointer, detail }) => `${fieldNameOf(pointer)} ${detail}`)
        .join("; ") || "the sum of its values is not finite";
    },
    unseen: (): Record<string, number> => Object.fromEntries(unseen),
  };
}
