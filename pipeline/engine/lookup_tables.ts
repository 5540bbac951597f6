import { createLookups, type LookupEntries, type Lookups } from "../export/sql_lookups.ts";
import { usageInvalid } from "../failure.ts";
import type { SqlEngine, SqlRows } from "./sql_engine.ts";
import type { Staging } from "./staged_rows.ts";

/**
 * Runs statements that look values up. Tables of values stand in the statement as far as its length allows; those that do not fit,
 * such as the coefficients of a hundred thousand levels, are kept in the engine while it runs.
 */
export interface LookupTables {
  /**
   * @param write Returns the statement.
   * @param columns As of `SqlEngine.query`.
   * @throws {Failure} as `SqlEngine.query`; `usage-invalid` if nothing can be kept.
   */
  query(write: (lookups: Lookups) => string, columns?: number): Promise<SqlRows>;
  /** Stages the rows of a SELECT, as `Staging.stage`. */
  stage(rows: string, write: (lookups: Lookups) => string): Promise<string>;
}

/** Share of the length of a statement for values that stand in it. */
const inlineShare = 0.4;

interface KeptTable {
  readonly name: string;
  readonly entries: LookupEntries;
}

/** @param nameOf Returns the field of a column of levels or positions. */
export function createLookupTables(
  engine: SqlEngine,
  staging: Staging,
  nameOf: (column: string) => string | undefined,
): LookupTables {
  const { dialect } = engine;
  const charactersMax = Math.floor(inlineShare * dialect.lengthMax);
  const withTables = async <Result>(
    write: (lookups: Lookups) => string,
    run: (statement: string) => Promise<Result>,
  ): Promise<Result> => {
    const kept: KeptTable[] = [];
    let characters = 0;
    const lookups = createLookups(dialect, "c", (entries, key) => {
      const own = entries.reduce((sum, entry) => sum + rowOf(entry).length + 1, 0);
      characters += own;
      if (characters <= charactersMax) return undefined;
      characters -= own;
      if (!staging.keeps()) throw tooLong(engine, entries.length, nameOf(key));
      const name = staging.nextName("lookup");
      kept.push({ name, entries });
      return name;
    });
    const statement = write(dialect.elementAt ? withArrays(lookups, dialect.elementAt) : lookups);
    try {
      for (const { name, entries } of kept) await fill(engine, staging, name, rowsOf(entries, charactersMax));
      return await run(statement);
    } finally {
      await staging.remove(kept.map(({ name }) => name));
    }
  };
  return {
    query: (write, columns) => withTables(write, (statement) => engine.query(statement, columns)),
    stage: (rows, write) => withTables(write, (statement) => staging.stage(rows, statement)),
  };
}

/** Positions from which on values are looked up in an array, where an engine has them. */
const arrayFrom = 64;

function withArrays(
  lookups: Lookups,
  elementAt: (column: string, values: readonly string[]) => string,
): Lookups {
  return {
    ...lookups,
    at: (column, values) =>
      values.length < arrayFrom ? lookups.at(column, values) : elementAt(column, values),
  };
}

function rowOf([key, value]: LookupEntries[number]): string {
  return `(${key}, ${value})`;
}

/** Returns the rows of VALUES in texts of a length, about. */
function rowsOf(entries: LookupEntries, charactersMax: number): string[] {
  const texts: string[] = [];
  let rows: string[] = [];
  let characters = 0;
  for (const entry of entries) {
    const row = rowOf(entry);
    if (characters + row.length > charactersMax && rows.length > 0) {
      texts.push(rows.join(","));
      [rows, characters] = [[], 0];
    }
    rows.push(row);
    characters += row.length + 1;
  }
  return [...texts, rows.join(",")];
}

async function fill(
  engine: SqlEngine,
  staging: Staging,
  name: string,
  [first, ...others]: readonly string[],
): Promise<void> {
  await staging.create(name, `SELECT k, v FROM (VALUES ${first}) AS entries (k, v)`);
  for (const rows of others) await engine.query(`INSERT INTO ${name} VALUES ${rows}`);
}

/** @param field Undefined for a cross. */
function tooLong({ dialect }: SqlEngine, count: number, field: string | undefined) {
  const [levels, given] = field === undefined
    ? [`${count} combinations of a cross`, 'the cross a greater "minCount"']
    : [`The ${count} levels of ${field}`, `${field} a greater "minCount" or a "hash"`];
  return usageInvalid(
    `${levels} do not fit into a statement of ${dialect.name}, of at most ${dialect.lengthMax} characters: name a schema where tables ` +
      `can be kept with --stage, or give ${given}.`,
  );
}
