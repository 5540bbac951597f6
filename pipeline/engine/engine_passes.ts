import { balancedSum, type Lookups } from "../export/sql_lookups.ts";
import type { LossSums } from "../fit/objective.ts";
import type { Passes } from "../fit/passes.ts";
import { hessianOf } from "../fit/penalised.ts";
import { labelColumn } from "./base_rows.ts";
import type { EngineDialect } from "./engine_dialect.ts";
import {
  encodedColumn,
  type EngineDesign,
  factorIndices,
  fitWeightColumn,
  partColumn,
  positionColumn,
} from "./engine_design.ts";
import { numberIn, type SqlEngine, type SqlRows, sumIn } from "./sql_engine.ts";

/** The weights of the rows of a fit. */
export interface FitWeights {
  readonly all: number;
  readonly clicked: number;
}

/** The number of each row that a pass adds up, and whether it also adds up the curvatures. */
interface Sums {
  /** Name of a column of the scored rows. */
  readonly of: "g" | "v";
  /** Multiplies it, for products of the Hessian with a direction. */
  readonly times?: string;
  readonly hessian: boolean;
}

/**
 * Returns passes over encoded rows, of one statement each, whose sums come back by cell. What the sums are of does not grow with the
 * rows.
 *
 * @param parts The parts whose rows are included.
 * @param onPass Called before each statement.
 */
export function createEnginePasses(
  engine: SqlEngine,
  encoded: EngineDesign,
  parts: readonly number[],
  weights: FitWeights,
  onPass: () => void,
): Passes {
  const { design } = encoded;
  const run = async (coefficients: Float64Array, sums: Sums, direction?: Float64Array): Promise<LossSums> => {
    onPass();
    const rows = await encoded.lookups.query((lookups) => {
      const scored = scoredRows(engine.dialect, encoded, parts, lookups, coefficients, { direction });
      return passStatement(engine.dialect, encoded, scored, lookups, sums);
    });
    return addUp(encoded, rows, sums.hessian);
  };
  return {
    design,
    parts,
    // Without a sample: each statement reads all rows.
    weight: { all: weights.all, sample: weights.all },
    clickWeight: () => weights.clicked,
    evaluate: (coefficients, { hessian }) => run(coefficients, { of: "g", hessian }),
    curvatures: async (coefficients) => (await run(coefficients, { of: "v", hessian: false })).gradient,
    hessianTimes: async (coefficients, direction) =>
      (await run(coefficients, { of: "v", times: "d", hessian: false }, direction)).gradient,
    async numericHessian(coefficients) {
      onPass();
      const { numericColumns } = design;
      const own = {
        ...design,
        columnCount: numericColumns.length,
        numericColumns: [...numericColumns.keys()],
      };
      const narrow = { ...encoded, blocks: [], design: own };
      const sums = { of: "g", hessian: true } as const;
      const rows = await encoded.lookups.query((lookups) => {
        const scored = scoredRows(engine.dialect, encoded, parts, lookups, coefficients);
        return passStatement(engine.dialect, narrow, scored, lookups, sums);
      });
      return hessianOf(addUp(narrow, rows, true));
    },
    async separates(coefficients) {
      onPass();
      const wrong = `(${labelColumn} = 1 AND eta <= 0) OR (${labelColumn} = 0 AND eta >= 0)`;
      const [[count]] = await encoded.lookups.query((lookups) => {
        const scored = scoredRows(engine.dialect, encoded, parts, lookups, coefficients);
        const tables = [...lookups.tables(), `scored AS (${scored})`];
        return `WITH ${tables.join(",\n")}\nSELECT count(*) FROM scored WHERE ${wrong}`;
      });
      return numberIn(count) === 0;
    },
  };
}

/**
 * Returns the SELECT of the rows of some parts with their log-odds.
 *
 * @param more.direction Gives also its product with each row.
 * @param more.also Names of other columns.
 */
export function scoredRows(
  dialect: EngineDialect,
  { from, ...encoded }: EngineDesign,
  parts: readonly number[],
  lookups: Lookups,
  coefficients: Float64Array,
  { direction, also = [] }: {
    readonly direction?: Float64Array | undefined;
    readonly also?: readonly string[];
  } = {},
): string {
  const columns = [
    labelColumn,
    `${fitWeightColumn}, w`,
    ...also,
    ...encoded.factors.map((_, i) => positionColumn(i)),
    ...encoded.design.numericColumns.map((_, i) => encodedColumn(i)),
    `${linear(dialect, encoded, lookups, coefficients)} AS eta`,
    ...(direction ? [`${linear(dialect, encoded, lookups, direction)} AS d`] : []),
  ];
  return `SELECT ${columns.join(", ")}\nFROM ${from}\n${
    lookups.joins().join("\n")
  }\nWHERE ${partColumn} IN (${parts.join(", ")})${dialect.fence}`;
}

/** Returns an expression of the product of each row with a vector over the columns and the intercept. */
function linear(
  { number }: EngineDialect,
  { design, encoder, factors }: Omit<EngineDesign, "from">,
  lookups: Lookups,
  vector: Float64Array,
): string {
  const valueAt = (columns: readonly number[]) => columns.reduce((sum, column) => sum + vector[column], 0);
  return balancedSum([
    number(vector[design.columnCount]),
    ...factors.map(({ positionCount, columnsAt }, i) =>
      lookups.at(
        positionColumn(i),
        Array.from({ length: positionCount }, (_, position) => number(valueAt(columnsAt(position)))),
      )
    ),
    ...(encoder.crosses ?? []).map((cross) => {
      const own = factorIndices(cross.of, factors);
      const key = own.reduce(
        (sum, factor) =>
          sum === ""
            ? positionColumn(factor)
            : `(${sum} * ${factors[factor].positionCount} + ${positionColumn(factor)})`,
        "",
      );
      return lookups.find(
        key,
        cross.keys.map((key, i) => [String(key), number(vector[cross.column + i])] as const),
        number(0),
      );
    }),
    ...design.numericColumns.map((column, i) => `${number(vector[column])} * ${encodedColumn(i)}`),
  ]);
}

/** Beyond it, `exp` is an error in PostgreSQL. */
const logitMax = 700;

/** Returns an expression of the log loss of a row of {@link oddsOf}. */
export const lossOfRow = `CASE WHEN z > 0 THEN z ELSE 0 END - ${labelColumn} * z + ln(1 + e)`;

/**
 * Returns the definitions, for WITH, of the table `halves`: the given columns of the scored rows, their log-odds `z`, limited to
 * ±`logitMax`, and `e`, e^−|z|, which does not overflow.
 */
export function oddsOf(
  { fence, number }: EngineDialect,
  scored: string,
  columns: string,
  logitMax: number,
): string[] {
  const [most, least] = [number(logitMax), number(-logitMax)];
  const limited = `CASE WHEN eta > ${most} THEN ${most} WHEN eta < ${least} THEN ${least} ELSE eta END`;
  return [
    `scored AS (${scored})`,
    `odds AS (SELECT ${columns}, ${limited} AS z FROM scored${fence})`,
    `halves AS (SELECT ${columns}, z, exp(-abs(z)) AS e FROM odds${fence})`,
  ];
}

function passStatement(
  dialect: EngineDialect,
  { blocks, design }: EngineDesign,
  scored: string,
  lookups: Lookups,
  { of, times, hessian }: Sums,
): string {
  const keys = [...new Set(blocks.flatMap(({ factors }) => factors))].sort((a, b) => a - b).map(
    positionColumn,
  );
  const numbers = design.numericColumns.map((_, i) => encodedColumn(i));
  const r = times === undefined ? of : `${of} * ${times}`;
  const sums = [
    "sum(l)",
    `sum(${r})`,
    ...numbers.map((number) => `sum(${r} * ${number})`),
    ...(hessian
      ? [
        "sum(v)",
        ...numbers.map((number) => `sum(v * ${number})`),
        ...numbers.flatMap((a, i) => numbers.slice(0, i + 1).map((b) => `sum(v * ${a} * ${b})`)),
      ]
      : []),
  ];
  const f = fitWeightColumn;
  const columns = [labelColumn, f, ...keys, ...numbers, ...(times === undefined ? [] : [times])].join(", ");
  const tables = [
    ...lookups.tables(),
    ...oddsOf(dialect, scored, columns, logitMax),
    // Of the smaller of the two probabilities, so that a curvature has no difference of numbers near 1.
    `rows_ AS (SELECT ${columns}, ` +
    `${f} * (${lossOfRow}) AS l, ` +
    `${f} * (CASE WHEN z > 0 THEN (1 - ${labelColumn}) - e / (1 + e) ELSE e / (1 + e) - ${labelColumn} END) AS g, ` +
    `${f} * e / ((1 + e) * (1 + e)) AS v FROM halves${dialect.fence})`,
  ];
  const select = [...keys, ...sums].join(", ");
  return `WITH ${tables.join(",\n")}\nSELECT ${select} FROM rows_${groupingOf(blocks, hessian)}`;
}

/** Groups by each block's positions and, for a Hessian, by those of each two blocks. */
function groupingOf(blocks: EngineDesign["blocks"], hessian: boolean): string {
  if (blocks.length === 0) return "";
  const named = (factors: readonly number[]) => [...new Set(factors)].map(positionColumn).join(", ");
  const sets = [
    ...blocks.map(({ factors }) => named(factors)),
    ...(hessian
      ? blocks.flatMap((a, i) => blocks.slice(0, i).map((b) => named([...b.factors, ...a.factors])))
      : []),
  ];
  if (sets.length === 1) return ` GROUP BY ${sets[0]}`;
  return ` GROUP BY GROUPING SETS (${[...new Set(sets)].map((set) => `(${set})`).join(", ")})`;
}

/** Computes the sums over columns from the rows of a pass's result. */
function addUp(
  { blocks, design }: EngineDesign,
  rows: SqlRows,
  hasHessian: boolean,
): LossSums {
  const { columnCount, numericColumns } = design;
  const numericCount = numericColumns.length;
  const size = columnCount + 1;
  const gradient = new Float64Array(size);
  const hessian = hasHessian ? new Float64Array(size * size) : undefined;
  const keys = [...new Set(blocks.flatMap(({ factors }) => factors))].sort((a, b) => a - b);
  let loss = 0;
  const add = (a: number, b: number, value: number) => {
    if (!hessian) return;
    hessian[a * size + b] += value;
    if (a !== b) hessian[b * size + a] += value;
  };
  for (const row of rows) {
    const present = new Set(keys.filter((_, i) => row[i] !== null));
    const cellsOf = (block: EngineDesign["blocks"][number]) =>
      block.columnsAt(block.factors.map((factor) => numberIn(row[keys.indexOf(factor)])));
    const sums = row.slice(keys.length).map(sumIn);
    const [own, residual] = [sums[0], sums[1]];
    const weightAt = 2 + numericCount;
    const single = blocks.findIndex(({ factors }) =>
      factors.length === present.size && factors.every((factor) => present.has(factor))
    );
    const isFirst = blocks.length === 0 || single === 0;
    if (isFirst) {
      loss += own;
      gradient[columnCount] += residual;
      numericColumns.forEach((column, j) => gradient[column] += sums[2 + j]);
    }
    const ones = single < 0 ? [] : cellsOf(blocks[single]);
    for (const column of ones) gradient[column] += residual;
    if (!hasHessian) continue;
    const weight = sums[weightAt];
    if (isFirst) {
      add(columnCount, columnCount, weight);
      let at = weightAt + 1 + numericCount;
      numericColumns.forEach((a, j) => {
        add(columnCount, a, sums[weightAt + 1 + j]);
        for (const b of numericColumns.slice(0, j + 1)) add(a, b, sums[at++]);
      });
    }
    ones.forEach((a, i) => {
      add(columnCount, a, weight);
      for (const b of ones.slice(0, i + 1)) add(a, b, weight);
      numericColumns.forEach((column, j) => add(a, column, sums[weightAt + 1 + j]));
    });
    // A pair may be a single block, too, if one contains the other.
    blocks.forEach((first, i) =>
      blocks.slice(0, i).forEach((second) => {
        const all = new Set([...first.factors, ...second.factors]);
        if (all.size !== present.size || ![...all].every((factor) => present.has(factor))) return;
        for (const a of cellsOf(first)) for (const b of cellsOf(second)) add(a, b, weight);
      })
    );
  }
  return { loss, gradient, ...(hessian ? { hessian } : {}) };
}
