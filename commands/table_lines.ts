import { tableName } from "../pipeline/encode/column_names.ts";
import { axesOf, unpackTable } from "../pipeline/encode/table_lookup.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";
import { unpackDraws } from "../pipeline/model/table_draws.ts";

/** A curve of one feature, or a table of two, of a model. */
export interface ShownTable {
  readonly of: readonly string[];
  readonly coefficient: number;
  /** Of the coefficient, by resamples of the groups; absent if the model has none. */
  readonly standard_error?: number;
  /** Rows, and columns of a table of two. */
  readonly size: readonly number[];
  /** Least and greatest log-odds that it adds. */
  readonly low: number;
  readonly high: number;
}

/** Returns the curves and tables of a model, those that move log-odds most first; undefined if it has none. */
export function shownTables(
  { encoder, coefficients, draws }: ArtifactMetadata,
): ShownTable[] | undefined {
  const axes = axesOf(encoder);
  const drawn = draws && unpackDraws(draws, encoder);
  return encoder.tables?.flatMap((table, t) => {
    const unpacked = unpackTable(table, axes);
    if (!unpacked) return [];
    const { cells, columnCount } = unpacked;
    const coefficient = coefficients[table.column];
    const rowCount = cells.length / columnCount;
    return [{
      of: table.of,
      coefficient,
      ...(drawn ? { standard_error: drawn.ofCoefficients([[t, 1]]) } : {}),
      size: table.of.length === 1 ? [rowCount] : [rowCount, columnCount],
      low: coefficient * cells.reduce((least, cell) => Math.min(least, cell), Infinity),
      high: coefficient * cells.reduce((most, cell) => Math.max(most, cell), -Infinity),
    }];
  });
}

function errorWords({ coefficient, standard_error }: ShownTable): string {
  return standard_error === undefined
    ? ""
    : `, coefficient ${coefficient.toFixed(3)} ± ${standard_error.toFixed(3)}`;
}

const shownMax = 20;

export function tableLines(tables: readonly ShownTable[], intercept: number): string[] {
  const shown = tables.slice(0, shownMax);
  const left = tables.length - shown.length;
  return [
    `  curves and tables, and what they add to the log-odds; the intercept is ${intercept.toFixed(4)}:`,
    ...shown.map((table) =>
      `    ${table.low.toFixed(3).padStart(7)} to ${table.high.toFixed(3).padStart(6)}  ${
        table.of.length > 1 ? "table" : "curve"
      } of ${tableName(table)} (${table.size.join(" × ")})${errorWords(table)}`
    ),
    ...(left > 0 ? [`    and ${left} more: --json`] : []),
  ];
}
