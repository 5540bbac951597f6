import { balancedSum, type Lookups } from "../export/sql_lookups.ts";
import { hessianOf, type LossSums } from "../fit/objective.ts";
import type { Passes } from "../fit/passes.ts";
import { labelColumn, weightColumn } from "./base_rows.ts";
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
import { type TermSums, termSums, type WantedSum } from "./term_sums.ts";

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
  const run = async (
    coefficients: Float64Array,
    sums: Sums,
    { direction, own = encoded }: { readonly direction?: Float64Array; readonly own?: EngineDesign } = {},
  ): Promise<LossSums> => {
    onPass();
    const { tables, select, columns, addUp } = passQuery(engine.dialect, own, sums);
    return addUp(
      await queryScored(engine, encoded, parts, coefficients, select, { direction, tables, columns }),
    );
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
      (await run(coefficients, { of: "v", times: "d", hessian: false }, { direction })).gradient,
    async numericHessian(coefficients) {
      const { numericColumns } = design;
      const narrow = {
        ...design,
        columnCount: numericColumns.length,
        numericColumns: [...numericColumns.keys()],
      };
      const own = { ...encoded, blocks: [], design: narrow };
      return hessianOf(await run(coefficients, { of: "g", hessian: true }, { own }));
    },
    async separates(coefficients) {
      onPass();
      const wrong = `(${labelColumn} = 1 AND eta <= 0) OR (${labelColumn} = 0 AND eta >= 0)`;
      const select = `SELECT count(*) FROM scored WHERE ${wrong}`;
      const [[count]] = await queryScored(engine, encoded, parts, coefficients, select);
      return numberIn(count) === 0;
    },
  };
}

/**
 * Runs a SELECT over the table `scored`: the rows of some parts with their log-odds `eta`. Every statement that scores rows is one of
 * these, so that coefficients are looked up in one way.
 *
 * @param more.direction Gives also its product with each row, `d`.
 * @param more.also Names of other columns.
 * @param more.tables Definitions, for WITH, of tables that the SELECT reads.
 * @param more.columns As of `SqlEngine.query`.
 */
export function queryScored(
  { dialect }: Pick<SqlEngine, "dialect">,
  { from, ...encoded }: EngineDesign,
  parts: readonly number[],
  coefficients: Float64Array,
  select: string,
  { direction, also = [], tables = [], columns: columnCount }: {
    readonly direction?: Float64Array | undefined;
    readonly also?: readonly string[];
    readonly tables?: readonly string[];
    readonly columns?: number;
  } = {},
): Promise<SqlRows> {
  return encoded.lookups.query((lookups) => {
    const columns = [
      labelColumn,
      `${fitWeightColumn}, ${weightColumn}`,
      ...also,
      ...encoded.factors.map((_, i) => positionColumn(i)),
      ...encoded.design.numericColumns.map((_, i) => encodedColumn(i)),
      `${linear(dialect, encoded, lookups, coefficients)} AS eta`,
      ...(direction ? [`${linear(dialect, encoded, lookups, direction)} AS d`] : []),
    ];
    const scored = `SELECT ${columns.join(", ")}\nFROM ${from}\n${
      lookups.joins().join("\n")
    }\nWHERE ${partColumn} IN (${parts.join(", ")})${dialect.fence}`;
    return `WITH ${[...lookups.tables(), `scored AS (${scored})`, ...tables].join(",\n")}\n${select}`;
  }, columnCount);
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
  columns: string,
  logitMax: number,
): string[] {
  const [most, least] = [number(logitMax), number(-logitMax)];
  const limited = `CASE WHEN eta > ${most} THEN ${most} WHEN eta < ${least} THEN ${least} ELSE eta END`;
  return [
    `odds AS (SELECT ${columns}, ${limited} AS z FROM scored${fence})`,
    `halves AS (SELECT ${columns}, z, exp(-abs(z)) AS e FROM odds${fence})`,
  ];
}

/** A SELECT of a pass, the tables that it reads, and how its result is added up. */
interface PassQuery extends Pick<TermSums, "tables" | "select" | "columns"> {
  readonly addUp: (rows: SqlRows) => LossSums;
}

function passQuery(
  dialect: EngineDialect,
  encoded: EngineDesign,
  { of, times, hessian }: Sums,
): PassQuery {
  const { blocks, design } = encoded;
  const keys = [...new Set(blocks.flatMap(({ factors }) => factors))].map(positionColumn);
  const numbers = design.numericColumns.map((_, i) => encodedColumn(i));
  const r = times === undefined ? of : `${of} * ${times}`;
  const wanted: WantedSum[] = [
    { of: r, by: [true, true, false] },
    { of: "l", by: [true, false, false] },
    ...numbers.map((number): WantedSum => ({ of: `${r} * ${number}`, by: [true, false, false] })),
    ...(hessian
      ? [
        { of: "v", by: [true, true, true] } as const,
        ...numbers.map((number): WantedSum => ({ of: `v * ${number}`, by: [true, true, false] })),
        ...numbers.flatMap((a, i) =>
          numbers.slice(0, i + 1).map((b): WantedSum => ({ of: `v * ${a} * ${b}`, by: [true, false, false] }))
        ),
      ]
      : []),
  ];
  const f = fitWeightColumn;
  const columns = [labelColumn, f, ...keys, ...numbers, ...(times === undefined ? [] : [times])].join(", ");
  const sums = termSums(dialect, encoded, "rows_", wanted, { pairs: hessian });
  const tables = [
    ...oddsOf(dialect, columns, logitMax),
    // Of the smaller of the two probabilities, so that a curvature has no difference of numbers near 1.
    `rows_ AS (SELECT ${columns}, ` +
    `${f} * (${lossOfRow}) AS l, ` +
    `${f} * (CASE WHEN z > 0 THEN (1 - ${labelColumn}) - e / (1 + e) ELSE e / (1 + e) - ${labelColumn} END) AS g, ` +
    `${f} * e / ((1 + e) * (1 + e)) AS v FROM halves${dialect.fence})`,
    ...sums.tables,
  ];
  return {
    ...{ tables, select: sums.select, columns: sums.columns },
    addUp: (rows) => addUp(design, rows.map(sums.read), hessian),
  };
}

/** Computes the sums over columns from the rows of a pass's result. */
function addUp(
  { columnCount, numericColumns }: EngineDesign["design"],
  rows: readonly ReturnType<TermSums["read"]>[],
  hasHessian: boolean,
): LossSums {
  const size = columnCount + 1;
  const gradient = new Float64Array(size);
  const hessian = hasHessian ? new Float64Array(size * size) : undefined;
  let loss = 0;
  const add = (a: number, b: number, value: number) => {
    if (!hessian) return;
    hessian[a * size + b] += value;
    if (a !== b) hessian[b * size + a] += value;
  };
  for (const { columns: [ones, others], sums } of rows) {
    const [residual, own, ...more] = sums.map(sumIn);
    const [weight = 0, ...weighted] = more.slice(numericColumns.length);
    if (ones === undefined) {
      loss += own;
      gradient[columnCount] += residual;
      numericColumns.forEach((column, j) => gradient[column] += more[j]);
      add(columnCount, columnCount, weight);
      let at = numericColumns.length;
      numericColumns.forEach((a, j) => {
        add(columnCount, a, weighted[j]);
        for (const b of numericColumns.slice(0, j + 1)) add(a, b, weighted[at++]);
      });
    } else if (others === undefined) {
      for (const column of ones) gradient[column] += residual;
      ones.forEach((a, i) => {
        add(columnCount, a, weight);
        for (const b of ones.slice(0, i + 1)) add(a, b, weight);
        numericColumns.forEach((column, j) => add(a, column, weighted[j]));
      });
    } else {
      for (const a of ones) for (const b of others) add(a, b, weight);
    }
  }
  return { loss, gradient, ...(hessian ? { hessian } : {}) };
}
