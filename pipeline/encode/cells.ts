import type { ColumnMaker } from "../chunks/chunk_store.ts";
import type { CellCodes, FactorGroup } from "./design_matrix.ts";
import { factorsOfFields } from "./crosses.ts";
import type { CrossEncoder, Encoder } from "./encoder.ts";
import { combinationCount, type Factor } from "./factors.ts";
import { combinationsOf, type Positions } from "./positions.ts";
import type { OrderedChunk } from "../examples/ordered_chunk.ts";
import { sharedInt32, sharedUint16, sharedUint32, sharedUint8 } from "../runtime/shared_memory.ts";
import type { Steps } from "../runtime/steps.ts";

/** Columns above which a fit computes no Hessian unless it must. */
export const wideColumns = 3_000;
/** How large a group may be. */
interface GroupLimits {
  /** Cells, at most: their sums stay in the processor's cache. */
  readonly cells: number;
  /** Combinations of levels for which a lookup table is allocated, at most. */
  readonly combinations: number;
}

const narrowLimits: GroupLimits = { cells: 0x8000, combinations: 2 ** 22 };
/** Of designs with many groups: larger tables, one after the other, would leave the cache. */
const wideLimits: GroupLimits = { cells: 0x800, combinations: 2 ** 16 };
/** Factors above which tables would take too much memory. */
const manyFactors = 512;

/** The table that codes a chunk's rows: plain data, which can be posted to other threads. */
export interface CellPlan {
  readonly cellCount: number;
  readonly factors: readonly Positions[];
  /** Shape (combinations): the cell of each combination that occurs. */
  readonly cellOf: Uint16Array | Uint32Array;
}

/** A factor group, and the table of its cells. */
export interface GroupPlan extends Omit<CellPlan, "cellCount"> {
  readonly group: FactorGroup;
}

/** Marks the combinations that occur, in a pass over all rows. @param flags Shape (combinations) or longer. */
export type MarkAll = (factors: readonly Positions[], flags: Uint8Array<SharedArrayBuffer>) => Steps<void>;

/** Plans the factor groups of all one-hot columns: categories, bins, indicators of missing values, and crosses. */
export function* planGroups(
  markAll: MarkAll,
  factors: readonly Factor[],
  encoder: Encoder,
): Steps<GroupPlan[]> {
  const crosses = encoder.crosses ?? [];
  const own = factors.filter(({ columnsMax }) => columnsMax > 0);
  const isWide = encoder.columnCount > wideColumns;
  const limits = isWide
    ? wideLimits
    : own.length > manyFactors
    ? { ...narrowLimits, combinations: wideLimits.combinations }
    : narrowLimits;
  return [...yield* groupFactors(own, limits, markAll), ...crosses.map((cross) => planCross(cross, factors))];
}

/** Puts factors into groups, in order, each as long as few enough of its combinations occur. */
function* groupFactors(
  factors: readonly Factor[],
  { cells: cellsMax, combinations: productMax }: GroupLimits,
  markAll: MarkAll,
): Steps<GroupPlan[]> {
  const groups: GroupPlan[] = [];
  // Reused, since V8 does not collect unused SharedArrayBuffers in time.
  let flags = sharedUint8(0);
  function* occurring(factors: readonly Factor[]): Steps<Occurring> {
    const size = combinationCount(factors);
    if (flags.length < size) flags = sharedUint8(Math.max(size, Math.min(productMax, 2 * flags.length)));
    flags.fill(0);
    yield* markAll(factors, flags);
    const own = flags.subarray(0, size);
    return { flags: own, count: countOf(own) };
  }
  for (let from = 0; from < factors.length;) {
    let to = from + 1;
    for (let product = factors[from].positionCount; to < factors.length; to++) {
      product *= factors[to].positionCount;
      if (product > productMax) break;
    }
    let found = yield* occurring(factors.slice(from, to));
    while (found.count > cellsMax && to > from + 1) found = yield* occurring(factors.slice(from, --to));
    groups.push(planGroup(factors.slice(from, to), found));
    from = to;
  }
  return groups;
}

function countOf(flags: Uint8Array): number {
  let count = 0;
  for (let code = 0; code < flags.length; code++) count += flags[code];
  return count;
}

/** Plans the group of a cross: one cell for each combination that has a column, and one for all others. */
function planCross(cross: CrossEncoder, factors: readonly Factor[]): GroupPlan {
  const { keys, column } = cross;
  const crossed = factorsOfFields(cross, factors);
  const cellOf = new Uint32Array(combinationCount(crossed)).fill(keys.length);
  const columns = sharedInt32(keys.length + 1).fill(-1);
  keys.forEach((key, cell) => {
    cellOf[key] = cell;
    columns[cell] = column + cell;
  });
  return { group: { cellCount: keys.length + 1, fieldCount: 1, columns }, factors: crossed, cellOf };
}

/** The combinations of levels that occur in the rows. */
interface Occurring {
  /** Shape (combinations): 1 if a row has it. */
  readonly flags: Uint8Array;
  readonly count: number;
}

/** Marks the combinations of a chunk's rows. @param flags Shape (combinations): 1 if a row has it. */
export function markCombinations(
  factors: readonly Positions[],
  chunk: OrderedChunk,
  flags: Uint8Array,
): void {
  const combinations = combinationsOf(factors, chunk);
  for (let i = 0; i < combinations.length; i++) flags[combinations[i]] = 1;
}

function planGroup(factors: readonly Factor[], { flags, count }: Occurring): GroupPlan {
  const cellOf = count <= 0x10000 ? sharedUint16(flags.length) : sharedUint32(flags.length);
  for (let code = 0, cell = 0; code < flags.length; code++) if (flags[code]) cellOf[code] = cell++;
  return { group: { cellCount: count, ...columnsOf(factors, flags, count) }, factors, cellOf };
}

/** Returns the cell of each row of a chunk. */
export function cellsOf(
  { cellCount, factors, cellOf }: CellPlan,
  chunk: OrderedChunk,
  columns: ColumnMaker,
): CellCodes {
  const combinations = combinationsOf(factors, chunk);
  const cells = cellCount <= 0x10000 ? columns.uint16(chunk.rowCount) : columns.uint32(chunk.rowCount);
  for (let i = 0; i < cells.length; i++) cells[i] = cellOf[combinations[i]];
  return cells;
}

function columnsOf(
  factors: readonly Factor[],
  occurs: Uint8Array,
  cellCount: number,
): Pick<FactorGroup, "fieldCount" | "columns"> {
  /** Per factor: its first place in a cell, of as many as it has columns at a position. */
  const places: number[] = [];
  let fieldCount = 0;
  for (const factor of factors) {
    places.push(fieldCount);
    fieldCount += factor.columnsMax;
  }
  const columns = sharedInt32(cellCount * fieldCount).fill(-1);
  for (let code = 0, cell = 0; code < occurs.length; code++) {
    if (!occurs[code]) continue;
    let rest = code;
    for (let f = factors.length - 1; f >= 0; f--) {
      const position = rest % factors[f].positionCount;
      rest = (rest - position) / factors[f].positionCount;
      columns.set(factors[f].columnsAt(position), cell * fieldCount + places[f]);
    }
    cell++;
  }
  return { fieldCount, columns };
}
