import assert from "node:assert/strict";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { widenedTypes } from "../../../pipeline/ingest/widening.ts";
import { applySchema } from "../../../pipeline/store/apply_schema.ts";
import { listTables } from "../../../pipeline/store/table.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { parquetOf } from "../../support/temp_files.ts";
import { type LoadedStore, rowsOf, withTables } from "../../support/tables.ts";

const schema = `
  CREATE TABLE things (
    id    INTEGER NOT NULL PRIMARY KEY,
    whole INTEGER,
    part  REAL,
    word  TEXT,
    seen  INTEGER  -- when, microseconds since 1970-01-01T00:00:00Z
  ) STRICT;
  CREATE VIEW examples AS SELECT * FROM things;
`;

const mapping = { names: {}, allowMissing: false };

function widened({ store }: LoadedStore, paths: readonly string[]) {
  return widenedTypes(listTables(store.db)[0], { paths, mapping });
}

const header = "id,whole,part,word,seen\n";

Deno.test("widening: a column gets the narrowest type that holds every value of all files", () =>
  withTables(async (loaded) => {
    const many = Array.from({ length: 40_000 }, (_, i) => `${i},${i},${i / 2},w,2024-01-31\n`).join("");
    const plain = loaded.write("a.csv", `${header}${many}`);
    assert.deepEqual(await widened(loaded, [plain]), new Map());
    const real = loaded.write("b.csv", `${header}${many}40000,7.5,,,\n`);
    assert.deepEqual(await widened(loaded, [plain, real]), new Map([["whole", "REAL"]]));
    const text = loaded.write("c.csv", `${header}1,7.5,,,\n2,seven,eight,,never\n`);
    assert.deepEqual(
      await widened(loaded, [plain, text]),
      new Map([["whole", "TEXT"], ["part", "TEXT"], ["seen", "TEXT"]]),
    );
    const key = loaded.write("d.csv", `${header}1.5,1,,,\n`);
    assert.deepEqual(await widened(loaded, [key]), new Map([["id", "TEXT"]]));
  }, schema));

Deno.test("widening: types of a parquet file are compared with those of the table", () =>
  withTables(async (loaded) => {
    const path = loaded.write(
      "a.parquet",
      parquetOf([{ id: 1n, whole: 0.5, part: 2n ** 60n + 1n }, { id: 2n, whole: 1.5, part: 1n }]),
    );
    const table = listTables(loaded.store.db)[0];
    const types = await widenedTypes(table, { paths: [path], mapping: { names: {}, allowMissing: true } });
    assert.deepEqual(types, new Map([["whole", "REAL"], ["part", "TEXT"]]));
  }, schema));

Deno.test("widening: no type holds an infinite number of a parquet file", () =>
  withTables(async (loaded) => {
    const path = loaded.write("a.parquet", parquetOf([{ id: 1n, part: Infinity }, { id: 2n, part: 1.5 }]));
    const table = listTables(loaded.store.db)[0];
    const types = await widenedTypes(table, { paths: [path], mapping: { names: {}, allowMissing: true } });
    assert.deepEqual(types, new Map());
    const loading = ingest(loaded.store, { files: { things: [path] }, allowMissing: true });
    await assertRejected(
      loading,
      "row-rejected",
      /column "part": Infinity is not finite\. .*--rejects FILE$/,
    );
  }, schema));

Deno.test("widening: a load names the column, the row and the value, and schema apply, after which it succeeds", () =>
  withTables(async (loaded) => {
    const { store, write } = loaded;
    await ingest(store, { files: { things: [write("a.csv", `${header}1,7,,,\n`)] } });
    const files = { things: [write("b.csv", `${header}2,8,,,\n3,7.5,,,\n4,1,many,,\n`)] };
    await assertRejected(
      ingest(store, { files }),
      "row-rejected",
      /row 2, column "whole": "7\.5" is not a 64-bit integer\. .*a wider type \(REAL or TEXT\) .*clickwell schema apply changes a store: with "whole" REAL, "part" TEXT, things can hold every value$/,
    );
    const wider = schema.replace("whole INTEGER", "whole REAL").replace("part  REAL", "part TEXT");
    await applySchema(store, { schema: wider, schemaName: "wider.sql", mayDrop: false });
    await ingest(store, { files });
    assert.deepEqual(rowsOf(store, "things").map(({ whole }) => whole), [7, 8, 7.5, 1]);
  }, schema));
