import type { DesignMatrix, FactorGroup } from "../encode/design_matrix.ts";
import type { SumsLayout } from "./sums_layout.ts";

/** Computes the Hessian from a pass's sums, shape (columns + 1, columns + 1), symmetric, intercept last. */
export function expandHessian(design: DesignMatrix, layout: SumsLayout, sums: Float64Array): Float64Array {
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
    const own = sums.subarray(layout.cellsAt[g], layout.cellsAt[g] + group.cellCount * layout.cellStride);
    addCells(hessian, size, group, numericColumns, own, g === 0 ? size - 1 : undefined);
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
