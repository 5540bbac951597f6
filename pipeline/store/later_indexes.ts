import { dirname } from "node:path";
import { quoted } from "./sqlite.ts";
import { asFailure, hasCode } from "./sqlite_failure.ts";
import type { Store } from "./store.ts";
import { hasTriggers, type Table } from "./table.ts";

/** Rows of a table that are not unique in an index that was dropped while they were inserted. */
export class NotUnique extends Error {}

const constraintCode = 19;

/**
 * Drops the indexes of a table that has no rows, inside the caller's transaction, to make them after its rows: SQLite then sorts each
 * index once, while rows in another order than the index's meet its b-tree at random.
 *
 * An index with an expression or a condition stays, since it may reject a row. So does each index if triggers could search the table.
 *
 * @param options.keepsUnique Leave UNIQUE indexes, as one whose violation is to be reported for each row.
 */
export function dropIndexes(store: Store, { name }: Table, { keepsUnique }: { keepsUnique: boolean }) {
  const { db, path } = store;
  const isReferred = db.prepare(
    `SELECT 1 FROM sqlite_schema AS child, pragma_foreign_key_list(child.name) AS key
     WHERE child.type = 'table' AND key."table" = ? COLLATE NOCASE`,
  ).get(name) !== undefined;
  const dropped = hasTriggers(db) ? [] : db.prepare(
    `SELECT listed.name, made.sql FROM pragma_index_list(?) AS listed
     JOIN sqlite_schema AS made ON made.type = 'index' AND made.name = listed.name
     WHERE listed.origin = 'c' AND NOT listed.partial AND (NOT listed."unique" OR ?)
       AND NOT EXISTS (SELECT 1 FROM pragma_index_info(listed.name) WHERE name IS NULL)
     ORDER BY made.rowid`,
  ).all(name, Number(!keepsUnique && !isReferred)).map((index) => ({
    name: String(index.name),
    sql: String(index.sql),
  }));
  for (const index of dropped) db.exec(`DROP INDEX ${quoted(index.name)}`);
  return {
    /**
     * Makes the indexes.
     *
     * @param onIndex Called with the name of each before it is made.
     * @throws {NotUnique}
     * @throws {Failure} `store-full`, `store-invalid`
     */
    create(onIndex: (name: string) => void): void {
      for (const index of dropped) {
        onIndex(index.name);
        try {
          withTemporaryFilesBeside(store, () => db.exec(index.sql));
        } catch (error) {
          if (hasCode(error, constraintCode) || isNotUnique(error)) throw new NotUnique(index.name);
          throw asFailure(error, `make the index ${index.name} in ${path}`);
        }
      }
    },
  };
}

/** Errors of DatabaseSync.exec may lack the code. */
function isNotUnique(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("UNIQUE constraint failed");
}

/** Runs work whose temporary files are on the disk of the store, which has room for them: a folder of the system may be in memory. */
function withTemporaryFilesBeside({ db, path }: Store, work: () => void): void {
  db.exec(`PRAGMA temp_store_directory = '${dirname(path).replaceAll("'", "''")}'`);
  try {
    work();
  } finally {
    db.exec("PRAGMA temp_store_directory = ''");
  }
}
