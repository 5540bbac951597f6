import type { ColumnMaker } from "../chunks/column_pool.ts";
import type { CellCodes, Group } from "./design_matrix.ts";
import {
  type CategoricalEncoder,
  encodeCategory,
  type Encoder,
  type NumericEncoder,
  positionsOf,
} from "./encoder.ts";
import { type OrderedChunk, strideOf } from "../examples/ordered_chunk.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import { sharedInt32 } from "../shared_memory.ts";

/** Cells of one group at the most: their sums stay in the processor's cache. */
const cellsMax = 0x8000;
/** Combinations of levels that a table of all of them is made for. */
const combinationsMax = 2 ** 22;

/** One categorical field, or one indicator of missing values: which column a row's value has its 1 in. */
interface Factor {
  readonly positionCount: number;
  /** Column per position; −1 for none. */
  readonly columns: readonly number[];
  /** Multiplies each row's combination by the number of positions and adds its own. @param out Shape (rows). */
  append(chunk: OrderedChunk, out: Uint32Array): void;
}

/** Walks over all chunks once: each holds until the next one comes. */
export type Walk = () => Iterable<OrderedChunk>;

/** A group of fields, with what it takes to code a chunk's rows. */
export interface GroupPlan {
  readonly group: Group;
  readonly factors: readonly Factor[];
  /** Shape (combinations): the cell of each that occurs. */
  readonly cellOf: Uint32Array;
}

/**
 * Plans how all fields are coded that have one column in many: categories, and indicators of missing values.
 *
 * @param walk Over chunks with missing numbers still missing.
 */
export function planGroups(walk: Walk, levels: RawExamples["levels"], encoder: Encoder): GroupPlan[] {
  return groupFactors(factorsOf(walk, levels, encoder), walk);
}

function factorsOf(walk: Walk, levels: RawExamples["levels"], encoder: Encoder): Factor[] {
  const factors: Factor[] = [];
  const missing = missingFields(walk, encoder);
  let numericIndex = 0;
  let categoricalIndex = 0;
  for (const feature of encoder.features) {
    if (feature.type === "numeric") {
      const field = numericIndex++;
      // Where nothing is missing the indicator's column is all 0 and has no cell to be in.
      if (missing.has(field)) factors.push(missingFactor(feature, field));
    } else {
      const field = categoricalIndex++;
      factors.push(categoricalFactor(feature, field, levels[field]));
    }
  }
  return factors;
}

/** The numeric fields that want an indicator and have a missing value. */
function missingFields(walk: Walk, { features }: Encoder): ReadonlySet<number> {
  const numeric = features.filter((feature) => feature.type === "numeric");
  const open = new Set([...numeric.keys()].filter((field) => numeric[field].missingIndicator));
  const found = new Set<number>();
  if (open.size === 0) return found;
  for (const chunk of walk()) {
    for (const field of open) {
      if (!hasMissing(chunk, field)) continue;
      open.delete(field);
      found.add(field);
    }
    if (open.size === 0) break;
  }
  return found;
}

function hasMissing(chunk: OrderedChunk, field: number): boolean {
  const { numeric } = chunk;
  const stride = strideOf(chunk);
  for (let k = field; k < numeric.length; k += stride) if (numeric[k] !== numeric[k]) return true;
  return false;
}

function missingFactor(feature: NumericEncoder, field: number): Factor {
  return {
    positionCount: 2,
    columns: [-1, feature.column + 1],
    append(chunk, out) {
      const { numeric } = chunk;
      const stride = strideOf(chunk);
      for (let i = 0, k = field; i < out.length; i++, k += stride) {
        out[i] = 2 * out[i] + (numeric[k] === numeric[k] ? 0 : 1);
      }
    },
  };
}

function categoricalFactor(
  feature: CategoricalEncoder,
  field: number,
  levels: readonly (string | null)[],
): Factor {
  const positions = positionsOf(feature);
  const levelCount = feature.levels.length;
  const positionOf = Uint32Array.from(levels, (level) => encodeCategory(positions, levelCount, level));
  const positionCount = levelCount + 2;
  return {
    positionCount,
    columns: Array.from({ length: positionCount }, (_, position) => feature.column + position),
    append(chunk, out) {
      const codes = chunk.codes[field];
      for (let i = 0; i < out.length; i++) out[i] = positionCount * out[i] + positionOf[codes[i]];
    },
  };
}

/** Joins factors into groups, one after the other, as long as few of a group's combinations occur. */
function groupFactors(factors: readonly Factor[], walk: Walk): GroupPlan[] {
  const groups: GroupPlan[] = [];
  for (let from = 0; from < factors.length;) {
    let to = from + 1;
    for (let product = factors[from].positionCount; to < factors.length; to++) {
      product *= factors[to].positionCount;
      if (product > combinationsMax) break;
    }
    let occurring = occurringCombinations(factors.slice(from, to), walk);
    while (occurring.count > cellsMax && to > from + 1) {
      occurring = occurringCombinations(factors.slice(from, --to), walk);
    }
    groups.push(planGroup(factors.slice(from, to), occurring));
    from = to;
  }
  return groups;
}

/** Which combinations of levels occur, and how many do. */
interface Occurring {
  /** Shape (combinations): 1 where a row has it. */
  readonly flags: Uint8Array;
  readonly count: number;
}

function occurringCombinations(factors: readonly Factor[], walk: Walk): Occurring {
  const flags = new Uint8Array(factors.reduce((product, { positionCount }) => product * positionCount, 1));
  for (const chunk of walk()) {
    const combinations = combinationsOf(factors, chunk);
    for (let i = 0; i < combinations.length; i++) flags[combinations[i]] = 1;
  }
  return { flags, count: flags.reduce((sum, flag) => sum + flag, 0) };
}

/** Each row's combination, as one number. */
function combinationsOf(factors: readonly Factor[], chunk: OrderedChunk): Uint32Array {
  const combinations = new Uint32Array(chunk.rowCount);
  for (const factor of factors) factor.append(chunk, combinations);
  return combinations;
}

function planGroup(factors: readonly Factor[], { flags, count }: Occurring): GroupPlan {
  const cellOf = new Uint32Array(flags.length);
  for (let code = 0, cell = 0; code < flags.length; code++) if (flags[code]) cellOf[code] = cell++;
  const group = { cellCount: count, fieldCount: factors.length, columns: columnsOf(factors, flags, count) };
  return { group, factors, cellOf };
}

/** The cell of each row. */
export function cellsOf(
  { group, factors, cellOf }: GroupPlan,
  chunk: OrderedChunk,
  columns: ColumnMaker,
): CellCodes {
  const combinations = combinationsOf(factors, chunk);
  const cells = group.cellCount <= 0x10000 ? columns.uint16(chunk.rowCount) : columns.uint32(chunk.rowCount);
  for (let i = 0; i < cells.length; i++) cells[i] = cellOf[combinations[i]];
  return cells;
}

function columnsOf(
  factors: readonly Factor[],
  occurs: Uint8Array,
  cellCount: number,
): Int32Array<SharedArrayBuffer> {
  const columns = sharedInt32(cellCount * factors.length);
  for (let code = 0, cell = 0; code < occurs.length; code++) {
    if (!occurs[code]) continue;
    let rest = code;
    for (let f = factors.length - 1; f >= 0; f--) {
      const position = rest % factors[f].positionCount;
      rest = (rest - position) / factors[f].positionCount;
      columns[cell * factors.length + f] = factors[f].columns[position];
    }
    cell++;
  }
  return columns;
}
