import { isSpilled, type PlainFields, type StoredChunk } from "../chunks/chunk_file.ts";

/**
 * The design matrix as columns of codes and numbers. The dense one-hot array is never built.
 *
 * Categorical fields are put into factor groups, in which each combination of levels that occurs is one cell. A row is one
 * code per group and its numbers, so a pass over the data adds to one cell instead of to each pair of one-hot columns; the sums
 * over columns are computed from the cells afterwards.
 */
export interface DesignMatrix {
  /** Columns, without the intercept. */
  readonly columnCount: number;
  /** Columns of the numeric fields, in the order of `DesignChunk.numeric`. */
  readonly numericColumns: readonly number[];
  readonly groups: readonly FactorGroup[];
  readonly chunks: readonly StoredChunk<DesignChunk>[];
  /** Rows per part: 0 for training rows, 1 for held-out rows, others as defined by `split.ts`. */
  readonly partRows: readonly number[];
}

/** Categorical fields whose combinations of levels are coded together, or one field of texts, whose sets of words are coded. */
export interface FactorGroup {
  readonly cellCount: number;
  /** The most columns in which a cell can have a 1: one per field, for an ordinal field one per level above the first, or per word. */
  readonly fieldCount: number;
  /** Columns in which each cell has a 1, shape (cells, fields); −1 for none. */
  readonly columns: Int32Array<SharedArrayBuffer>;
  /** Whether the columns of a cell are a set of one field's columns, which ascend. */
  readonly isSet?: boolean;
}

export type CellCodes = Uint16Array<SharedArrayBuffer> | Uint32Array<SharedArrayBuffer>;

/** Consecutive examples, sorted by part. */
export interface DesignChunk {
  /** End of each part's rows, shape (parts). */
  readonly partEnds: readonly number[];
  /** Encoded numeric columns, row-major, shape (rows, numeric columns). */
  readonly numeric: Float64Array<SharedArrayBuffer>;
  /** Per group, shape (rows): the row's cell. */
  readonly cells: readonly CellCodes[];
  /** Shape (rows): 1 if the offer was clicked. */
  readonly labels: Uint8Array<SharedArrayBuffer>;
  /** Weight of each row, shape (rows), positive; absent if every row counts once. */
  readonly weights?: Float64Array<SharedArrayBuffer>;
  /** Weight of each row in a fit, shape (rows): its weight times its class weight. Absent without class weights. */
  readonly fitWeights?: Float64Array<SharedArrayBuffer>;
  /** Time of each row, shape (rows); NaN is missing. Present if the spec names a time. */
  readonly times?: Float64Array<SharedArrayBuffer>;
  /** Hash of the group, shape (rows); present if folds are to be derived from it. */
  readonly groups?: Uint32Array<SharedArrayBuffer>;
}

/** Returns the weight of each row in a fit; undefined if every row counts once. */
export function fitWeightsOf({ weights, fitWeights = weights }: DesignChunk): DesignChunk["fitWeights"] {
  return fitWeights;
}

/** Whether rows have weights of their own, without reading a file. */
export function hasWeights({ chunks }: Pick<DesignMatrix, "chunks">): boolean {
  return chunks.some((stored) => (isSpilled(stored) ? stored.fields : stored).weights !== undefined);
}

/** Calls `visit` with the range of rows, [from, to), of each given part that has rows in the chunk. */
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

/** Returns the count of rows of the given parts. */
export function rowsOf(design: DesignMatrix, parts: readonly number[]): number {
  return parts.reduce((sum, part) => sum + design.partRows[part], 0);
}

/** Returns the log-odds of each cell of each group, shape (groups)(cells). @param coefficients Shape (columns) or longer. */
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
