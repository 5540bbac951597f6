import bytes from "./kernel/rows.wasm" with { type: "bytes" };
import {
  type CellCodes,
  type DesignChunk,
  type DesignMatrix,
  fitWeightsOf,
} from "../encode/design_matrix.ts";
import { fractionalPowers, log, log1p } from "../math/elementary.ts";
import type { PassPoint } from "./objective.ts";
import { type HessianBy, hessianByOf, type SumsLayout } from "./sums_layout.ts";

/**
 * Rows that are worked on together, one simple loop after the other. The kernel's products of factors in (1, 2], one of
 * even rows and one of odd ones, cannot overflow with as many.
 */
const blockRows = 1_024;
const pageBytes = 65_536;

/** What rows.wasm exports. Addresses are in bytes. */
interface Kernel {
  readonly memory: WebAssembly.Memory;
  addCells16(out: number, codes: number, table: number, count: number): void;
  addCells32(out: number, codes: number, table: number, count: number): void;
  linear(
    out: number,
    base: number,
    numeric: number,
    width: number,
    coefficients: number,
    count: number,
  ): void;
  residuals(
    logits: number,
    labels: number,
    powers: number,
    residuals: number,
    curvatures: number,
    odds: number,
    sums: number,
    count: number,
  ): void;
  scale(values: number, factors: number, count: number): void;
  total(values: number, count: number): number;
  scatter16(sums: number, codes: number, values: number, count: number): void;
  scatter32(sums: number, codes: number, values: number, count: number): void;
  addProducts(sums: number, numeric: number, width: number, factors: number, count: number): void;
  addCellRows16(
    sums: number,
    codes: number,
    numeric: number,
    width: number,
    residuals: number,
    curvatures: number,
    count: number,
  ): void;
  addCellRows32: Kernel["addCellRows16"];
  addSquares(sums: number, numeric: number, width: number, curvatures: number, count: number): void;
  addPairs(
    sums: number,
    first: number,
    firstBytes: number,
    second: number,
    secondBytes: number,
    columns: number,
    values: number,
    count: number,
  ): void;
  addColumnPairs(
    hessian: number,
    groups: number,
    groupCount: number,
    numeric: number,
    numericColumns: number,
    width: number,
    intercept: number,
    own: number,
    curvatures: number,
    count: number,
  ): void;
}

/** The loops over one thread's rows, in a memory of their own: a block of rows is copied there, and worked on. */
export interface RowKernel {
  /** Makes the point the one at which rows are looked at. */
  moveTo(point: PassPoint): void;
  /** Log-odds of rows from … to − 1 of a chunk, in their order. @param out Shape (to − from). */
  logits(chunk: DesignChunk, from: number, to: number, out: Float64Array): void;
  /** Makes the sums zeros of the layout's length. */
  clear(layout: SumsLayout): void;
  /** Adds the loss, gradient and, where the layout has room for it, Hessian sums of rows from … to − 1 of a chunk. */
  add(chunk: DesignChunk, from: number, to: number): void;
  /** As `add`, to a layout without a Hessian, with each row's curvature in place of its residual. */
  addCurvatures(chunk: DesignChunk, from: number, to: number): void;
  /** A copy of the sums. */
  sums(): Float64Array;
}

/** 2^(j / 64). */
const powers = fractionalPowers(64);

let compiled: WebAssembly.Module | undefined;

function instantiate(): Kernel {
  compiled ??= new WebAssembly.Module(bytes);
  return new WebAssembly.Instance(compiled).exports as unknown as Kernel;
}

/** Where things lie in the memory. */
interface Addresses {
  readonly parts: number;
  readonly powers: number;
  readonly logits: number;
  readonly residuals: number;
  readonly curvatures: number;
  readonly odds: number;
  readonly weights: number;
  readonly labels: number;
  readonly numeric: number;
  readonly coefficients: number;
  /** Per group: the block's codes, and the log-odds of all cells. */
  readonly codes: readonly number[];
  readonly tables: readonly number[];
  /** For a Hessian by columns: what `addColumnPairs` wants to know of the groups, and each group's columns. */
  readonly groups: number;
  readonly columns: readonly number[];
  readonly numericColumns: number;
  readonly own: number;
  /** The last, so that they can be of any length. */
  readonly sums: number;
}

function placesOf(design: DesignMatrix, hessianBy: HessianBy): Addresses {
  const { groups, numericColumns } = design;
  let end = 0;
  const take = (byteCount: number) => {
    const at = end;
    // In whole cache lines, with room for a row too many.
    end += Math.ceil((byteCount + 16) / 64) * 64;
    return at;
  };
  const width = numericColumns.length;
  const perRow = () => take(8 * blockRows);
  const byColumns = hessianBy === "columns";
  const fieldCount = groups.reduce((sum, group) => sum + group.fieldCount, 0);
  return {
    parts: take(32),
    powers: take(8 * powers.length),
    logits: perRow(),
    residuals: perRow(),
    curvatures: perRow(),
    odds: perRow(),
    weights: perRow(),
    labels: take(blockRows),
    numeric: take(8 * width * blockRows),
    coefficients: take(8 * width),
    codes: groups.map(() => take(4 * blockRows)),
    tables: groups.map(({ cellCount }) => take(8 * cellCount)),
    groups: take(16 * groups.length),
    columns: groups.map(({ columns }) => byColumns ? take(columns.byteLength) : 0),
    numericColumns: take(4 * width),
    own: take(4 * (fieldCount + 1)),
    sums: end,
  };
}

/**
 * @param design Only its groups and numeric columns count: chunks come one by one.
 * @param hessianBy As in the layouts with a Hessian that it will be given.
 */
export function createRowKernel(
  design: DesignMatrix,
  hessianBy: HessianBy = hessianByOf(design),
): RowKernel {
  const kernel = instantiate();
  const at = placesOf(design, hessianBy);
  const width = design.numericColumns.length;
  let layout: SumsLayout | undefined;
  let intercept = 0;
  let numbers: Float64Array = new Float64Array();
  let memory: Uint8Array = new Uint8Array();
  const grow = (byteCount: number) => {
    const missing = byteCount - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / pageBytes));
    if (numbers.buffer === kernel.memory.buffer) return;
    numbers = new Float64Array(kernel.memory.buffer);
    memory = new Uint8Array(kernel.memory.buffer);
  };
  grow(at.sums);
  numbers.set(powers, at.powers / 8);
  if (hessianBy === "columns") {
    const words = new Int32Array(kernel.memory.buffer);
    words.set(design.numericColumns, at.numericColumns / 4);
    design.groups.forEach(({ columns }, g) => words.set(columns, at.columns[g] / 4));
  }

  const isShort = (codes: CellCodes) => codes.BYTES_PER_ELEMENT === 2;

  function loadFeatures({ cells, numeric }: DesignChunk, start: number, count: number): void {
    for (let g = 0; g < cells.length; g++) {
      const { buffer, byteOffset, BYTES_PER_ELEMENT: size } = cells[g];
      memory.set(new Uint8Array(buffer, byteOffset + start * size, count * size), at.codes[g]);
    }
    if (width > 0) numbers.set(numeric.subarray(start * width, (start + count) * width), at.numeric / 8);
  }

  function fillLogits({ cells }: DesignChunk, count: number): void {
    kernel.linear(at.logits, intercept, at.numeric, width, at.coefficients, count);
    for (let g = 0; g < cells.length; g++) {
      const add = isShort(cells[g]) ? kernel.addCells16 : kernel.addCells32;
      add(at.logits, at.codes[g], at.tables[g], count);
    }
  }

  /** @returns The rows' loss. */
  function fillResiduals(chunk: DesignChunk, start: number, count: number): number {
    const { labels } = chunk;
    const weights = fitWeightsOf(chunk);
    memory.set(labels.subarray(start, start + count), at.labels);
    kernel.residuals(at.logits, at.labels, at.powers, at.residuals, at.curvatures, at.odds, at.parts, count);
    if (weights === undefined) {
      const [first, second, firstMaxima, secondMaxima] = numbers.subarray(at.parts / 8, at.parts / 8 + 4);
      return log(first) + log(second) + (firstMaxima + secondMaxima);
    }
    const own = weights.subarray(start, start + count);
    numbers.set(own, at.weights / 8);
    kernel.scale(at.residuals, at.weights, count);
    kernel.scale(at.curvatures, at.weights, count);
    let loss = 0;
    for (let i = 0; i < count; i++) {
      const logit = numbers[at.logits / 8 + i];
      const away = labels[start + i] === 1 ? -logit : logit;
      loss += own[i] * (log1p(numbers[at.odds / 8 + i]) + (away > 0 ? away : 0));
    }
    return loss;
  }

  /** @param values Address of a number per row, which is added to each of the row's columns. */
  function addToColumns(
    values: number,
    { cells }: DesignChunk,
    count: number,
    { cellsAt, numericGradientAt }: SumsLayout,
  ): void {
    if (cells.length === 0) numbers[at.sums / 8 + 1] += kernel.total(values, count);
    for (let g = 0; g < cells.length; g++) {
      const scatter = isShort(cells[g]) ? kernel.scatter16 : kernel.scatter32;
      scatter(at.sums + 8 * cellsAt[g], at.codes[g], values, count);
    }
    if (width > 0) kernel.addProducts(at.sums + 8 * numericGradientAt, at.numeric, width, values, count);
  }

  function addHessianByColumns({ cells }: DesignChunk, count: number, layout: SumsLayout): void {
    const { groups, columnCount } = design;
    const words = new Int32Array(kernel.memory.buffer, at.groups, 4 * groups.length);
    groups.forEach(({ fieldCount }, g) =>
      words.set([at.codes[g], at.columns[g], cells[g].BYTES_PER_ELEMENT, fieldCount], 4 * g)
    );
    kernel.addColumnPairs(
      at.sums + 8 * layout.columnsAt,
      at.groups,
      groups.length,
      at.numeric,
      at.numericColumns,
      width,
      columnCount,
      at.own,
      at.curvatures,
      count,
    );
    if (width > 0) {
      kernel.addSquares(at.sums + 8 * layout.numericHessianAt, at.numeric, width, at.curvatures, count);
    }
  }

  function addHessianByCells({ cells }: DesignChunk, count: number, layout: SumsLayout): void {
    if (cells.length === 0) {
      const own = at.sums / 8 + 1;
      numbers[own] += kernel.total(at.residuals, count);
      numbers[own + 1] += kernel.total(at.curvatures, count);
      if (width > 0) kernel.addProducts(8 * (own + 2), at.numeric, width, at.curvatures, count);
    }
    for (let g = 0; g < cells.length; g++) {
      const add = isShort(cells[g]) ? kernel.addCellRows16 : kernel.addCellRows32;
      add(
        at.sums + 8 * layout.cellsAt[g],
        at.codes[g],
        at.numeric,
        width,
        at.residuals,
        at.curvatures,
        count,
      );
    }
    if (width > 0) {
      kernel.addProducts(at.sums + 8 * layout.numericGradientAt, at.numeric, width, at.residuals, count);
      kernel.addSquares(at.sums + 8 * layout.numericHessianAt, at.numeric, width, at.curvatures, count);
    }
    for (const { first, second, at: pairAt } of layout.pairsAt) {
      kernel.addPairs(
        at.sums + 8 * pairAt,
        at.codes[first],
        cells[first].BYTES_PER_ELEMENT,
        at.codes[second],
        cells[second].BYTES_PER_ELEMENT,
        design.groups[second].cellCount,
        at.curvatures,
        count,
      );
    }
  }

  /** Loads the rows block by block, with their residuals and curvatures. */
  function forBlocks(
    chunk: DesignChunk,
    from: number,
    to: number,
    visit: (count: number, layout: SumsLayout) => void,
  ): void {
    if (!layout) throw new Error("sums before their layout");
    for (let start = from; start < to; start += blockRows) {
      const count = Math.min(blockRows, to - start);
      loadFeatures(chunk, start, count);
      fillLogits(chunk, count);
      numbers[at.sums / 8] += fillResiduals(chunk, start, count);
      visit(count, layout);
    }
  }

  return {
    moveTo(point) {
      intercept = point.intercept;
      point.cellLogits.forEach((table, g) => numbers.set(table, at.tables[g] / 8));
      numbers.set(point.numeric, at.coefficients / 8);
    },
    logits(chunk, from, to, out) {
      for (let start = from; start < to; start += blockRows) {
        const count = Math.min(blockRows, to - start);
        loadFeatures(chunk, start, count);
        fillLogits(chunk, count);
        out.set(numbers.subarray(at.logits / 8, at.logits / 8 + count), start - from);
      }
    },
    clear(wanted) {
      layout = wanted;
      grow(at.sums + 8 * layout.length);
      numbers.fill(0, at.sums / 8, at.sums / 8 + layout.length);
    },
    add(chunk, from, to) {
      forBlocks(chunk, from, to, (count, layout) => {
        if (layout.hessianBy === "cells") addHessianByCells(chunk, count, layout);
        else addToColumns(at.residuals, chunk, count, layout);
        if (layout.hessianBy === "columns") addHessianByColumns(chunk, count, layout);
      });
    },
    addCurvatures(chunk, from, to) {
      forBlocks(chunk, from, to, (count, layout) => addToColumns(at.curvatures, chunk, count, layout));
    },
    sums: () => numbers.slice(at.sums / 8, at.sums / 8 + (layout?.length ?? 0)),
  };
}
