import type { ColumnValues } from "../evaluate/divisions.ts";
import { Failure } from "../failure.ts";
import { mixed } from "../math/hash.ts";
import { type Columns, createFieldValues } from "./field_values.ts";
import type { LabelledRow } from "./labelled_row.ts";
import { type createBatchScorer, createReasonCounter } from "./predict_file.ts";
import type { RowBatch } from "./row_batch.ts";

/** Rows with their labels and the model's probabilities. */
export interface ReadRows {
  /** Shape (rows). */
  readonly probabilities: Float64Array;
  readonly labels: Uint8Array;
  readonly groups: Uint32Array;
  /** Absent if every row counts once. */
  readonly weights?: Float64Array;
  /** Microseconds since 1970, NaN for missing. */
  readonly times: Float64Array;
  /** Values of the model's fields, and of the slices. */
  readonly fields: readonly ColumnValues[];
  readonly slices: readonly ColumnValues[];
  /** Rows without a label or of weight 0, which are left out. */
  readonly unlabelled: number;
  /** Rows that were added to the store after the training, and would have been held out. */
  readonly newer: number;
  /** Rows that the model cannot answer, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Whether the rows have groups; otherwise a row without one is a group by itself. */
  readonly hasGroups: boolean;
  /** Of the rows' ids or numbers: equal if another pass read the same rows. */
  readonly checksum: number;
}

/** A row to be evaluated. */
export interface TakenRow extends LabelledRow {
  readonly hasGroup: boolean;
  /** Hash by which another pass over the rows is compared. */
  readonly key: number;
}

export interface CollectOptions {
  /** Columns by which the rows are to be divided. */
  readonly slices: readonly string[];
  /** Only scores the rows, without collecting the values of their fields. */
  readonly scoresOnly?: boolean;
  /** Leaves rows out that cannot be answered, instead of failing at the first. */
  readonly lenient: boolean;
}

export type CollectedRows = ReturnType<typeof createCollectedRows>;

/** Collects rows with their labels, scores and values. */
export function createCollectedRows(
  scorer: ReturnType<typeof createBatchScorer>,
  { slices, scoresOnly = false, lenient }: CollectOptions,
) {
  const values = createFieldValues(scorer.predictor.fields, { slices, scoresOnly });
  const reasons = createReasonCounter();
  const [probabilities, labels, groups, weights, times]: number[][] = [[], [], [], [], []];
  let checksum = 0;
  let hasGroups = true;
  return {
    /**
     * @param nameOf Names a row in a message.
     * @param rowOf Returns undefined for a row that is not to be evaluated.
     * @throws {Failure} `row-rejected`
     */
    add(
      batch: RowBatch,
      columns: Columns,
      nameOf: (i: number) => string,
      rowOf: (i: number) => TakenRow | undefined,
    ): void {
      const scores = scorer.score(batch);
      const addValues = values.adder(batch, columns);
      for (let i = 0; i < batch.rowCount; i++) {
        const row = rowOf(i);
        if (row === undefined) continue;
        if (!row.hasGroup) hasGroups = false;
        checksum = mixed(checksum ^ row.key);
        labels.push(row.label);
        groups.push(row.group);
        weights.push(row.weight);
        times.push(row.time);
        probabilities.push(scores[i]);
        if (scores[i] !== scores[i]) {
          const reason = scorer.reason(batch, i);
          if (!lenient) throw rejected(nameOf(i), reason);
          reasons.add(reason);
        }
        addValues(i);
      }
    },
    all: (): Omit<ReadRows, "unlabelled" | "newer"> => ({
      probabilities: Float64Array.from(probabilities),
      labels: Uint8Array.from(labels),
      groups: Uint32Array.from(groups),
      ...(weights.every((weight) => weight === 1) ? {} : { weights: Float64Array.from(weights) }),
      times: Float64Array.from(times),
      fields: values.fields,
      slices: values.slices,
      rejected: Object.fromEntries(reasons.counts),
      hasGroups,
      checksum,
    }),
  };
}

function rejected(name: string, reason: string): Failure {
  return new Failure(
    "row-rejected",
    `Cannot evaluate ${name}: ${reason}. Correct it, or leave such rows out with --lenient.`,
  );
}
