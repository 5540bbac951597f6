import type { BatchColumn } from "../files/columns/batch.ts";

/** Results of checking many rows by columns. The caller may pass one object to several calls. */
export interface ColumnFindings {
  /** Per field in the model's order: indices of rows whose category did not occur in the training rows. */
  readonly unseen: number[][];
  /** Per field: number of rows with null. */
  readonly missing: Float64Array;
}

/**
 * Scores rows given as one array of values per field.
 *
 * @param columns In the order of the model's fields, shape (rows) each.
 * @param typed The same values without an object each, where they are known so.
 * @returns Log-odds, shape (rows): bit for bit those of the predictor; NaN for rows that it rejects.
 */
export type ColumnPredictor = (
  columns: readonly (readonly unknown[])[],
  rowCount: number,
  findings: ColumnFindings,
  typed?: TypedColumns,
) => Float64Array;

export type TypedColumns = readonly (BatchColumn | CodedColumn | undefined)[];

/** A column whose rows are entries of a dictionary. */
export interface CodedColumn {
  readonly type: "CODES";
  /** Index of each row's entry. Shape (rows, or more). */
  readonly codes: Int32Array;
  /** One object for all rows of a dictionary. */
  readonly entries: Entries;
}

/** The values of a dictionary, of which the last is null. */
export interface Entries {
  readonly count: number;
  /** Shape (count). */
  readonly cells: readonly unknown[];
  /** The same values without an object each, where they are known so. */
  readonly typed: BatchColumn | undefined;
}

export function createColumnFindings(fieldCount: number): ColumnFindings {
  return { unseen: Array.from({ length: fieldCount }, () => []), missing: new Float64Array(fieldCount) };
}

/** Adds a feature's part to the log-odds of all rows. @param columns Values of all fields. */
export type AddFeature = (
  columns: readonly (readonly unknown[])[],
  logits: Float64Array,
  findings: ColumnFindings,
  typed: TypedColumns,
) => void;
