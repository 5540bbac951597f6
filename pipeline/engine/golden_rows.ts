import { inputColumnsOf, servedColumnsOf } from "../examples/input_columns.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { goldenCount, type GoldenRow } from "../model/golden.ts";
import { idColumn, levelColumn, numberColumn } from "./base_rows.ts";
import { numberIn, type SqlEngine } from "./sql_engine.ts";

/** Fetches a few rows of raw fields, evenly spaced in the order of their ids: the only rows that leave an engine. */
export async function goldenRowsOnEngine(
  engine: SqlEngine,
  from: string,
  spec: FeatureSpec,
  rowCount: number,
): Promise<GoldenRow[]> {
  const count = Math.min(goldenCount, rowCount);
  const places = Array.from({ length: count }, (_, i) => 1 + Math.floor((i * rowCount) / count));
  const served = new Set(servedColumnsOf(spec.features).map(({ name }) => name));
  const index = { number: 0, category: 0 };
  const inputs = inputColumnsOf(spec.features).map(({ name, kind }) => ({
    name,
    kind,
    column: kind === "number" ? numberColumn(index.number++) : levelColumn(index.category++),
  }));
  const rows = await engine.query(
    `SELECT ${inputs.map(({ column }) => column).join(", ")} FROM (SELECT ${
      inputs.map(({ column }) => column).join(", ")
    }, row_number() OVER (ORDER BY ${idColumn}) AS place FROM ${from}) AS placed WHERE place IN (${
      places.join(", ")
    }) ORDER BY place`,
  );
  return rows.map((row) =>
    Object.fromEntries(
      inputs.map(({ name, kind }, i) => {
        const value = row[i];
        return [name, value === null ? null : kind === "number" ? numberIn(value) : String(value)] as const;
      }).filter(([name]) => served.has(name)),
    )
  );
}
