import { largeFactor } from "./large_factor.ts";

/** The LDLᵀ factorisation of a symmetric positive semidefinite matrix, for any number of right-hand sides. */
export type Factor = ReturnType<typeof factorise>;

/** A pivot below this share of its diagonal entry is rounding error. */
const pivotShareMin = 1e-11;
/** For a smaller matrix, the kernel would gain less than its memory costs. */
const largeSizeMin = 256;

/** What an aliased column has beyond the combination of the others is rounding up to this. */
const distanceTolerance = 1e-6;

/**
 * Factorises A in the given order of columns. Leaves out a column that is a combination of those before it, such as the last
 * level of a category after an intercept, as R's `glm` does with aliased columns.
 *
 * @param A Shape (stride, stride), row-major; only the lower triangle is read.
 * @param order The columns to factorise, those to keep first.
 * @see Golub & Van Loan, Matrix Computations (2013), section 4.1.
 */
export function factorise(A: Float64Array, stride: number, order: readonly number[]) {
  const { L, stride: rowLength, pivots, aliased } = order.length < largeSizeMin
    ? smallFactor(A, stride, order)
    : factorByKernel(A, stride, order);
  const size = order.length;
  /** Solves L·z = b; an entry of an aliased column is what b has there beyond the combination of the others. */
  const forward = (b: Float64Array): Float64Array => {
    const z = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      let sum = b[order[i]];
      for (let k = 0; k < i; k++) if (pivots[k] !== 0) sum -= L[i * size + k] * z[k];
      z[i] = sum;
    }
    return z;
  };
  return {
    /** Columns that are, within rounding, a combination of those before them. */
    aliased,
    /** Solves A·x = b over the columns of the order; all others, and the aliased ones, are 0 in x. */
    solve(b: Float64Array): Float64Array {
      const z = new Float64Array(size);
      for (let i = 0; i < size; i++) {
        let sum = b[order[i]];
        for (let k = 0; k < i; k++) sum -= L[i * rowLength + k] * z[k];
        z[i] = pivots[i] === 0 ? 0 : sum;
      }
      const x = new Float64Array(stride);
      for (let i = size - 1; i >= 0; i--) {
        if (pivots[i] === 0) continue;
        let sum = z[i] / pivots[i];
        for (let k = i + 1; k < size; k++) sum -= L[k * rowLength + i] * x[order[k]];
        x[order[i]] = sum;
      }
      return x;
    },
    /**
     * Returns bᵀ·A⁻¹·b over the columns of the order: the variance of b·x if A is the inverse covariance of x. Infinity if b is no
     * combination of the columns of A, which then does not determine b·x.
     */
    quadratic(b: Float64Array): number {
      const z = forward(b);
      let sum = 0;
      for (let i = 0; i < size; i++) {
        if (pivots[i] !== 0) sum += z[i] ** 2 / pivots[i];
        else if (Math.abs(z[i]) > distanceTolerance) return Infinity;
      }
      return sum;
    },
  };
}

interface Parts {
  /** Shape (size, stride), row-major, where only what is below the diagonal counts. */
  readonly L: Float64Array;
  readonly stride: number;
  /** Shape (size); 0 for an aliased column. */
  readonly pivots: Float64Array;
  readonly aliased: readonly number[];
}

function smallFactor(A: Float64Array, stride: number, order: readonly number[]): Parts {
  const size = order.length;
  const L = new Float64Array(size * size);
  const pivots = new Float64Array(size);
  const aliased: number[] = [];
  // Row i of L·D, while it is computed.
  const scaled = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const row = i * size;
    for (let j = 0; j <= i; j++) {
      const a = A[lowerAt(order[i], order[j], stride)];
      const sum = a - dotOf(scaled, L, j * size, j);
      if (j < i) {
        scaled[j] = sum;
        L[row + j] = pivots[j] === 0 ? 0 : sum / pivots[j];
      } else if (sum > pivotShareMin * a) pivots[i] = sum;
      else aliased.push(order[i]);
    }
  }
  return { L, stride: size, pivots, aliased };
}

function factorByKernel(A: Float64Array, stride: number, order: readonly number[]): Parts {
  const factor = largeFactor(order.length, pivotShareMin, (L, rowLength) => {
    for (let i = 0; i < order.length; i++) {
      for (let j = 0; j <= i; j++) L[i * rowLength + j] = A[lowerAt(order[i], order[j], stride)];
    }
  });
  return { ...factor, aliased: order.filter((_, i) => factor.pivots[i] === 0) };
}

/** Returns where the lower triangle has the entry of two columns. */
function lowerAt(a: number, b: number, stride: number): number {
  return a > b ? a * stride + b : b * stride + a;
}

/** Returns Σ a[k] · b[from + k] for k < count. Four independent sums, since each addition to one would wait for the last. */
function dotOf(a: Float64Array, b: Float64Array, from: number, count: number): number {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  let k = 0;
  for (; k + 4 <= count; k += 4) {
    first += a[k] * b[from + k];
    second += a[k + 1] * b[from + k + 1];
    third += a[k + 2] * b[from + k + 2];
    fourth += a[k + 3] * b[from + k + 3];
  }
  for (; k < count; k++) first += a[k] * b[from + k];
  return first + second + (third + fourth);
}
