import { Failure } from "../failure.ts";
import { ownIndexPrefix } from "./schema.ts";
import { quoted } from "./sqlite.ts";
import { asFailure } from "./sqlite_failure.ts";
import type { Store } from "./store.ts";
import { findTable, listTables } from "./table.ts";

/**
 * Creates an index on a column, unless it exists.
 *
 * @param place The column, as TABLE.COLUMN.
 * @returns Whether the index was created.
 * @throws {Failure} `table-unknown`; `usage-invalid` for a column that the table does not have; `store-busy`, `store-full`.
 */
export function createIndex(store: Store, place: string): boolean {
  const { db } = store;
  const [tableName, columnName = ""] = place.split(".");
  const { name, columns } = findTable(listTables(db), tableName);
  const column = columns.find((candidate) => candidate.name === columnName);
  if (!column) {
    throw new Failure(
      "usage-invalid",
      `--index is "${place}", expected TABLE.COLUMN: ${name} has ${
        columns.map((candidate) => candidate.name).join(", ")
      }.`,
    );
  }
  const index = `${ownIndexPrefix}${name}_${column.name}`;
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?").get(index)) return false;
  try {
    db.exec(`CREATE INDEX ${quoted(index)} ON ${quoted(name)} (${quoted(column.name)})`);
  } catch (error) {
    throw asFailure(error, `create an index on ${place} in ${store.path}`);
  }
  return true;
}
