import { combinedFields } from "../encode/crosses.ts";
import type { DesignMatrix, FactorGroup } from "../encode/design_matrix.ts";
import { type CrossEncoder, type Encoder, numericOf, transformed } from "../encode/encoder.ts";
import { blockCount, blockSalt } from "../evaluate/coarse_rows.ts";
import { isFrequent } from "../encode/weight_slack.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import type { Lookups } from "../export/sql_lookups.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import { labelColumn, numberColumn, weightColumn } from "./base_rows.ts";
import { hashColumn, mixed } from "./partition.ts";
import type { EngineFactor } from "./factor_columns.ts";
import { type PartedRows, shownNumber } from "./fit_encoder.ts";
import type { LookupTables } from "./lookup_tables.ts";
import { numberIn, type SqlEngine } from "./sql_engine.ts";

/** Names of the columns of encoded rows: the position of each factor, each number, the weight in the fit, the part, the block of groups. */
export const positionColumn = (factor: number) => `p${factor}`;
export const encodedColumn = (index: number) => `n${index}`;
export const [fitWeightColumn, partColumn, blockColumn] = ["f", "part", "b"];

/** Cells of a block, at most: those of a pass are its result. */
const cellsMax = 0x4000;

/** Factors, and the columns that their positions determine. A combination of positions is a cell: a row is in one. */
export interface Term {
  /** Indices of the factors. */
  readonly factors: readonly number[];
  /** Returns the columns that have a 1, ascending. @param positions Of the factors, in their order. */
  readonly columnsAt: (positions: readonly number[]) => readonly number[];
}

/** Factors by whose cells a statement groups the rows. */
export interface Block extends Term {
  /** The least parts that determine the same columns: single factors, or those that crosses join. */
  readonly terms: readonly Term[];
  /** Whether sums by each two terms are fewer numbers than sums by the block's cells, of which a Hessian can be made as well. */
  readonly hasFewerPairs: boolean;
}

/** Encoded rows that lie in an engine. */
export interface EngineDesign {
  /** Without rows. */
  readonly design: DesignMatrix;
  readonly encoder: Encoder;
  readonly factors: readonly EngineFactor[];
  readonly blocks: readonly Block[];
  /** The rows as a FROM has them. */
  readonly from: string;
  readonly lookups: LookupTables;
  /** Per column with a 1 in some cell: training rows and those with label 1. */
  readonly cellRows: ReadonlyMap<number, { readonly rows: number; readonly clicks: number }>;
}

/** Returns the SELECT of encoded rows: all parts. @param fitWeight The weight of a row in the fit. */
export function encodedRows(
  { dialect }: SqlEngine,
  lookups: Lookups,
  rows: PartedRows,
  encoder: Encoder,
  factors: readonly EngineFactor[],
  fitWeight: string,
): string {
  const { number } = dialect;
  const columns = [
    `${rows.part} AS ${partColumn}`,
    labelColumn,
    weightColumn,
    `${fitWeight} AS ${fitWeightColumn}`,
    `${blockOfGroup(dialect)} AS ${blockColumn}`,
    ...factors.map(({ position }, i) => `${position(dialect, lookups)} AS ${positionColumn(i)}`),
    ...numericOf(encoder).map((feature, i) => {
      const { transform, impute, mean, scale } = feature;
      const shown = shownNumber(numberColumn(i), transform, transformed(transform, impute), dialect);
      return `(${shown} - ${number(mean)}) / ${number(scale)} AS ${encodedColumn(i)}`;
    }),
  ];
  const tables = lookups.tables();
  const head = tables.length === 0 ? "" : `WITH ${tables.join(",\n")}\n`;
  return `${head}SELECT ${columns.join(",\n")}\nFROM ${rows.from}\n${lookups.joins().join("\n")}`;
}

/** Returns an expression of the block of a row's group, as `blocksOf` has it. */
function blockOfGroup(dialect: SqlEngine["dialect"]): string {
  const word = dialect.bitXor(hashColumn, String(blockSalt));
  return dialect.bitAnd(mixed(word, dialect), String(blockCount - 1));
}

/** Fits the crosses on encoded training rows, as `withCrosses`. */
export async function fitCrosses(
  engine: SqlEngine,
  from: string,
  encoder: Encoder,
  factors: readonly EngineFactor[],
  { crosses: specs = [] }: Pick<FeatureSpec, "crosses">,
): Promise<Encoder> {
  if (specs.length === 0) return encoder;
  let { columnCount } = encoder;
  const crosses: CrossEncoder[] = [];
  for (const { of, minCount } of specs) {
    const fields = combinedFields(of, encoder.features);
    const own = factorIndices(fields.of, factors);
    const columns = own.map(positionColumn).join(", ");
    const counts = await engine.query(
      `SELECT ${columns}, sum(${weightColumn}) FROM ${from} WHERE ${partColumn} = 0 GROUP BY ${columns}`,
    );
    const keys = counts
      .filter((row) => isFrequent(numberIn(row.at(-1)), minCount))
      .map((row) => keyOf(row.slice(0, -1).map(numberIn), own, factors))
      .sort((a, b) => a - b);
    crosses.push({ ...fields, keys, column: columnCount });
    columnCount += keys.length;
  }
  return { ...encoder, columnCount, crosses };
}

/** Returns the factors of fields. */
export function factorIndices(names: readonly string[], factors: readonly EngineFactor[]): number[] {
  return names.map((name) => factors.findIndex((factor) => factor.name === name));
}

/** Returns a combination of positions as a mixed-radix number, as a cross has its keys. */
function keyOf(
  positions: readonly number[],
  own: readonly number[],
  factors: readonly EngineFactor[],
): number {
  return positions.reduce((key, position, i) => key * factors[own[i]].positionCount + position, 0);
}

/** Plans how encoded rows are grouped, and counts the cells of the training rows. */
export async function planDesign(
  engine: SqlEngine,
  lookups: LookupTables,
  from: string,
  encoder: Encoder,
  factors: readonly EngineFactor[],
  partRows: readonly number[],
): Promise<EngineDesign> {
  const numericColumns = numericOf(encoder).map(({ column }) => column);
  const cellRows = new Map<number, { rows: number; clicks: number }>();
  const groups: FactorGroup[] = [];
  const blocks: Block[] = [];
  for (const { terms, ...block } of await planBlocks(engine, from, encoder, factors)) {
    const columns = block.factors.map(positionColumn).join(", ");
    const rows = await engine.query(
      `SELECT ${columns}, count(*), sum(${labelColumn}) FROM ${from} WHERE ${partColumn} = 0 GROUP BY ${columns}`,
      block.factors.length + 2,
    );
    const cells = rows.map((row) => block.columnsAt(row.slice(0, -2).map(numberIn)));
    cells.forEach((cell, i) => {
      for (const column of cell) {
        const before = cellRows.get(column) ?? { rows: 0, clicks: 0 };
        const [rowCount, clicks] = rows[i].slice(-2).map(numberIn);
        cellRows.set(column, { rows: before.rows + rowCount, clicks: before.clicks + clicks });
      }
    });
    const fieldCount = cells.reduce((most, cell) => Math.max(most, cell.length), 0);
    const table = sharedInt32(cells.length * fieldCount).fill(-1);
    cells.forEach((cell, i) => table.set(cell, i * fieldCount));
    groups.push({ cellCount: cells.length, fieldCount, columns: table });
    const sizes = terms.map((term) => sizeOf(term.factors, factors));
    // Of a cell the gradient, the weight and that times each number; of two terms the weight alone.
    const numbers = 2 + numericColumns.length;
    const single = sizes.reduce((sum, size) => sum + size, 0) * numbers;
    const pairs = sizes.reduce((sum, a, i) => sum + sizes.slice(0, i).reduce((own, b) => own + a * b, 0), 0);
    blocks.push({ ...block, terms, hasFewerPairs: single + pairs < cells.length * numbers });
  }
  const design = { columnCount: encoder.columnCount, numericColumns, groups, chunks: [], partRows };
  return { design, encoder, factors, blocks, from, lookups, cellRows };
}

/** A cross, and the factors whose positions its keys combine. */
interface EngineCross {
  readonly columnOf: ReadonlyMap<number, number>;
  readonly factors: readonly number[];
}

/** Puts factors into blocks, in order, each as long as at most `cellsMax` of its combinations occur; then crosses of several blocks. */
async function planBlocks(
  engine: SqlEngine,
  from: string,
  { crosses = [] }: Encoder,
  factors: readonly EngineFactor[],
): Promise<Omit<Block, "hasFewerPairs">[]> {
  const sets: number[][] = [];
  for (let first = 0; first < factors.length;) {
    let last = first + 1;
    while (last < factors.length && await fits(engine, from, factors, first, last + 1)) last++;
    sets.push(Array.from({ length: last - first }, (_, i) => first + i));
    first = last;
  }
  const own = crosses.map(({ keys, column, of }): EngineCross => ({
    columnOf: new Map(keys.map((key, i) => [key, column + i])),
    factors: factorIndices(of, factors),
  }));
  const isIn = (cross: EngineCross, set: readonly number[]) =>
    cross.factors.every((factor) => set.includes(factor));
  return [
    ...sets.map((set) => {
      const inside = own.filter((cross) => isIn(cross, set));
      const terms = joinedBy(inside, set).map((part) =>
        termOf(part, inside.filter((cross) => isIn(cross, part)), factors)
      );
      return { ...termOf(set, inside, factors), terms };
    }),
    ...own.filter((cross) => !sets.some((set) => isIn(cross, set))).map((cross) => {
      const term: Term = {
        factors: cross.factors,
        columnsAt: (positions) => crossColumn(cross, positions, factors),
      };
      return { ...term, terms: [term] };
    }),
  ];
}

/** @param crosses Of these factors alone. */
function termOf(
  own: readonly number[],
  crosses: readonly EngineCross[],
  factors: readonly EngineFactor[],
): Term {
  return {
    factors: own,
    columnsAt: (positions) => [
      ...positions.flatMap((position, i) => factors[own[i]].columnsAt(position)),
      ...crosses.flatMap((cross) =>
        crossColumn(cross, cross.factors.map((factor) => positions[own.indexOf(factor)]), factors)
      ),
    ],
  };
}

/** Returns the least sets of factors such that each cross is of one of them. */
function joinedBy(crosses: readonly EngineCross[], set: readonly number[]): number[][] {
  let parts = set.map((factor) => [factor]);
  for (const cross of crosses) {
    const isOf = (part: readonly number[]) => part.some((factor) => cross.factors.includes(factor));
    parts = [...parts.filter((part) => !isOf(part)), parts.filter(isOf).flat().sort((a, b) => a - b)];
  }
  return parts;
}

function crossColumn(
  { columnOf, factors: own }: EngineCross,
  positions: readonly number[],
  factors: readonly EngineFactor[],
): number[] {
  const column = columnOf.get(keyOf(positions, own, factors));
  return column === undefined ? [] : [column];
}

/** Returns the number of possible combinations. */
function sizeOf(own: readonly number[], factors: readonly EngineFactor[]): number {
  return own.reduce((size, factor) => size * factors[factor].positionCount, 1);
}

/** Whether few enough combinations of some factors occur. */
async function fits(
  engine: SqlEngine,
  from: string,
  factors: readonly EngineFactor[],
  first: number,
  end: number,
): Promise<boolean> {
  const own = Array.from({ length: end - first }, (_, i) => first + i);
  const size = sizeOf(own, factors);
  if (size <= cellsMax) return true;
  // A combination is known by its number.
  if (size > Number.MAX_SAFE_INTEGER) return false;
  const columns = own.map(positionColumn).join(", ");
  const [[count]] = await engine.query(
    `SELECT count(*) FROM (SELECT DISTINCT ${columns} FROM ${from} WHERE ${partColumn} = 0) AS cells`,
  );
  return numberIn(count) <= cellsMax;
}
