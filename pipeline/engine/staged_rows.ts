import { Failure } from "../failure.ts";
import type { SqlEngine } from "./sql_engine.ts";

/** Keeps intermediate rows where the engine lets the user write; elsewhere each statement computes them again. */
export interface Staging {
  /** Returns rows as a FROM has them: the name of a table, or the SELECT itself. @param rows Short name of what they are. */
  stage(rows: string, select: string): Promise<string>;
  /** Whether rows are kept: what is staged stays as it is. */
  keeps(): boolean;
  /** Removes the tables. Does not throw. */
  remove(): Promise<void>;
}

/**
 * @param place Schema to write to, quoted; undefined for temporary tables, where the engine has them.
 * @param id Distinguishes the tables from those of other trainings.
 */
export function createStaging(engine: SqlEngine, place: string | undefined, id: string): Staging {
  const tables: string[] = [];
  let keeps = place !== undefined || engine.dialect.hasTemporaryTables;
  return {
    keeps: () => keeps,
    async stage(rows, select) {
      const inline = `(${select}) AS ${rows}`;
      if (!keeps) return inline;
      const { table, statement } = engine.dialect.createTable(`clickwell_${id}_${rows}`, place, select);
      try {
        await engine.query(statement);
      } catch (error) {
        // A user who may not write can still train; a schema that was named must be one to write to.
        if (place !== undefined || !(error instanceof Failure) || !isDenied(error)) throw error;
        keeps = false;
        return inline;
      }
      tables.push(table);
      return table;
    },
    async remove() {
      for (const table of tables.splice(0)) {
        try {
          await engine.query(`DROP TABLE ${table}`);
        } catch {
          // The connection may be gone, and a temporary table with it.
        }
      }
    },
  };
}

function isDenied({ message }: Failure): boolean {
  return /permission denied|access denied|read-only|not allowed/i.test(message);
}
