import { type DesignChunk, type DesignMatrix, fitWeightsOf } from "../encode/design_matrix.ts";
import { log, log1p } from "../math/elementary.ts";
import { blockRows, createKernelMemory, growTo, type KernelMemory } from "./kernel_memory.ts";
import type { PassPoint } from "./objective.ts";
import { type HessianBy, hessianByOf, type SumsLayout } from "./sums_layout.ts";

/** The WebAssembly loops over rows, for one thread. Blocks of rows are copied to the kernel's memory and summed there. */
export type RowKernel = ReturnType<typeof createRowKernel>;

/**
 * @param design Only its groups and numeric columns count: chunks are passed one by one.
 * @param hessianBy As in the layouts with a Hessian that the kernel will be given.
 */
export function createRowKernel(design: DesignMatrix, hessianBy: HessianBy = hessianByOf(design)) {
  const memory = createKernelMemory(design, hessianBy);
  const { at } = memory;
  let layout: SumsLayout | undefined;
  let intercept = 0;
  let directionIntercept = 0;
  let directionAt: PointAddresses | undefined;

  /** Calls `addSums` with each block of rows, after it has computed their residuals and curvatures and added their loss. */
  function forBlocks(
    chunk: DesignChunk,
    from: number,
    to: number,
    addSums: (count: number, layout: SumsLayout) => void,
  ): void {
    if (!layout) throw new Error("rows are added before clear() has set a layout");
    for (let start = from; start < to; start += blockRows) {
      const count = Math.min(blockRows, to - start);
      loadFeatures(memory, chunk, start, count);
      computeLogits(memory, chunk, intercept, at, count);
      memory.numbers[at.sums / 8] += computeResiduals(memory, chunk, start, count);
      addSums(count, layout);
    }
  }

  return {
    /** Sets the point at which rows are evaluated. */
    setPoint(point: PassPoint): void {
      intercept = point.intercept;
      point.cellLogits.forEach((logits, g) => memory.numbers.set(logits, at.cellLogits[g] / 8));
      memory.numbers.set(point.numeric, at.coefficients / 8);
    },
    /** Sets the direction of `addHessianProducts`. @param sums The layout that `clear` will set. */
    setDirection(direction: PassPoint, sums: SumsLayout): void {
      directionIntercept = direction.intercept;
      directionAt = loadDirection(memory, at.sums + 8 * sums.length, direction);
    },
    /** Computes the log-odds of rows from … to − 1 of a chunk. @param out Shape (to − from). */
    logits(chunk: DesignChunk, from: number, to: number, out: Float64Array): void {
      for (let start = from; start < to; start += blockRows) {
        const count = Math.min(blockRows, to - start);
        loadFeatures(memory, chunk, start, count);
        computeLogits(memory, chunk, intercept, at, count);
        out.set(memory.numbers.subarray(at.logits / 8, at.logits / 8 + count), start - from);
      }
    },
    /** Sets the sums to zeros of the layout's length. */
    clear(newLayout: SumsLayout): void {
      layout = newLayout;
      growTo(memory, at.sums + 8 * layout.length);
      memory.numbers.fill(0, at.sums / 8, at.sums / 8 + layout.length);
    },
    /** Adds loss, gradient and, if the layout has one, Hessian of rows from … to − 1 of a chunk to the sums. */
    add(chunk: DesignChunk, from: number, to: number): void {
      forBlocks(chunk, from, to, (count, layout) => {
        if (layout.hessianBy === "cells") addCells(memory, design.groups, chunk, count, layout);
        else addToColumns(memory, at.residuals, chunk, count, layout);
        if (layout.hessianBy === "columns") addHessianByColumns(memory, design, chunk, count, layout);
      });
    },
    /** As `add`, to a layout without a Hessian, with each row's curvature in place of its residual. */
    addCurvatures(chunk: DesignChunk, from: number, to: number): void {
      forBlocks(chunk, from, to, (count, layout) => {
        addToColumns(memory, at.curvatures, chunk, count, layout);
      });
    },
    /** As `addCurvatures`, with each row's curvature times its change of log-odds along the direction. */
    addHessianProducts(chunk: DesignChunk, from: number, to: number): void {
      const tables = directionAt;
      if (!tables) throw new Error("products are added before setDirection()");
      forBlocks(chunk, from, to, (count, layout) => {
        scaleCurvatures(memory, chunk, directionIntercept, tables, count);
        addToColumns(memory, at.curvatures, chunk, count, layout);
      });
    },
    /** Returns a copy of the sums. */
    sums: (): Float64Array => memory.numbers.slice(at.sums / 8, at.sums / 8 + (layout?.length ?? 0)),
  };
}

/** Addresses of the tables of one point, in bytes. */
interface PointAddresses {
  /** Per group: the log-odds of all cells. */
  readonly cellLogits: readonly number[];
  /** Coefficients of the numeric columns. */
  readonly coefficients: number;
}

/** Copies a direction's tables behind the sums: only fits that need products have them. */
function loadDirection(
  memory: KernelMemory,
  sumsEnd: number,
  { cellLogits, numeric }: PassPoint,
): PointAddresses {
  let end = Math.ceil(sumsEnd / 64) * 64;
  const load = (values: Float64Array) => {
    const at = end;
    end += Math.ceil((8 * values.length + 16) / 64) * 64;
    growTo(memory, end);
    memory.numbers.set(values, at / 8);
    return at;
  };
  return { coefficients: load(numeric), cellLogits: cellLogits.map(load) };
}

/** Copies a block's cell codes and numbers to the kernel's memory. */
function loadFeatures(
  { at, width, numbers, bytes }: KernelMemory,
  { cells, numeric }: DesignChunk,
  start: number,
  count: number,
): void {
  for (let g = 0; g < cells.length; g++) {
    const { buffer, byteOffset, BYTES_PER_ELEMENT: size } = cells[g];
    bytes.set(new Uint8Array(buffer, byteOffset + start * size, count * size), at.codes[g]);
  }
  if (width > 0) numbers.set(numeric.subarray(start * width, (start + count) * width), at.numeric / 8);
}

/** @param tables Of the point or of the direction. */
function computeLogits(
  { kernel, at, width }: KernelMemory,
  { cells }: DesignChunk,
  intercept: number,
  tables: PointAddresses,
  count: number,
): void {
  kernel.linear(at.logits, intercept, at.numeric, width, tables.coefficients, count);
  for (let g = 0; g < cells.length; g++) {
    const add = cells[g].BYTES_PER_ELEMENT === 2 ? kernel.addCells16 : kernel.addCells32;
    add(at.logits, at.codes[g], tables.cellLogits[g], count);
  }
}

/** Multiplies the block's curvatures by the rows' change of log-odds along a direction. */
function scaleCurvatures(
  memory: KernelMemory,
  chunk: DesignChunk,
  intercept: number,
  tables: PointAddresses,
  count: number,
): void {
  const { kernel, at, numbers } = memory;
  computeLogits(memory, chunk, intercept, tables, count);
  // The padding row, whose curvature is 0.
  numbers[at.logits / 8 + count] = 0;
  kernel.scale(at.curvatures, at.logits, count);
}

/** Computes the block's residuals and curvatures. @returns Its loss. */
function computeResiduals(
  { kernel, at, numbers, bytes }: KernelMemory,
  chunk: DesignChunk,
  start: number,
  count: number,
): number {
  const { labels } = chunk;
  const fitWeights = fitWeightsOf(chunk);
  bytes.set(labels.subarray(start, start + count), at.labels);
  kernel.residuals(
    at.logits,
    at.labels,
    at.powers,
    at.residuals,
    at.curvatures,
    at.odds,
    at.lossParts,
    count,
  );
  if (fitWeights === undefined) {
    const [first, second, firstMaxima, secondMaxima] = numbers.subarray(
      at.lossParts / 8,
      at.lossParts / 8 + 4,
    );
    return log(first) + log(second) + (firstMaxima + secondMaxima);
  }
  const weights = fitWeights.subarray(start, start + count);
  numbers.set(weights, at.weights / 8);
  kernel.scale(at.residuals, at.weights, count);
  kernel.scale(at.curvatures, at.weights, count);
  const [logitsAt, oddsAt] = [at.logits / 8, at.odds / 8];
  let loss = 0;
  for (let i = 0; i < count; i++) {
    const logit = numbers[logitsAt + i];
    const away = labels[start + i] === 1 ? -logit : logit;
    loss += weights[i] * (log1p(numbers[oddsAt + i]) + (away > 0 ? away : 0));
  }
  return loss;
}

/** Adds one number per row of the block to the sums of each of the row's columns. @param values Address of the numbers. */
function addToColumns(
  { kernel, at, width, numbers }: KernelMemory,
  values: number,
  { cells }: DesignChunk,
  count: number,
  { cellsAt, numericGradientAt }: SumsLayout,
): void {
  if (cells.length === 0) numbers[at.sums / 8 + 1] += kernel.total(values, count);
  for (let g = 0; g < cells.length; g++) {
    const scatter = cells[g].BYTES_PER_ELEMENT === 2 ? kernel.scatter16 : kernel.scatter32;
    scatter(at.sums + 8 * cellsAt[g], at.codes[g], values, count);
  }
  if (width > 0) kernel.addProducts(at.sums + 8 * numericGradientAt, at.numeric, width, values, count);
}

/** Adds the block's curvatures to a Hessian by columns. */
function addHessianByColumns(
  { kernel, at, width }: KernelMemory,
  { groups, columnCount }: DesignMatrix,
  { cells }: DesignChunk,
  count: number,
  { columnsAt, numericHessianAt }: SumsLayout,
): void {
  const words = new Int32Array(kernel.memory.buffer, at.groups, 4 * groups.length);
  groups.forEach(({ fieldCount }, g) =>
    words.set([at.codes[g], at.columns[g], cells[g].BYTES_PER_ELEMENT, fieldCount], 4 * g)
  );
  kernel.addColumnPairs(
    at.sums + 8 * columnsAt,
    at.groups,
    groups.length,
    at.numeric,
    at.numericColumns,
    width,
    columnCount,
    at.rowColumns,
    at.curvatures,
    count,
  );
  if (width > 0) {
    kernel.addSquares(at.sums + 8 * numericHessianAt, at.numeric, width, at.curvatures, count);
  }
}

/** Adds the block's residuals and curvatures to a gradient and a Hessian by cells. */
function addCells(
  { kernel, at, width, numbers }: KernelMemory,
  groups: DesignMatrix["groups"],
  { cells }: DesignChunk,
  count: number,
  { cellsAt, numericGradientAt, numericHessianAt, pairsAt }: SumsLayout,
): void {
  if (cells.length === 0) {
    const cell = at.sums / 8 + 1;
    numbers[cell] += kernel.total(at.residuals, count);
    numbers[cell + 1] += kernel.total(at.curvatures, count);
    if (width > 0) kernel.addProducts(8 * (cell + 2), at.numeric, width, at.curvatures, count);
  }
  for (let g = 0; g < cells.length; g++) {
    const add = cells[g].BYTES_PER_ELEMENT === 2 ? kernel.addCellRows16 : kernel.addCellRows32;
    add(at.sums + 8 * cellsAt[g], at.codes[g], at.numeric, width, at.residuals, at.curvatures, count);
  }
  if (width > 0) {
    kernel.addProducts(at.sums + 8 * numericGradientAt, at.numeric, width, at.residuals, count);
    kernel.addSquares(at.sums + 8 * numericHessianAt, at.numeric, width, at.curvatures, count);
  }
  for (const { first, second, at: pairAt } of pairsAt) {
    kernel.addPairs(
      at.sums + 8 * pairAt,
      at.codes[first],
      cells[first].BYTES_PER_ELEMENT,
      at.codes[second],
      cells[second].BYTES_PER_ELEMENT,
      groups[second].cellCount,
      at.curvatures,
      count,
    );
  }
}
