import { DatabaseSync } from "node:sqlite";
import { applicationId } from "../../pipeline/store/migration.ts";
import { layoutOf } from "../../pipeline/store/layout.ts";
import { removeDatabase } from "../../pipeline/store/store_file.ts";

/**
 * Merges the two files of a data folder into the single file of an earlier version, in WAL mode. The first version had no
 * aliases.
 */
export function downgradeStore(dataDir: string, { version = 2 }: { version?: 1 | 2 } = {}): void {
  const { registry, tables } = layoutOf(dataDir);
  const joined = `${registry}.joined`;
  {
    using db = new DatabaseSync(joined);
    db.exec(`PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA application_id = ${applicationId}`);
    db.exec("BEGIN");
    for (const path of [tables, registry]) {
      using from = new DatabaseSync(path, { readOnly: true });
      const objects = from.prepare(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
      ).all().filter(({ tbl_name }) => version > 1 || tbl_name !== "model_aliases");
      for (const { sql } of objects) db.exec(String(sql));
      for (const { type, name } of objects) {
        if (type !== "table") continue;
        const select = from.prepare(`SELECT * FROM "${name}" ORDER BY 1`);
        select.setReadBigInts(true);
        for (const row of select.all()) {
          const values = Object.values(row);
          db.prepare(`INSERT INTO "${name}" VALUES (${values.map(() => "?").join(", ")})`).run(...values);
        }
      }
    }
    db.exec(`PRAGMA user_version = ${version}; COMMIT`);
  }
  for (const path of [tables, registry]) removeDatabase(path);
  Deno.renameSync(joined, registry);
}
