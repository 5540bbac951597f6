import { cellLogits, type DesignMatrix, type Group } from "../encode/design_matrix.ts";

/** A point at which the loss was evaluated. Sums over rows, without the penalty. */
export interface LossSums {
  /** Σ log loss. */
  readonly loss: number;
  /** Shape (columns + 1), intercept last. */
  readonly gradient: Float64Array;
  /** Shape (columns + 1, columns + 1), symmetric; absent where only the gradient was asked for. */
  readonly hessian?: Float64Array;
}

/** Where the sums of one span lie in its slice of memory. */
export interface SumsLayout {
  readonly length: number;
  /** Numbers per cell: residual, and for the Hessian its weight and weight times each numeric column. */
  readonly cellStride: number;
  readonly cellsAt: readonly number[];
  readonly numericCount: number;
  readonly numericGradientAt: number;
  readonly numericHessianAt: number;
  /** Per pair of groups (g < h): a table of weights, shape (cells of g, cells of h). */
  readonly pairsAt: readonly { readonly first: number; readonly second: number; readonly at: number }[];
}

/** The loss comes first; then cells by group; then the numeric columns; then pairs of groups. */
export function layoutOf(design: DesignMatrix, hessian: boolean): SumsLayout {
  const numericCount = design.numericColumns.length;
  const cellStride = hessian ? 2 + numericCount : 1;
  let length = 1;
  const cellsAt = design.groups.map(({ cellCount }) => {
    const at = length;
    length += cellCount * cellStride;
    return at;
  });
  // Without groups the intercept's sums need a cell of their own.
  if (design.groups.length === 0) length += cellStride;
  const numericGradientAt = length;
  length += numericCount;
  const numericHessianAt = length;
  const pairsAt = [];
  if (hessian) {
    length += (numericCount * (numericCount + 1)) / 2;
    for (let first = 0; first < design.groups.length; first++) {
      for (let second = first + 1; second < design.groups.length; second++) {
        pairsAt.push({ first, second, at: length });
        length += design.groups[first].cellCount * design.groups[second].cellCount;
      }
    }
  }
  return { length, cellStride, cellsAt, numericCount, numericGradientAt, numericHessianAt, pairsAt };
}

/** What a pass over rows needs of the point: log-odds per cell, coefficients of the numeric columns, intercept. */
export interface PassPoint {
  readonly cellLogits: readonly Float64Array[];
  readonly numeric: Float64Array;
  readonly intercept: number;
}

/** @param coefficients Shape (columns + 1), intercept last. */
export function passPoint(design: DesignMatrix, coefficients: Float64Array): PassPoint {
  const intercept = coefficients[design.columnCount];
  const logits = cellLogits(design, coefficients);
  // One group is the usual case: its cells carry the intercept, which saves an addition per row.
  if (logits.length === 1) logits[0].forEach((value, i) => logits[0][i] = value + intercept);
  return {
    cellLogits: logits,
    numeric: Float64Array.from(design.numericColumns, (column) => coefficients[column]),
    intercept: logits.length === 1 ? 0 : intercept,
  };
}

/** Sums over columns from the sums over cells. */
export function expandSums(design: DesignMatrix, layout: SumsLayout, sums: Float64Array): LossSums {
  const size = design.columnCount + 1;
  const gradient = new Float64Array(size);
  const { numericColumns, groups } = design;
  numericColumns.forEach((column, j) => gradient[column] = sums[layout.numericGradientAt + j]);
  if (groups.length === 0) gradient[size - 1] = sums[1];
  groups.forEach(({ cellCount, fieldCount, columns }, g) => {
    for (let cell = 0; cell < cellCount; cell++) {
      const residual = sums[layout.cellsAt[g] + cell * layout.cellStride];
      // Every row is in one cell of each group: the first group's cells make the intercept's sum.
      if (g === 0) gradient[size - 1] += residual;
      for (let at = cell * fieldCount; at < (cell + 1) * fieldCount; at++) {
        if (columns[at] >= 0) gradient[columns[at]] += residual;
      }
    }
  });
  const loss = sums[0];
  return layout.cellStride === 1
    ? { loss, gradient }
    : { loss, gradient, hessian: expandHessian(design, layout, sums) };
}

function expandHessian(design: DesignMatrix, layout: SumsLayout, sums: Float64Array): Float64Array {
  const size = design.columnCount + 1;
  const hessian = new Float64Array(size * size);
  const { groups, numericColumns } = design;
  for (let j = 0, at = layout.numericHessianAt; j < numericColumns.length; j++) {
    for (let l = 0; l <= j; l++, at++) {
      addSymmetric(hessian, size, numericColumns[j], numericColumns[l], sums[at]);
    }
  }
  // Without groups the intercept's sums have a cell of their own, in which it is the only column.
  if (groups.length === 0) addCells(hessian, size, loneCell, numericColumns, sums.subarray(1), size - 1);
  groups.forEach((group, g) => {
    // The intercept is a column of the first group's cells alone, lest it be counted once per group.
    const own = sums.subarray(layout.cellsAt[g], layout.cellsAt[g] + group.cellCount * layout.cellStride);
    addCells(hessian, size, group, numericColumns, own, g === 0 ? size - 1 : undefined);
  });
  for (const { first, second, at } of layout.pairsAt) {
    addPair(hessian, size, groups[first], groups[second], sums, at);
  }
  // A later group's column meets the intercept in all rows that have it: its own diagonal.
  for (let g = 1; g < groups.length; g++) {
    for (const column of new Set(groups[g].columns)) {
      if (column >= 0) addSymmetric(hessian, size, size - 1, column, hessian[column * size + column]);
    }
  }
  for (let a = 0; a < size; a++) for (let b = 0; b < a; b++) hessian[b * size + a] = hessian[a * size + b];
  return hessian;
}

/** Adds to the lower triangle, which is mirrored at the end. */
function addSymmetric(hessian: Float64Array, size: number, a: number, b: number, value: number): void {
  hessian[a > b ? a * size + b : b * size + a] += value;
}

const loneCell: Pick<Group, "cellCount" | "fieldCount" | "columns"> = {
  cellCount: 1,
  fieldCount: 0,
  columns: new Int32Array(new SharedArrayBuffer(0)),
};

/**
 * A cell's rows have a 1 in each of its columns. These ascend, as the fields do, so that of two the later is the row of the
 * lower triangle.
 *
 * @param sums The group's, shape (cells, 2 + numeric columns).
 * @param intercept Its column, where it is one of the cells'.
 */
function addCells(
  hessian: Float64Array,
  size: number,
  { cellCount, fieldCount, columns }: Pick<Group, "cellCount" | "fieldCount" | "columns">,
  numericColumns: readonly number[],
  sums: Float64Array,
  intercept: number | undefined,
): void {
  const own = new Int32Array(fieldCount + 1);
  for (let cell = 0, at = 0, field = 0; cell < cellCount; cell++, at += 2 + numericColumns.length) {
    let count = 0;
    for (const end = field + fieldCount; field < end; field++) {
      if (columns[field] >= 0) own[count++] = columns[field];
    }
    if (intercept !== undefined) own[count++] = intercept;
    const weight = sums[at + 1];
    for (let i = 0; i < count; i++) {
      const row = own[i] * size;
      for (let k = 0; k <= i; k++) hessian[row + own[k]] += weight;
      for (let j = 0; j < numericColumns.length; j++) {
        const column = numericColumns[j];
        hessian[column > own[i] ? column * size + own[i] : row + column] += sums[at + 2 + j];
      }
    }
  }
}

function addPair(
  hessian: Float64Array,
  size: number,
  first: Group,
  second: Group,
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

/** The columns in which a cell has a 1. */
function columnsOf({ fieldCount, columns }: Group, cell: number): Int32Array {
  const all = columns.subarray(cell * fieldCount, (cell + 1) * fieldCount);
  return all.includes(-1) ? all.filter((column) => column >= 0) : all;
}
