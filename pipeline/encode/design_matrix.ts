import type { PlainFields, StoredChunk } from "../chunks/chunk_file.ts";

/**
 * The design matrix as what it is, columns of codes and numbers, never a dense one-hot array.
 *
 * Categorical fields are joined into groups: each combination of levels that occurs is one cell. A row then is one code per
 * group and its numbers, so a pass over the data adds to one cell instead of to each pair of one-hot columns, and the sums
 * over columns are made from the cells afterwards.
 */
export interface DesignMatrix {
  /** Columns, without the intercept. */
  readonly columnCount: number;
  /** Columns of the numeric fields, in the order in which chunks hold them. */
  readonly numericColumns: readonly number[];
  readonly groups: readonly FactorGroup[];
  readonly chunks: readonly StoredChunk<DesignChunk>[];
  /** Rows per part: the training rows are part 0, the held-out rows part 1; what else there is, the split says. */
  readonly partRows: readonly number[];
}

/** Some categorical fields whose combinations of levels are coded together. */
export interface FactorGroup {
  readonly cellCount: number;
  /** Fields of the group: how many columns a cell can have a 1 in. */
  readonly fieldCount: number;
  /** Columns in which each cell has a 1, shape (cells, fields); −1 where a field has none. */
  readonly columns: Int32Array<SharedArrayBuffer>;
}

export type CellCodes = Uint16Array<SharedArrayBuffer> | Uint32Array<SharedArrayBuffer>;

/** Some consecutive examples, ordered by their part. */
export interface DesignChunk {
  /** Where each part's rows end, shape (parts). */
  readonly partEnds: readonly number[];
  /** Encoded numeric columns, row-major, shape (rows, numeric columns). */
  readonly numeric: Float64Array<SharedArrayBuffer>;
  /** Per group, shape (rows): the row's cell. */
  readonly cells: readonly CellCodes[];
  /** Shape (rows): 1 where the offer was clicked. */
  readonly labels: Uint8Array<SharedArrayBuffer>;
  /** How many rows each counts for, shape (rows), positive; absent where every row counts once. */
  readonly weights?: Float64Array<SharedArrayBuffer>;
  /** What each row counts for in a fit, shape (rows); absent if that is its weight, and there with class weights on top of it. */
  readonly fitWeights?: Float64Array<SharedArrayBuffer>;
  /** Hash of the group, shape (rows); there where folds are to be made of it. */
  readonly groups?: Uint32Array<SharedArrayBuffer>;
}

/** What each row counts for in a fit; undefined if every row counts once. */
export function fitWeightsOf({ weights, fitWeights = weights }: DesignChunk): DesignChunk["fitWeights"] {
  return fitWeights;
}

/** Calls `visit` with each run of consecutive rows that belongs to the wanted parts. */
export function forRowRanges(
  chunk: PlainFields<DesignChunk>,
  parts: readonly number[],
  visit: (from: number, to: number) => void,
): void {
  for (const part of parts) {
    const from = part === 0 ? 0 : chunk.partEnds[part - 1];
    const to = chunk.partEnds[part];
    if (from < to) visit(from, to);
  }
}

/** Rows of the wanted parts. */
export function rowsOf(design: DesignMatrix, parts: readonly number[]): number {
  return parts.reduce((sum, part) => sum + design.partRows[part], 0);
}

/**
 * Log-odds of each cell of each group under the coefficients.
 *
 * @param coefficients Shape (columns) or longer.
 */
export function cellLogits({ groups }: DesignMatrix, coefficients: Float64Array): Float64Array[] {
  return groups.map(({ cellCount, fieldCount, columns }) => {
    const logits = new Float64Array(cellCount);
    for (let cell = 0, at = 0; cell < cellCount; cell++) {
      let sum = 0;
      for (let field = 0; field < fieldCount; field++, at++) {
        if (columns[at] >= 0) sum += coefficients[columns[at]];
      }
      logits[cell] = sum;
    }
    return logits;
  });
}
