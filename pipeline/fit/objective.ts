import {
  cellLogits,
  type DesignChunk,
  type DesignMatrix,
  type FactorGroup,
  fitWeightsOf,
  forRowRanges,
} from "../encode/design_matrix.ts";
import type { SumsLayout } from "./sums_layout.ts";

/** The loss and its derivatives at a point: sums over rows, without the penalty. */
export interface LossSums {
  /** Σ log loss. */
  readonly loss: number;
  /** Shape (columns + 1), intercept last. */
  readonly gradient: Float64Array;
  /** Shape (columns + 1, columns + 1), symmetric; absent if only the gradient was requested. */
  readonly hessian?: Float64Array;
}

/** @throws {Error} If the Hessian was not computed. */
export function hessianOf({ hessian }: { readonly hessian?: Float64Array }): Float64Array {
  if (!hessian) throw new Error("the Hessian was not computed");
  return hessian;
}

/** A point in the form that passes use: log-odds per cell, coefficients of the numeric columns, intercept. */
export interface PassPoint {
  readonly cellLogits: readonly Float64Array[];
  readonly numeric: Float64Array;
  readonly intercept: number;
}

/** @param coefficients Shape (columns + 1), intercept last. */
export function passPoint(design: DesignMatrix, coefficients: Float64Array): PassPoint {
  const intercept = coefficients[design.columnCount];
  const logits = cellLogits(design, coefficients);
  // With one group, the usual case, its cells include the intercept, which saves an addition per row.
  if (logits.length === 1) logits[0].forEach((value, i) => logits[0][i] = value + intercept);
  return {
    cellLogits: logits,
    numeric: Float64Array.from(design.numericColumns, (column) => coefficients[column]),
    intercept: logits.length === 1 ? 0 : intercept,
  };
}

/** Sums the weights in the fit of the clicked rows of some parts. */
export function clickWeightOf(chunks: Iterable<DesignChunk>, parts: readonly number[]): number {
  let sum = 0;
  for (const chunk of chunks) {
    const weights = fitWeightsOf(chunk);
    forRowRanges(chunk, parts, (from, to) => {
      for (let i = from; i < to; i++) sum += (weights?.[i] ?? 1) * chunk.labels[i];
    });
  }
  return sum;
}

/** Computes the sums over columns from the sums over cells. */
export function expandSums(design: DesignMatrix, layout: SumsLayout, sums: Float64Array): LossSums {
  const size = design.columnCount + 1;
  const gradient = new Float64Array(size);
  const { numericColumns, groups } = design;
  numericColumns.forEach((column, j) => gradient[column] = sums[layout.numericGradientAt + j]);
  if (groups.length === 0) gradient[size - 1] = sums[1];
  groups.forEach(({ cellCount, fieldCount, columns }, g) => {
    for (let cell = 0; cell < cellCount; cell++) {
      const residual = sums[layout.cellsAt[g] + cell * layout.cellStride];
      // Every row is in one cell of each group, so that the first group's cells sum to the intercept's entry.
      if (g === 0) gradient[size - 1] += residual;
      for (let at = cell * fieldCount; at < (cell + 1) * fieldCount; at++) {
        if (columns[at] >= 0) gradient[columns[at]] += residual;
      }
    }
  });
  const loss = sums[0];
  return layout.hessianBy === undefined
    ? { loss, gradient }
    : { loss, gradient, hessian: expandHessian(design, layout, sums) };
}

/** Computes the Hessian from a pass's sums, shape (columns + 1, columns + 1), symmetric, intercept last. */
function expandHessian(design: DesignMatrix, layout: SumsLayout, sums: Float64Array): Float64Array {
  const size = design.columnCount + 1;
  const hessian = new Float64Array(size * size);
  const { groups, numericColumns } = design;
  for (let j = 0, at = layout.numericHessianAt; j < numericColumns.length; j++) {
    for (let l = 0; l <= j; l++, at++) {
      addSymmetric(hessian, size, numericColumns[j], numericColumns[l], sums[at]);
    }
  }
  if (layout.hessianBy === "columns") {
    for (let a = 0, at = layout.columnsAt; a < size; a++) {
      for (let b = 0; b <= a; b++, at++) hessian[a * size + b] += sums[at];
    }
    mirror(hessian, size);
    return hessian;
  }
  // Without groups there is one cell, whose only column is the intercept.
  if (groups.length === 0) addCells(hessian, size, loneCell, numericColumns, sums.subarray(1), size - 1);
  groups.forEach((group, g) => {
    // Only the first group's cells include the intercept, so that it is counted once.
    const cellSums = sums.subarray(
      layout.cellsAt[g],
      layout.cellsAt[g] + group.cellCount * layout.cellStride,
    );
    addCells(hessian, size, group, numericColumns, cellSums, g === 0 ? size - 1 : undefined);
  });
  for (const { first, second, at } of layout.pairsAt) {
    addPair(hessian, size, groups[first], groups[second], sums, at);
  }
  // For a column of a later group, the entry with the intercept equals its diagonal entry.
  for (let g = 1; g < groups.length; g++) {
    for (const column of new Set(groups[g].columns)) {
      if (column >= 0) addSymmetric(hessian, size, size - 1, column, hessian[column * size + column]);
    }
  }
  mirror(hessian, size);
  return hessian;
}

/** Copies the lower triangle to the upper one. */
function mirror(hessian: Float64Array, size: number): void {
  for (let a = 0; a < size; a++) for (let b = 0; b < a; b++) hessian[b * size + a] = hessian[a * size + b];
}

/** Adds to the lower triangle. */
function addSymmetric(hessian: Float64Array, size: number, a: number, b: number, value: number): void {
  hessian[a > b ? a * size + b : b * size + a] += value;
}

const loneCell: Pick<FactorGroup, "cellCount" | "fieldCount" | "columns"> = {
  cellCount: 1,
  fieldCount: 0,
  columns: new Int32Array(new SharedArrayBuffer(0)),
};

/**
 * Adds one group's cells to the lower triangle. A cell's rows have a 1 in each of its columns, which ascend, so that the later
 * of two is the row.
 *
 * @param sums The group's, shape (cells, 2 + numeric columns).
 * @param intercept The intercept's column, if the cells include it.
 */
function addCells(
  hessian: Float64Array,
  size: number,
  { cellCount, fieldCount, columns }: Pick<FactorGroup, "cellCount" | "fieldCount" | "columns">,
  numericColumns: readonly number[],
  sums: Float64Array,
  intercept: number | undefined,
): void {
  const ones = new Int32Array(fieldCount + 1);
  for (let cell = 0, at = 0, field = 0; cell < cellCount; cell++, at += 2 + numericColumns.length) {
    let count = 0;
    for (const end = field + fieldCount; field < end; field++) {
      if (columns[field] >= 0) ones[count++] = columns[field];
    }
    if (intercept !== undefined) ones[count++] = intercept;
    const weight = sums[at + 1];
    for (let i = 0; i < count; i++) {
      const row = ones[i] * size;
      for (let k = 0; k <= i; k++) hessian[row + ones[k]] += weight;
      for (let j = 0; j < numericColumns.length; j++) {
        const column = numericColumns[j];
        hessian[column > ones[i] ? column * size + ones[i] : row + column] += sums[at + 2 + j];
      }
    }
  }
}

function addPair(
  hessian: Float64Array,
  size: number,
  first: FactorGroup,
  second: FactorGroup,
  sums: Float64Array,
  at: number,
): void {
  for (let i = 0, k = at; i < first.cellCount; i++) {
    for (let j = 0; j < second.cellCount; j++, k++) {
      if (sums[k] === 0) continue;
      for (const a of columnsOf(first, i)) {
        for (const b of columnsOf(second, j)) addSymmetric(hessian, size, a, b, sums[k]);
      }
    }
  }
}

/** Returns the columns in which a cell has a 1. */
function columnsOf({ fieldCount, columns }: FactorGroup, cell: number): Int32Array {
  const all = columns.subarray(cell * fieldCount, (cell + 1) * fieldCount);
  return all.includes(-1) ? all.filter((column) => column >= 0) : all;
}
