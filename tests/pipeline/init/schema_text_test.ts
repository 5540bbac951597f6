import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { profileColumn } from "../../../pipeline/init/column_profile.ts";
import type { TableProfile } from "../../../pipeline/init/profile.ts";
import { propose } from "../../../pipeline/init/propose.ts";
import { schemaText } from "../../../pipeline/init/schema_text.ts";
import { specText } from "../../../pipeline/init/settings_text.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { checkSchema } from "../../../pipeline/store/schema.ts";
import { listTables } from "../../../pipeline/store/table.ts";

// The same cases in every run, so that a failure can be repeated.
fc.configureGlobal({ seed: 20260101 });

/** A file with a label, and a column of times of each name. */
function profileOf(table: string, names: readonly string[]): TableProfile {
  const numbers = (values: number[]) => ({ is: "numbers", numbers: Float64Array.from(values) }) as const;
  return {
    name: table,
    path: `${table}.csv`,
    fileFormat: "csv",
    rowCount: 4,
    isCounted: true,
    rowsLookedAt: 4,
    format: {},
    columns: [
      profileColumn("clicked", "integer", numbers([0, 1, 1, 0])),
      ...names.map((name, i) => profileColumn(name, "time", numbers([1e15, 2e15 + i, 3e15, NaN]))),
    ],
    unreadable: [],
    notes: [],
  };
}

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 })
  .filter((name) => !/[\p{Cc}\p{Cs}]/u.test(name) && new TextEncoder().encode(name).length <= 256);
const foldedOf = (name: string) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
const names = fc.uniqueArray(name, { selector: foldedOf, minLength: 1, maxLength: 5 }).map((list) => [
  ...list.filter((name) => foldedOf(name) !== "clicked"),
  'quote " and -- dashes',
  "select",
  "[brackets]",
  "a; b",
]);

Deno.test("init: any names give a schema with these columns and times, and a spec of them", () =>
  fc.assert(
    fc.property(names, (names) => {
      const proposal = propose(profileOf("ta ble", names), { label: "clicked" });
      const schema = schemaText(proposal);
      checkSchema(schema);
      const db = new DatabaseSync(":memory:");
      try {
        db.exec(schema);
        const [table] = listTables(db);
        const times = table.columns.filter(({ isTime }) => isTime).map((column) => column.name);
        assert.deepEqual(times, names, schema);
        const columns = db.prepare("SELECT name FROM pragma_table_info('examples')").all().map((row) =>
          row.name
        );
        assert.deepEqual(columns.slice(1), ["clicked", ...names]);
        assert.deepEqual(table.key, [columns[0]]);
      } finally {
        db.close();
      }
      parseSpec(JSON.parse(specText(proposal)), "features.json");
    }),
    { numRuns: 60 },
  ));
