import { Failure } from "../failure.ts";
import { quoted } from "../store/sqlite.ts";
import type { SqlEngine } from "./sql_engine.ts";

/** Keeps intermediate rows where the engine lets the user write; elsewhere each statement computes them again. */
export interface Staging {
  /** Returns rows as a FROM has them: the name of a table, or the SELECT itself. @param rows Short name of what they are. */
  stage(rows: string, select: string): Promise<string>;
  /** Whether rows are kept: what is staged stays as it is. */
  keeps(): boolean;
  /** Returns the name of a table that can be created next. @param rows Short name of what its rows are. */
  nextName(rows: string): string;
  /** Keeps the rows of a SELECT in a table. @param name As `nextName` gives it. @throws {Failure} as `SqlEngine.query`. */
  create(name: string, select: string): Promise<void>;
  /** Removes tables; by default, all. Does not throw. */
  remove(names?: readonly string[]): Promise<void>;
}

/**
 * @param place Schema to write to, quoted; undefined for temporary tables, where the engine has them.
 * @param id Distinguishes the tables from those of other trainings.
 */
export function createStaging(engine: SqlEngine, place: string | undefined, id: string): Staging {
  const { dialect } = engine;
  const tables = new Set<string>();
  let keeps = place !== undefined || dialect.hasTemporaryTables;
  let count = 0;
  const create = async (name: string, select: string) => {
    // Before: of a statement that is stopped, the table may be there.
    tables.add(name);
    await engine.query(dialect.createTable(name, place !== undefined, select)).catch((error) => {
      if (place !== undefined) throw unfitPlace(error, place);
      tables.delete(name);
      throw error;
    });
    if (dialect.analyse) await engine.query(dialect.analyse(name));
  };
  const nextName = (rows: string) => {
    const own = quoted(`clickwell_${id}_${++count}_${rows}`);
    return place === undefined ? own : `${place}.${own}`;
  };
  return {
    keeps: () => keeps,
    nextName,
    create,
    async stage(rows, select) {
      const inline = `(${select}) AS ${rows}`;
      if (!keeps) return inline;
      const name = nextName(rows);
      try {
        await create(name, select);
      } catch (error) {
        // A user who may not write can still train; a schema that was named must be one to write to.
        if (place !== undefined || !(error instanceof Failure) || !isDenied(error)) throw error;
        keeps = false;
        return inline;
      }
      return name;
    },
    async remove(names = [...tables]) {
      for (const name of names.filter((name) => tables.delete(name))) {
        const drop = `DROP TABLE IF EXISTS ${name}`;
        try {
          await engine.query(drop);
        } catch {
          // The connection may be gone, and a temporary table with it; after the signal, it runs nothing.
          if (place !== undefined) await engine.afterSignal?.(drop).catch(() => {});
        }
      }
    },
  };
}

/** Returns the failure of a table that could not be made in a schema that was named, with what to do about it. */
function unfitPlace(error: unknown, place: string): unknown {
  if (!(error instanceof Failure) || !(isDenied(error) || isAbsent(error))) return error;
  return new Failure(
    error.kind,
    `${error.message} Give --stage a schema where this user may create tables, in place of ${place}, or leave it out.`,
  );
}

function isAbsent({ message }: Failure): boolean {
  return /schema \S+ (does not exist|not found)|(SCHEMA|CATALOG)_NOT_FOUND|NOT_SUPPORTED/i.test(message);
}

function isDenied({ message }: Failure): boolean {
  return /permission denied|access denied|read-only|not allowed/i.test(message);
}
