import { cellLogits, type DesignMatrix } from "../encode/design_matrix.ts";
import { expandHessian } from "./hessian.ts";

/** A point at which the loss was evaluated. Sums over rows, without the penalty. */
export interface LossSums {
  /** Σ log loss. */
  readonly loss: number;
  /** Shape (columns + 1), intercept last. */
  readonly gradient: Float64Array;
  /** Shape (columns + 1, columns + 1), symmetric; absent where only the gradient was asked for. */
  readonly hessian?: Float64Array;
}

/**
 * How a pass makes the Hessian. By `cells`: weights of each cell and each pair of cells, from which the columns' are made
 * afterwards: a few additions per row. By `columns`: each row adds to its columns' entries, where tables over pairs of
 * cells would be larger than the Hessian itself.
 */
export type HessianBy = "cells" | "columns";

/** Where the sums of one span lie in its slice of memory. */
export interface SumsLayout {
  readonly length: number;
  /** Absent where only the gradient is asked for. */
  readonly hessianBy?: HessianBy;
  /** Numbers per cell: residual, and for a Hessian by cells its weight and weight times each numeric column. */
  readonly cellStride: number;
  readonly cellsAt: readonly number[];
  readonly numericCount: number;
  readonly numericGradientAt: number;
  /** Lower triangle, row by row, over the numeric columns. */
  readonly numericHessianAt: number;
  /** Lower triangle over all columns and, last, the intercept; of a Hessian by columns. */
  readonly columnsAt: number;
  /** Per pair of groups (g < h): a table of weights, shape (cells of g, cells of h). */
  readonly pairsAt: readonly { readonly first: number; readonly second: number; readonly at: number }[];
}

/** The loss comes first; then cells by group; then the numeric columns; then pairs of groups, or of columns. */
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
  // Without groups the intercept's sums need a cell of their own.
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
  return { length, ...(hessianBy ? { hessianBy } : {}), cellStride, numericCount, ...places };
}

/** Which way a pass over a design makes the Hessian. */
export function hessianByOf({ groups, columnCount }: DesignMatrix): HessianBy {
  let pairs = 0;
  let before = 0;
  for (const { cellCount } of groups) {
    pairs += before * cellCount;
    before += cellCount;
  }
  return pairs > triangleOf(columnCount + 1) ? "columns" : "cells";
}

function triangleOf(size: number): number {
  return (size * (size + 1)) / 2;
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
  return layout.hessianBy === undefined
    ? { loss, gradient }
    : { loss, gradient, hessian: expandHessian(design, layout, sums) };
}
