import assert from "node:assert/strict";
import { join } from "node:path";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import fixtures from "../../fixtures/parquet.json" with { type: "json" };
import { rowsOf, thingsSchema, withTables } from "../../support/tables.ts";
import { root } from "../../support/program.ts";

const folder = join(root, "tests/fixtures/parquet");
const expectations: Readonly<Record<string, unknown>> = fixtures;

/** The rows that a fixture loads as: those of another fixture if it names one. */
function expectedRows(name: string): Record<string, unknown>[] {
  const rows = expectations[name];
  if (typeof rows === "string") return expectedRows(rows);
  assert(Array.isArray(rows), name);
  return rows.map((row) => ({ whole: null, part: null, word: null, seen_at: null, ...row }));
}

for (const name of Object.keys(expectations)) {
  Deno.test(`parquet: ${name.replaceAll("_", " ")} loads as its writer meant it`, () =>
    withTables(async ({ store }) => {
      const path = join(folder, `${name}.parquet`);
      const report = await ingest(store, { files: { things: [path] }, allowMissing: true });
      const expected = expectedRows(name);
      assert.deepEqual(rowsOf(store, "things"), expected);
      assert.deepEqual(report.tables.things, {
        read: expected.length,
        inserted: expected.length,
        unchanged: 0,
        replaced: 0,
        kept: 0,
        rejected: 0,
      });
    }, thingsSchema));
}

Deno.test("parquet: nested columns are left out and named", () =>
  withTables(async ({ store }) => {
    const { files } = await ingest(store, {
      files: { things: [join(folder, "nested.parquet")] },
      allowMissing: true,
    });
    assert.deepEqual(files[0].leftOut, ["tags", "where", "map"]);
    assert.deepEqual(files[0].missing, ["whole", "part", "seen_at"]);
  }, thingsSchema));
