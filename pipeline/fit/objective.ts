import { cellLogits, type DesignMatrix } from "../encode/design_matrix.ts";
import { expandHessian } from "./hessian.ts";
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
