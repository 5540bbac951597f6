import { labelColumn, weightColumn } from "./base_rows.ts";
import { blockColumn, type EngineDesign, partColumn } from "./engine_design.ts";
import { lossOfRow, oddsOf, queryScored } from "./engine_passes.ts";
import type { SqlEngine, SqlRows } from "./sql_engine.ts";

/** Encoded rows that lie in an engine, and the model that predicts them. */
export interface PredictedRows {
  readonly engine: SqlEngine;
  readonly encoded: EngineDesign;
  /** Shape (columns + 1), intercept last. */
  readonly coefficients: Float64Array;
}

/** The log-odds of the least probability that metrics distinguish, 1e-15. */
const logitMax = 34.538776394910684;

/**
 * Runs a SELECT over the table `predicted`: the rows of some parts with their label, weight, block of groups and part, their log-odds
 * `z`, limited, their probability `p` and their log loss `l`.
 *
 * @param more.others Names of other columns of the encoded rows.
 * @param more.tables Definitions, for WITH, of tables that the SELECT reads.
 * @param more.columns As of `SqlEngine.query`.
 */
export function queryPredicted(
  { engine, encoded, coefficients }: PredictedRows,
  parts: readonly number[],
  select: string,
  { others = [], tables = [], columns: columnCount }: {
    readonly others?: readonly string[];
    readonly tables?: readonly string[];
    readonly columns?: number;
  } = {},
): Promise<SqlRows> {
  const { dialect } = engine;
  const also = [partColumn, blockColumn];
  const columns = [labelColumn, weightColumn, ...also, ...others].join(", ");
  const predicted =
    `predicted AS (SELECT ${columns}, z, CASE WHEN z > 0 THEN 1 / (1 + e) ELSE e / (1 + e) END AS p, ${lossOfRow} AS l ` +
    `FROM halves${dialect.fence})`;
  return queryScored(engine, encoded, parts, coefficients, select, {
    also,
    tables: [...oddsOf(dialect, columns, logitMax), predicted, ...tables],
    ...(columnCount === undefined ? {} : { columns: columnCount }),
  });
}
