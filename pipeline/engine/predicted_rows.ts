import type { Lookups } from "../export/sql_lookups.ts";
import { labelColumn, weightColumn } from "./base_rows.ts";
import { blockColumn, type EngineDesign, partColumn } from "./engine_design.ts";
import { lossOfRow, oddsOf, scoredRows } from "./engine_passes.ts";
import type { SqlEngine } from "./sql_engine.ts";

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
 * Returns the definitions, for WITH, of the table `predicted`: the rows of some parts with their label, weight, block of groups and
 * part, their log-odds `z`, limited, their probability `p` and their log loss `l`.
 *
 * @param lookups Those of the statement: see `LookupTables`.
 * @param others Names of other columns of the encoded rows.
 */
export function predictedRows(
  { engine: { dialect }, encoded, coefficients }: PredictedRows,
  parts: readonly number[],
  lookups: Lookups,
  others: readonly string[] = [],
): string[] {
  const own = [partColumn, blockColumn];
  const scored = scoredRows(dialect, encoded, parts, lookups, coefficients, { also: own });
  const columns = [labelColumn, weightColumn, ...own, ...others].join(", ");
  return [
    ...lookups.tables(),
    ...oddsOf(dialect, scored, columns, logitMax),
    `predicted AS (SELECT ${columns}, z, CASE WHEN z > 0 THEN 1 / (1 + e) ELSE e / (1 + e) END AS p, ${lossOfRow} AS l ` +
    `FROM halves${dialect.fence})`,
  ];
}
