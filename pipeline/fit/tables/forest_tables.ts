import type { BoostField, BoostRun, Forest } from "./boost_rows.ts";
import { type ForestLeaf, leavesOf, readSet } from "./forest.ts";
import type { TableFields } from "./found_model.ts";
import type { BinSet } from "./leaf.ts";

/** A curve or table in log-odds. */
export interface Table {
  readonly fields: TableFields;
  /** Per field the row, and the column, of each bin, shape (bins). */
  readonly positions: readonly Int32Array[];
  /** Number of rows and columns; a curve has one column. */
  readonly shape: readonly [number, number];
  /** Row-major. */
  readonly cells: Float64Array;
}

/** The sum of a forest's trees. */
export interface ForestTables {
  /** The logit without tables. */
  readonly start: number;
  readonly tables: readonly Table[];
}

/** A leaf and the forest that holds its sets. */
interface Placed {
  readonly leaf: ForestLeaf;
  readonly forest: Forest;
}

/** The rows or columns of a table. */
interface Axis {
  /** Shape (bins). */
  readonly positions: Int32Array;
  readonly size: number;
  /** Categorical: a bin of each position. */
  readonly members: readonly number[];
}

/**
 * Adds all trees up into a curve per field and a table per pair of fields, of which adjacent bins that no tree tells apart share a row or
 * column. The sum of the trees is the sum of the tables, apart from rounding.
 *
 * @param runs Forests whose mean is taken, and how many trees of each count.
 * @returns Curves first, in the order of their fields.
 */
export function* tablesInSteps(
  runs: readonly Pick<BoostRun, "forest" | "trees">[],
  fields: readonly BoostField[],
): Generator<void, ForestTables> {
  const byPath = new Map<number, Placed[]>();
  let start = 0;
  for (const { forest, trees } of runs) {
    start += forest.start / runs.length;
    yield;
    for (const leaf of leavesOf(forest, fields, trees)) {
      const [first, second] = leaf.path;
      if (first === undefined) {
        start += leaf.value / runs.length;
        continue;
      }
      const key = second === undefined ? first : fields.length * (first + 1) + second;
      const among = byPath.get(key);
      if (among) among.push({ leaf, forest });
      else byPath.set(key, [{ leaf, forest }]);
    }
  }
  const keys = [...byPath.keys()].sort((a, b) => a - b);
  const tables: Table[] = [];
  for (const key of keys) {
    tables.push(tableOf(byPath.get(key) ?? [], fields, runs.length));
    yield;
  }
  return { start, tables };
}

function tableOf(leaves: readonly Placed[], fields: readonly BoostField[], runCount: number): Table {
  const [first, second] = leaves[0].leaf.path;
  const setsOf = (slot: number, field: number) =>
    leaves.map(({ leaf, forest }) => readSet(forest, leaf.sets[slot], fields[field]));
  const rowSets = setsOf(0, first);
  const rows = axisOf(rowSets, fields[first]);
  const columnSets = second === undefined ? undefined : setsOf(1, second);
  const columns = columnSets && second !== undefined ? axisOf(columnSets, fields[second]) : undefined;
  const shape = [rows.size, columns?.size ?? 1] as const;
  const cells = new Float64Array(shape[0] * shape[1]);
  const whole: readonly Step[] = [{ at: 0, sign: 1 }];
  for (let i = 0; i < leaves.length; i++) {
    const value = leaves[i].leaf.value / runCount;
    const across = columns && columnSets ? stepsOf(columnSets[i], columns) : whole;
    for (const down of stepsOf(rowSets[i], rows)) {
      for (const step of across) cells[down.at * shape[1] + step.at] += down.sign * step.sign * value;
    }
  }
  if (fields[first].isNumeric) accumulate(cells, shape[0], shape[1], shape[1], 1);
  if (second !== undefined && fields[second].isNumeric) accumulate(cells, shape[1], 1, shape[0], shape[1]);
  return {
    fields: second === undefined ? [first] : [first, second],
    positions: columns ? [rows.positions, columns.positions] : [rows.positions],
    shape,
    cells,
  };
}

/** Along a numeric axis cells are differences from the one before, until all leaves are added. */
interface Step {
  readonly at: number;
  readonly sign: 1 | -1;
}

function stepsOf({ range, withMissing, bits }: BinSet, { positions, size, members }: Axis): Step[] {
  if (bits) {
    return members.flatMap((bin, at): Step[] => hasBit(bits, bin) ? [{ at, sign: 1 }] : []);
  }
  const steps: Step[] = withMissing ? [{ at: 0, sign: 1 }] : [];
  if (range.from >= range.to) return steps;
  steps.push({ at: positions[range.from], sign: 1 });
  const end = positions[range.to - 1] + 1;
  if (end < size) steps.push({ at: end, sign: -1 });
  return steps;
}

/** Sums differences along an axis from position 1 on: position 0 is the missing value's own. */
function accumulate(
  cells: Float64Array,
  size: number,
  stride: number,
  lines: number,
  lineStride: number,
): void {
  for (let line = 0; line < lines; line++) {
    for (let i = 2; i < size; i++) {
      cells[line * lineStride + i * stride] += cells[line * lineStride + (i - 1) * stride];
    }
  }
}

function axisOf(sets: readonly BinSet[], { binCount, isNumeric }: BoostField): Axis {
  return isNumeric ? numericAxis(sets, binCount) : categoricalAxis(sets, binCount);
}

function numericAxis(sets: readonly BinSet[], binCount: number): Axis {
  const begins = new Uint8Array(binCount + 1);
  for (const { range } of sets) begins[range.from] = begins[range.to] = 1;
  begins[1] = 1;
  const positions = new Int32Array(binCount);
  for (let bin = 1; bin < binCount; bin++) positions[bin] = positions[bin - 1] + begins[bin];
  return { positions, size: positions[binCount - 1] + 1, members: [] };
}

/** Levels that are in the same sets share a position. */
function categoricalAxis(sets: readonly BinSet[], binCount: number): Axis {
  const positions = new Int32Array(binCount);
  let size = 1;
  for (const { bits } of sets) {
    if (size === binCount) break;
    if (!bits) throw new Error("a set of levels has no bits");
    // A class of levels of which some are in the set and some are not is divided.
    const seen = new Int32Array(2 * size).fill(-1);
    for (let bin = 0; bin < binCount; bin++) seen[2 * positions[bin] + (hasBit(bits, bin) ? 1 : 0)] = 1;
    const before = size;
    const moved = new Int32Array(before).fill(-1);
    for (let at = 0; at < before; at++) if (seen[2 * at] === 1 && seen[2 * at + 1] === 1) moved[at] = size++;
    if (size === before) continue;
    for (let bin = 0; bin < binCount; bin++) {
      const to = moved[positions[bin]];
      if (to >= 0 && hasBit(bits, bin)) positions[bin] = to;
    }
  }
  // In the order of their first levels.
  const numbers = new Int32Array(size).fill(-1);
  const members: number[] = [];
  for (let bin = 0; bin < binCount; bin++) {
    if (numbers[positions[bin]] < 0) numbers[positions[bin]] = members.push(bin) - 1;
    positions[bin] = numbers[positions[bin]];
  }
  return { positions, size, members };
}

function hasBit(bits: Int32Array, bin: number): boolean {
  return (bits[bin >> 5] >>> (bin & 31) & 1) === 1;
}

/** Adds a table's cells to the values of rows. @param rows Row numbers, shape (values). */
export function addTable(
  { fields: [first, second], positions, shape, cells }: Table,
  codes: readonly BoostField[],
  rows: Uint32Array,
  values: Float64Array,
): void {
  const down = codes[first].codes;
  if (second === undefined) {
    for (let i = 0; i < rows.length; i++) values[i] += cells[positions[0][down[rows[i]]]];
    return;
  }
  const across = codes[second].codes;
  for (let i = 0; i < rows.length; i++) {
    values[i] += cells[positions[0][down[rows[i]]] * shape[1] + positions[1][across[rows[i]]]];
  }
}
