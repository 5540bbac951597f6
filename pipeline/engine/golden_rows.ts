import { inputColumnsOf, servedColumnsOf } from "../examples/input_columns.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { goldenCount, type GoldenRow } from "../model/golden.ts";
import { idColumn, levelColumn, numberColumn } from "./base_rows.ts";
import type { EngineDialect } from "./engine_dialect.ts";
import type { SourceColumns } from "./source_columns.ts";
import { numberIn, type SqlEngine } from "./sql_engine.ts";

/** Fetches a few rows of raw fields, evenly spaced in the order of their ids: the only rows that leave an engine. */
export async function goldenRowsOnEngine(
  engine: SqlEngine,
  from: string,
  spec: FeatureSpec,
  source: SourceColumns,
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
  const columns = inputs.map(({ column }) => column);
  const rows = await engine.query(
    rowsAtPlaces(engine.dialect, from, columns, source.kinds.get(spec.id), places),
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

/** Slots of ids that are whole numbers, less 1. */
const slotsMax = 0xffff;
/** Characters at the beginning of an id that is a text: of hexadecimal ones, there are 4,096 slots. */
const slotCharacters = 3;

/**
 * Returns a SELECT of the rows at some places in the order of their ids. The rows of a slot lie together in that order, so that places
 * are counted by slot, and only the rows of those slots that hold one are ordered: the order of all would be made by one node.
 *
 * @param kind That of the ids.
 * @param places From 1.
 */
function rowsAtPlaces(
  { double, bigint, text, number, ordersByBytes }: EngineDialect,
  from: string,
  columns: readonly string[],
  kind: ReturnType<SourceColumns["kinds"]["get"]>,
  places: readonly number[],
): string {
  const slot = kind === "integer"
    ? bigint(
      `floor((${double(idColumn)} - low) / CASE WHEN high > low THEN high - low ELSE ${number(1)} END * ${
        number(slotsMax)
      })`,
    )
    : kind === "text" && ordersByBytes
    ? `substr(${text(idColumn)}, 1, ${slotCharacters})`
    : "0";
  const ends = kind === "integer"
    ? ` CROSS JOIN (SELECT ${double(`min(${idColumn})`)} AS low, ${
      double(`max(${idColumn})`)
    } AS high FROM ${from}) AS ends`
    : "";
  const slotted = (own: readonly string[]) =>
    `(SELECT ${[...own, `${slot} AS slot`].join(", ")} FROM ${from}${ends}) AS slotted`;
  const counted =
    `(SELECT slot, n, sum(n) OVER (ORDER BY slot) AS up_to FROM (SELECT slot, count(*) AS n FROM ${
      slotted([])
    } GROUP BY slot) AS slots) AS counted`;
  const holds = places.map((place) => `(up_to - n < ${place} AND up_to >= ${place})`).join(" OR ");
  const list = columns.join(", ");
  return `SELECT ${list} FROM (SELECT ${list}, below + row_number() OVER (PARTITION BY slot ORDER BY ${idColumn}) AS place FROM ${
    slotted([...columns, idColumn])
  } JOIN (SELECT slot AS held, up_to - n AS below FROM ${counted} WHERE ${holds}) AS wanted ON held = slot) AS placed ` +
    `WHERE place IN (${places.join(", ")}) ORDER BY place`;
}
