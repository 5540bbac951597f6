import { divisionsOf } from "../encode/divisions.ts";
import { columnsAt, type Encoder, positionCountOf } from "../encode/encoder.ts";
import { inputColumnsOf } from "../examples/input_columns.ts";
import { leastAt } from "../export/bin_edges.ts";
import { byStep, type Lookups } from "../export/sql_lookups.ts";
import { textLiteral } from "../export/sql_dialect.ts";
import { levelColumn, numberColumn } from "./base_rows.ts";
import type { EngineDialect } from "./engine_dialect.ts";
import { createCategoryReader } from "../encode/category_positions.ts";

/** A field with levels or bins, or the indicator of missing values, whose positions are a column of the staged rows. */
export interface EngineFactor {
  /** Name of the field. */
  readonly name: string;
  readonly positionCount: number;
  /** Returns the columns that have a 1 at a position, ascending. */
  readonly columnsAt: (position: number) => readonly number[];
  /** Returns an expression of a row's position. */
  readonly position: (dialect: EngineDialect, lookups: Lookups) => string;
}

/**
 * Returns the factors of an encoder's fields, as `factorsOf` does for rows in memory.
 *
 * @param levelsOf Per field whose levels are hashed: the levels that occur.
 */
export function engineFactors(
  encoder: Encoder,
  levelsOf: ReadonlyMap<string, readonly string[]>,
): EngineFactor[] {
  const inputs = inputColumnsOf(encoder.features);
  const indexOf = (name: string, kind: "number" | "category") =>
    inputs.filter((input) => input.kind === kind).findIndex((input) => input.name === name);
  return encoder.features.flatMap((feature): EngineFactor[] => {
    const { name } = feature;
    if (feature.type === "categorical" || feature.type === "ordinal") {
      const column = levelColumn(indexOf(name, "category"));
      const reader = createCategoryReader(feature);
      const levels = levelsOf.get(name) ?? feature.levels;
      const missing = reader(null);
      return [{
        name,
        positionCount: positionCountOf(feature),
        columnsAt: (position) => columnsAt(feature, position),
        position: (_dialect, lookups) =>
          `CASE WHEN ${column} IS NULL THEN ${missing} ELSE ${
            lookups.find(
              column,
              levels.map((level) => [textLiteral(level), String(reader(level))] as const),
              String(missing + 1),
            )
          } END`,
      }];
    }
    if (feature.type !== "numeric") throw new Error(`${name} does not run on an engine`);
    const value = numberColumn(indexOf(name, "number"));
    const indicator = feature.missingIndicator ? [feature.column + 1] : [];
    const [division] = divisionsOf(feature);
    if (division === undefined) {
      return indicator.length === 0 ? [] : [{
        name,
        positionCount: 2,
        columnsAt: (position) => position === 0 ? [] : indicator,
        position: () => `CASE WHEN ${value} IS NULL THEN 1 ELSE 0 END`,
      }];
    }
    if (division.kind !== "bins") throw new Error(`the exact values of ${name} do not run on an engine`);
    const { edges, column } = division;
    const steps = (number: EngineDialect["number"]) => [
      { value: "0", from: "" },
      ...edges.map((edge, bin) => ({
        value: String(bin + 1),
        from: number(leastAt(feature.transform, edge)),
      })),
    ];
    return [{
      name,
      positionCount: division.positionCount,
      columnsAt: (position) => position <= edges.length ? [column + position] : indicator,
      position: ({ number }) =>
        `CASE WHEN ${value} IS NULL THEN ${division.positionCount - 1} ELSE ${
          byStep(value, steps(number))
        } END`,
    }];
  });
}
