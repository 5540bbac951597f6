import { loadEach } from "../chunks/chunk_store.ts";
import {
  type DesignChunk,
  type DesignMatrix,
  fitWeightsOf,
  forRowRanges,
  rowsOf,
} from "../encode/design_matrix.ts";
import { factorise } from "../math/cholesky.ts";
import { probabilityOf } from "../model/predictor.ts";
import { forLogits } from "./logits.ts";

/** Groups whose sums are held at once, times columns: 64 MB. */
const heldNumbersMax = 2 ** 23;

/**
 * Computes the covariance of the coefficients that allows for rows of a group to depend on each other, and for a model that does not hold
 * exactly: A⁻¹ · (G / (G − 1) · Σ over groups of s·sᵀ) · A⁻¹, where A is the Hessian, s the sum of a group's gradients, and G the number of groups.
 *
 * @param design With the hashes of the groups.
 * @param coefficients An optimum, shape (columns + 1), intercept last.
 * @param precision A, shape (columns + 1, columns + 1).
 * @returns Shape (columns + 1, columns + 1); 0 for columns that are combinations of others. undefined if there are fewer than two groups.
 * @see Cameron & Miller, A Practitioner's Guide to Cluster-Robust Inference (2015), section II.
 */
export function robustCovariance(
  design: DesignMatrix,
  parts: readonly number[],
  coefficients: Float64Array,
  precision: Float64Array,
): Float64Array | undefined {
  const size = design.columnCount + 1;
  const { sums, groupCount } = groupProducts(design, parts, coefficients);
  if (groupCount < 2) return undefined;
  const order = [size - 1, ...Array.from({ length: size - 1 }, (_, column) => column)];
  const { solve } = factorise(precision, size, order);
  const half = new Float64Array(size * size);
  const covariance = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    half.set(solve(sums.subarray(row * size, (row + 1) * size)), row * size);
  }
  const own = new Float64Array(size);
  for (let column = 0; column < size; column++) {
    for (let row = 0; row < size; row++) own[row] = half[row * size + column];
    covariance.set(solve(own), column * size);
  }
  const scale = groupCount / (groupCount - 1);
  for (let a = 0; a < size; a++) {
    for (let b = 0; b <= a; b++) {
      // Symmetric but for rounding.
      const value = scale * (covariance[a * size + b] + covariance[b * size + a]) / 2;
      covariance[a * size + b] = covariance[b * size + a] = value;
    }
  }
  return covariance;
}

/** Sums the products s·sᵀ of the groups' gradients, some groups at a time. */
function groupProducts(design: DesignMatrix, parts: readonly number[], coefficients: Float64Array) {
  const size = design.columnCount + 1;
  const residuals = residualsOf(design, parts, coefficients);
  const numbers = numbersOfGroups(design, parts);
  const sums = new Float64Array(size * size);
  const groupCount = numbers.size;
  const held = Math.max(1, Math.floor(heldNumbersMax / size));
  const gradients = new Float64Array(Math.min(held, groupCount) * size);
  const touched = new Int32Array(size);
  for (let first = 0; first < groupCount; first += held) {
    gradients.fill(0);
    let at = 0;
    for (const chunk of loadEach(design.chunks)) {
      forRowRanges(chunk, parts, (from, to) => {
        for (let row = from; row < to; row++, at++) {
          const group = (numbers.get(groupsOf(chunk)[row]) ?? 0) - first;
          if (group >= 0 && group < held) {
            addGradient(design, chunk, row, residuals[at], gradients, group * size);
          }
        }
      });
    }
    const count = Math.min(held, groupCount - first);
    for (let group = 0; group < count; group++) addProduct(gradients, group * size, sums, size, touched);
  }
  for (let a = 0; a < size; a++) for (let b = 0; b < a; b++) sums[b * size + a] = sums[a * size + b];
  return { sums, groupCount };
}

function groupsOf({ groups }: DesignChunk): Uint32Array {
  if (!groups) throw new Error("the design has no group hashes");
  return groups;
}

/** Numbers the groups in the order of their hashes, so that sums do not depend on where rows are. */
function numbersOfGroups(design: DesignMatrix, parts: readonly number[]): Map<number, number> {
  const found = new Set<number>();
  for (const chunk of loadEach(design.chunks)) {
    forRowRanges(chunk, parts, (from, to) => {
      for (let row = from; row < to; row++) found.add(groupsOf(chunk)[row]);
    });
  }
  const hashes = Uint32Array.from(found).sort();
  return new Map(Array.from(hashes, (hash, i) => [hash, i]));
}

/** Returns each row's weight times (probability − label), in the order of the walk. */
function residualsOf(
  design: DesignMatrix,
  parts: readonly number[],
  coefficients: Float64Array,
): Float64Array {
  const residuals = new Float64Array(rowsOf(design, parts));
  let at = 0;
  forLogits(design, parts, coefficients, (chunk, from, to, logits) => {
    const weights = fitWeightsOf(chunk);
    for (let row = from; row < to; row++, at++) {
      residuals[at] = (weights ? weights[row] : 1) * (probabilityOf(logits[row - from]) - chunk.labels[row]);
    }
  });
  return residuals;
}

function addGradient(
  { groups, numericColumns, columnCount }: DesignMatrix,
  chunk: DesignChunk,
  row: number,
  residual: number,
  gradients: Float64Array,
  at: number,
): void {
  const width = numericColumns.length;
  gradients[at + columnCount] += residual;
  for (let j = 0; j < width; j++) {
    gradients[at + numericColumns[j]] += residual * chunk.numeric[row * width + j];
  }
  for (let g = 0; g < groups.length; g++) {
    const { fieldCount, columns } = groups[g];
    for (let k = chunk.cells[g][row] * fieldCount, end = k + fieldCount; k < end; k++) {
      if (columns[k] >= 0) gradients[at + columns[k]] += residual;
    }
  }
}

/** Adds the product of a group's gradient with itself to the lower triangle: most entries are 0. */
function addProduct(
  gradients: Float64Array,
  at: number,
  sums: Float64Array,
  size: number,
  touched: Int32Array,
): void {
  let count = 0;
  for (let column = 0; column < size; column++) if (gradients[at + column] !== 0) touched[count++] = column;
  for (let i = 0; i < count; i++) {
    const [row, value] = [touched[i] * size, gradients[at + touched[i]]];
    for (let k = 0; k <= i; k++) sums[row + touched[k]] += value * gradients[at + touched[k]];
  }
}
