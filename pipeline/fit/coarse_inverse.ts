import { factorise } from "../math/cholesky.ts";
import type { CoarseDesign } from "./coarse_design.ts";

/** Selects the entries of a vector over all columns that a fit may change. The intercept is the last of both. */
export interface FreeColumns {
  /** Shape (free columns + 1). */
  readonly columns: Int32Array;
  pick(full: Float64Array): Float64Array;
  /** Returns the full vector, with zeros at the other columns. */
  spread(picked: Float64Array): Float64Array;
}

/** @param size Length of the vectors over all columns, with the intercept. */
export function freeColumns(size: number, isFree: (column: number) => boolean): FreeColumns {
  const list: number[] = [];
  for (let column = 0; column < size; column++) if (isFree(column)) list.push(column);
  const columns = Int32Array.from(list);
  return {
    columns,
    // Loops without a function per entry: each step of a fit of a million columns does this several times.
    pick(full) {
      const picked = new Float64Array(columns.length);
      for (let k = 0; k < columns.length; k++) picked[k] = full[columns[k]];
      return picked;
    },
    spread(picked) {
      const full = new Float64Array(size);
      for (let k = 0; k < columns.length; k++) full[columns[k]] = picked[k];
      return full;
    },
  };
}

/**
 * Returns an approximate inverse of the Hessian of a wide design; exact, within rounding, only if it has few columns. It is
 * the inverse of the coarse design's Hessian, which couples fields, frequent levels, numbers and the intercept, plus the
 * inverse of the diagonal for the other levels.
 *
 * @param curvatures As returned by `Passes.curvatures`, at the same point as the Hessian, of the mean loss.
 * @param hessian As returned by `CoarseDesign.hessianAt`.
 * @returns Solves for vectors of the free columns.
 * @see Nocedal & Wright, Numerical Optimization (2006), section 7.2, on the first guess of L-BFGS; Toselli & Widlund, Domain
 *   Decomposition Methods (2005), chapter 2, on a coarse space with a diagonal.
 */
export function coarseInverse(
  coarse: CoarseDesign,
  { columns }: FreeColumns,
  { hessian, curvatures, l2 }: { hessian: Float64Array; curvatures: Float64Array; l2: number },
): { solve(right: Float64Array): Float64Array } {
  const size = coarse.columnCount + 1;
  const intercept = curvatures.length - 1;
  const coarseOf = Int32Array.from(
    columns,
    (column) => column === intercept ? size - 1 : coarse.columnOf[column],
  );
  const isJoint = Uint8Array.from(coarseOf, (c) => c >= 0 && c < size - 1 && coarse.sizes[c] > 1 ? 1 : 0);
  const diagonal = Float64Array.from(columns, (column) => curvatures[column] + l2 || 1);
  const penalised = scaled(hessian, diagonalOf(coarse, curvatures));
  coarse.sizes.forEach((count, c) => penalised[c * size + c] += count * l2);
  const factor = factorise(penalised, size, [size - 1, ...Array.from({ length: size - 1 }, (_, c) => c)]);
  return {
    solve(right) {
      const sums = new Float64Array(size);
      for (let k = 0; k < right.length; k++) if (coarseOf[k] >= 0) sums[coarseOf[k]] += right[k];
      const coupled = factor.solve(sums);
      const solved = new Float64Array(right.length);
      for (let k = 0; k < right.length; k++) {
        const isAlone = coarseOf[k] < 0;
        solved[k] = (isAlone ? 0 : coupled[coarseOf[k]]) +
          (isAlone || isJoint[k] ? right[k] / diagonal[k] : 0);
      }
      return solved;
    },
  };
}

/** Returns the diagonal of the coarse Hessian over all rows; NaN for numeric columns, which would need their squares. */
function diagonalOf(
  { columnCount, columnOf, numericColumns }: CoarseDesign,
  curvatures: Float64Array,
): Float64Array {
  const diagonal = new Float64Array(columnCount + 1);
  columnOf.forEach((c, column) => {
    if (c >= 0) diagonal[c] += curvatures[column];
  });
  for (const c of numericColumns) diagonal[c] = NaN;
  diagonal[columnCount] = curvatures[curvatures.length - 1];
  return diagonal;
}

/** Scales rows and columns of a sample's Hessian, so that its diagonal becomes that of all rows. */
function scaled(hessian: Float64Array, diagonal: Float64Array): Float64Array {
  const size = diagonal.length;
  const scales = diagonal.map((value, c) => {
    const sampled = hessian[c * size + c];
    return value > 0 && sampled > 0 ? Math.sqrt(value / sampled) : value >= 0 ? 0 : 1;
  });
  const result = hessian.map((value, i) => value * scales[Math.floor(i / size)] * scales[i % size]);
  // Columns without rows in the sample get their curvature and no off-diagonal entries; for a numeric one, the intercept's.
  diagonal.forEach((value, c) => {
    if (scales[c] === 0) result[c * size + c] = value;
    else if (result[c * size + c] === 0) result[c * size + c] = diagonal[size - 1];
  });
  return result;
}
