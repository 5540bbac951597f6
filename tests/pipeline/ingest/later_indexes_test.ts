import assert from "node:assert/strict";
import { ingest, type IngestOptions } from "../../../pipeline/ingest/ingest.ts";
import type { Store } from "../../../pipeline/store/store.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { rowsOf, thingsSchema, withTables } from "../../support/tables.ts";
import { ndjsonOf } from "../../support/temp_files.ts";

const indexes = `
  CREATE INDEX things_by_word ON things (word, part DESC);
  CREATE UNIQUE INDEX things_by_whole ON things (whole);
  CREATE INDEX words_only ON things (word) WHERE word IS NOT NULL;
  CREATE INDEX words_lower ON things (lower(word));
`;

/** Loads files and returns the indexes that were made after the rows. */
async function madeLater(store: Store, options: IngestOptions): Promise<string[]> {
  const steps: string[] = [];
  await ingest(store, {
    allowMissing: true,
    ...options,
    observe: ({ step }) => void (step !== undefined && steps.push(step)),
  });
  return steps;
}

const indexesOf = ({ db }: Store) =>
  db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")
    .all();

const rowsFrom = (first: number) =>
  Array.from({ length: 500 }, (_, i) => ({ id: first + i, whole: 7 * (first + i), word: `word ${i % 9}` }));

Deno.test("a first load makes the indexes after the rows, those without an expression or a condition; later loads leave them", () =>
  withTables(async ({ store, write }) => {
    const before = indexesOf(store);
    const first = write("first", ndjsonOf(rowsFrom(0)));
    assert.deepEqual(await madeLater(store, { files: { things: [first] } }), [
      "index things_by_word",
      "index things_by_whole",
    ]);
    assert.deepEqual(indexesOf(store), before);
    const second = write("second", ndjsonOf(rowsFrom(500)));
    assert.deepEqual(await madeLater(store, { files: { things: [second] } }), []);
    assert.equal(store.db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
    const found = store.db.prepare(
      "SELECT count(*) AS n FROM things INDEXED BY things_by_word WHERE word = 'word 3'",
    );
    assert.equal(found.get()?.n, 2 * rowsFrom(0).filter(({ word }) => word === "word 3").length);
  }, thingsSchema + indexes));

Deno.test("a row that is not unique fails a first load as it fails a later one, and the store stays as it was", () =>
  withTables(async ({ store, write }) => {
    const before = indexesOf(store);
    const rows = [...rowsFrom(0), { id: 9_000, whole: 7, word: "twice" }];
    const bad = write("bad", ndjsonOf(rows));
    const message = /row 501, column "whole": UNIQUE constraint failed: things\.whole \(whole is 7\)/;
    await assertRejected(madeLater(store, { files: { things: [bad] } }), "row-rejected", message);
    assert.deepEqual([indexesOf(store), rowsOf(store, "things"), rowsOf(store, "loads")], [before, [], []]);
    await ingest(store, { files: { things: [write("one", ndjsonOf([rows[1]]))] }, allowMissing: true });
    await assertRejected(madeLater(store, { files: { things: [bad] } }), "row-rejected", message);
    assert.deepEqual(indexesOf(store), before);
  }, thingsSchema + indexes));

Deno.test("where rows may be rejected or replaced one by one, UNIQUE indexes stay", () =>
  withTables(async ({ store, write, folder }) => {
    const file = write("things", ndjsonOf([...rowsFrom(0), { id: 9_000, whole: 7, word: "twice" }]));
    const options = { files: { things: [file] }, rejectsPath: `${folder}/rejects` };
    assert.deepEqual(await madeLater(store, options), ["index things_by_word"]);
    assert.equal(rowsOf(store, "things").length, 500);
    assert.match(Deno.readTextFileSync(`${folder}/rejects`), /UNIQUE constraint failed: things\.whole/);
  }, thingsSchema + indexes));

Deno.test("with a trigger, which may search the table, or a foreign key, which needs its parent's index, they stay", async () => {
  const trigger = "CREATE TRIGGER more AFTER INSERT ON things BEGIN SELECT 1; END;";
  const child = "CREATE TABLE parts (id INTEGER NOT NULL PRIMARY KEY REFERENCES things (whole)) STRICT;";
  for (const [more, later] of [[trigger, []], [child, ["index things_by_word"]]] as const) {
    await withTables(async ({ store, write }) => {
      const file = write("things", ndjsonOf(rowsFrom(0)));
      assert.deepEqual(await madeLater(store, { files: { things: [file] } }), later);
    }, thingsSchema + indexes + more);
  }
});
