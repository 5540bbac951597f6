import bytes from "./kernel/rows.wasm" with { type: "bytes" };
import type { DesignMatrix } from "../encode/design_matrix.ts";
import { fractionalPowers } from "../math/elementary.ts";
import type { HessianBy } from "./sums_layout.ts";

/**
 * Rows that the kernel processes together, one simple loop after the other. Its products of factors in (1, 2], one of the
 * even rows and one of the odd ones, cannot overflow with this many.
 */
export const blockRows = 1_024;
const pageBytes = 65_536;
/** 2^(j / 64), shape (64). */
const powers = fractionalPowers(64);

/** The exports of rows.wasm. Addresses are in bytes. */
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
    rowColumns: number,
    curvatures: number,
    count: number,
  ): void;
}

/** A kernel instance with its memory, laid out for one design. */
export interface KernelMemory {
  readonly kernel: Kernel;
  readonly at: ReturnType<typeof addressesOf>;
  /** Numeric columns. */
  readonly width: number;
  /** All of the memory. Replaced when it grows, as is `bytes`. */
  numbers: Float64Array;
  bytes: Uint8Array;
}

let compiled: WebAssembly.Module | undefined;

/** @param hessianBy As in the layouts with a Hessian that the kernel will be given. */
export function createKernelMemory(design: DesignMatrix, hessianBy: HessianBy): KernelMemory {
  compiled ??= new WebAssembly.Module(bytes);
  const kernel = new WebAssembly.Instance(compiled).exports as unknown as Kernel;
  const at = addressesOf(design, hessianBy);
  const width = design.numericColumns.length;
  const memory = { kernel, at, width, numbers: new Float64Array(), bytes: new Uint8Array() };
  growTo(memory, at.sums);
  memory.numbers.set(powers, at.powers / 8);
  if (hessianBy === "columns") {
    const words = new Int32Array(kernel.memory.buffer);
    words.set(design.numericColumns, at.numericColumns / 4);
    design.groups.forEach(({ columns }, g) => words.set(columns, at.columns[g] / 4));
  }
  return memory;
}

/** Makes the memory at least `byteCount` bytes long. */
export function growTo(memory: KernelMemory, byteCount: number): void {
  const { kernel } = memory;
  const missing = byteCount - kernel.memory.buffer.byteLength;
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / pageBytes));
  if (memory.numbers.buffer === kernel.memory.buffer) return;
  memory.numbers = new Float64Array(kernel.memory.buffer);
  memory.bytes = new Uint8Array(kernel.memory.buffer);
}

/** Lays out the kernel's memory. @returns Addresses in bytes. */
function addressesOf({ groups, numericColumns }: DesignMatrix, hessianBy: HessianBy) {
  let end = 0;
  const take = (byteCount: number) => {
    const at = end;
    // Whole cache lines, with space for one more row: the kernel processes rows in pairs.
    end += Math.ceil((byteCount + 16) / 64) * 64;
    return at;
  };
  const width = numericColumns.length;
  const perRow = () => take(8 * blockRows);
  const byColumns = hessianBy === "columns";
  const fieldCount = groups.reduce((sum, group) => sum + group.fieldCount, 0);
  return {
    lossParts: take(32),
    powers: take(8 * powers.length),
    logits: perRow(),
    residuals: perRow(),
    curvatures: perRow(),
    odds: perRow(),
    weights: perRow(),
    labels: take(blockRows),
    numeric: take(8 * width * blockRows),
    coefficients: take(8 * width),
    // Per group: the codes of a block of rows, and the log-odds of all cells.
    codes: groups.map(() => take(4 * blockRows)),
    cellLogits: groups.map(({ cellCount }) => take(8 * cellCount)),
    // For a Hessian by columns: the description of the groups for `addColumnPairs`, and each group's columns.
    groups: take(16 * groups.length),
    columns: groups.map(({ columns }) => byColumns ? take(columns.byteLength) : 0),
    numericColumns: take(4 * width),
    rowColumns: take(4 * (fieldCount + 1)),
    // The last, so that the sums can have any length.
    sums: end,
  };
}
