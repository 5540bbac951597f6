import type { Encoder } from "../encode/encoder.ts";
import { inputColumnsOf } from "../examples/input_columns.ts";
import { Failure } from "../failure.ts";
import { levelColumn } from "./base_rows.ts";
import type { SqlEngine } from "./sql_engine.ts";

/** Hashed levels of a field, at most: each is fetched once, and their columns are joined in. */
const hashedLevelsMax = 1e6;

/** Fetches the levels of hashed fields. @throws {Failure} `examples-invalid` if there are too many. */
export async function hashedLevels(
  engine: SqlEngine,
  from: string,
  { features }: Encoder,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const fields = inputColumnsOf(features).filter(({ kind }) => kind === "category");
  const levels = new Map<string, readonly string[]>();
  for (const feature of features) {
    if (feature.type !== "categorical" || feature.buckets === undefined) continue;
    const column = levelColumn(fields.findIndex(({ name }) => name === feature.name));
    const rows = await engine.query(
      `SELECT DISTINCT ${column} FROM ${from} WHERE ${column} IS NOT NULL LIMIT ${hashedLevelsMax + 1}`,
    );
    if (rows.length > hashedLevelsMax) {
      throw new Failure(
        "examples-invalid",
        `The hashed feature ${feature.name} has more than ${hashedLevelsMax} levels, whose columns would have to be sent to the engine: ` +
          'leave it out, or give it a "minCount" in place of the hash.',
      );
    }
    levels.set(feature.name, rows.map(([level]) => String(level)));
  }
  return levels;
}
