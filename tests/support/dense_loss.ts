import { loadEach } from "../../pipeline/chunks/chunk_store.ts";
import type { DesignMatrix } from "../../pipeline/encode/design_matrix.ts";

/** Rows as a dense matrix: the reference for the structured design. */
export interface DenseExamples {
  /** Shape (rows, columns + 1); the last column is 1, for the intercept. */
  readonly X: readonly (readonly number[])[];
  readonly labels: readonly number[];
  readonly weights: readonly number[];
}

/** Expands the rows of one part of a design, the training rows by default, including zeros. */
export function denseExamples(design: DesignMatrix, part = 0): DenseExamples {
  const X: number[][] = [];
  const labels: number[] = [];
  const weights: number[] = [];
  for (const chunk of loadEach(design.chunks)) {
    for (let i = part === 0 ? 0 : chunk.partEnds[part - 1]; i < chunk.partEnds[part]; i++) {
      const row = new Array<number>(design.columnCount + 1).fill(0);
      row[design.columnCount] = 1;
      design.numericColumns.forEach((column, j) => {
        row[column] += chunk.numeric[i * design.numericColumns.length + j];
      });
      design.groups.forEach(({ fieldCount, columns }, g) => {
        const cell = chunk.cells[g][i];
        for (const column of columns.subarray(cell * fieldCount, (cell + 1) * fieldCount)) {
          if (column >= 0) row[column] += 1;
        }
      });
      X.push(row);
      labels.push(chunk.labels[i]);
      weights.push(chunk.weights?.[i] ?? 1);
    }
  }
  return { X, labels, weights };
}

/** Computes Σ wᵢ · log loss and its derivatives by definition, row by row. */
export function denseLoss(
  { X, labels, weights }: DenseExamples,
  coefficients: ArrayLike<number>,
): { loss: number; gradient: number[]; hessian: number[][] } {
  const size = coefficients.length;
  let loss = 0;
  const gradient = new Array<number>(size).fill(0);
  const hessian = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  X.forEach((row, i) => {
    const logit = row.reduce((sum, value, j) => sum + value * coefficients[j], 0);
    const probability = 1 / (1 + Math.exp(-logit));
    // max(η, 0) − y·η + log(1 + e^−|η|)
    loss += weights[i] * (Math.max(logit, 0) - labels[i] * logit + Math.log1p(Math.exp(-Math.abs(logit))));
    const residual = weights[i] * (probability - labels[i]);
    const weight = weights[i] * probability * (1 - probability);
    const used = [...row.keys()].filter((j) => row[j] !== 0);
    for (const a of used) {
      gradient[a] += residual * row[a];
      for (const b of used) hessian[a][b] += weight * row[a] * row[b];
    }
  });
  return { loss, gradient, hessian };
}
