import type { DesignMatrix } from "../encode/design_matrix.ts";

/**
 * How a pass computes the Hessian. `cells`: it sums weights per cell and per pair of cells, a few additions per row, and
 * the columns' entries are made from them afterwards. `columns`: each row adds to the entries of its columns; for designs
 * whose tables over pairs of cells would be larger than the Hessian itself.
 */
export type HessianBy = "cells" | "columns";

/** Where each sum of a pass lies in one array of numbers. */
export interface SumsLayout {
  readonly length: number;
  /** Absent if only the gradient is computed. */
  readonly hessianBy?: HessianBy;
  /** Numbers per cell: the residual; for a Hessian by cells, also the weight and the weight times each numeric column. */
  readonly cellStride: number;
  readonly cellsAt: readonly number[];
  readonly numericGradientAt: number;
  /** Lower triangle, row by row, over the numeric columns. */
  readonly numericHessianAt: number;
  /** Lower triangle over all columns and, last, the intercept; only for a Hessian by columns. */
  readonly columnsAt: number;
  /** Per pair of groups (g < h): a table of weights, shape (cells of g, cells of h). */
  readonly pairsAt: readonly { readonly first: number; readonly second: number; readonly at: number }[];
}

/** Lays out the loss, then the cells by group, the numeric columns, and pairs of groups or of columns. */
export function layoutOf(design: DesignMatrix, hessian: boolean | HessianBy): SumsLayout {
  const hessianBy = hessian === true ? hessianByOf(design) : hessian === false ? undefined : hessian;
  const numericCount = design.numericColumns.length;
  const cellStride = hessianBy === "cells" ? 2 + numericCount : 1;
  let length = 1;
  const cellsAt = design.groups.map(({ cellCount }) => {
    const at = length;
    length += cellCount * cellStride;
    return at;
  });
  // Without groups there is one cell, for the intercept.
  if (design.groups.length === 0) length += cellStride;
  const numericGradientAt = length;
  length += numericCount;
  const numericHessianAt = length;
  if (hessianBy) length += triangleOf(numericCount);
  const columnsAt = length;
  if (hessianBy === "columns") length += triangleOf(design.columnCount + 1);
  const pairsAt = [];
  if (hessianBy === "cells") {
    for (let first = 0; first < design.groups.length; first++) {
      for (let second = first + 1; second < design.groups.length; second++) {
        pairsAt.push({ first, second, at: length });
        length += design.groups[first].cellCount * design.groups[second].cellCount;
      }
    }
  }
  const places = { cellsAt, numericGradientAt, numericHessianAt, columnsAt, pairsAt };
  return { length, ...(hessianBy ? { hessianBy } : {}), cellStride, ...places };
}

/** Returns how a pass over a design computes the Hessian. */
export function hessianByOf({ groups, numericColumns, columnCount }: DesignMatrix): HessianBy {
  let sums = 0;
  let before = 0;
  for (const { cellCount, isSet } of groups) {
    sums += before * cellCount;
    // There may be a set for each row.
    if (isSet) sums += cellCount * (2 + numericColumns.length);
    before += cellCount;
  }
  return sums > triangleOf(columnCount + 1) ? "columns" : "cells";
}

function triangleOf(size: number): number {
  return (size * (size + 1)) / 2;
}
