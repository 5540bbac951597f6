import assert from "node:assert/strict";
import { join } from "node:path";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { openOverlay, type OverlayOptions } from "../../../pipeline/ingest/overlay.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { contentOf, type LoadedStore, withTables } from "../../support/tables.ts";

const schema = `
  CREATE TABLE people (name TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, age INTEGER DEFAULT 30) STRICT, WITHOUT ROWID;
  CREATE TABLE calls (
    row_number INTEGER PRIMARY KEY,
    name       TEXT NOT NULL REFERENCES people (name),
    cost       REAL CHECK (cost > 0),
    bought     INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE wide (id INTEGER NOT NULL PRIMARY KEY, half REAL NOT NULL, whole REAL AS (2 * half)) STRICT;
  CREATE VIEW joined AS SELECT * FROM calls JOIN people ON people.name = calls.name;
  CREATE VIEW examples AS SELECT row_number, age, cost, bought FROM joined;
`;

function open(
  { folder }: LoadedStore,
  files: OverlayOptions["files"],
  options: Partial<OverlayOptions> = {},
) {
  return openOverlay({
    dataDir: join(folder, "data"),
    schema: undefined,
    files,
    view: "examples",
    optional: ["bought"],
    columnNames: {},
    allowMissing: false,
    format: undefined,
    signal: undefined,
    ...options,
  });
}

async function rowsIn(
  loaded: LoadedStore,
  files: OverlayOptions["files"],
  { sql = "SELECT * FROM examples ORDER BY 1", ...options }: Partial<OverlayOptions> & { sql?: string } = {},
): Promise<unknown[][]> {
  const overlay = await open(loaded, files, options);
  try {
    return overlay.db.prepare(sql).all().map((row) => Object.values(row));
  } finally {
    overlay.close();
  }
}

function withPeople(test: (loaded: LoadedStore) => Promise<void>): Promise<void> {
  return withTables(async (loaded) => {
    const { store, write } = loaded;
    await ingest(store, {
      files: {
        people: [write("people.csv", "name,age\nann,41\nbob,39\n")],
        calls: [write("calls.csv", "name,cost,bought\nann,1,1\nbob,2,0\n")],
      },
    });
    const before = contentOf(store);
    await test(loaded);
    assert.deepEqual(contentOf(store), before);
  }, schema);
}

Deno.test("overlay: rows of files stand in for their table, views of views see them, other tables are the store's", () =>
  withPeople(async (loaded) => {
    const { write } = loaded;
    const first = write("a.csv", "name,cost\nbob,7\nzoe,8\n");
    const second = write("b.csv", "name,cost,bought\nANN,-9,1\n");
    const calls = [first, second];
    assert.deepEqual(await rowsIn(loaded, { calls }), [[1, 39, 7, null], [3, 41, -9, 1]]);
    const people = [write("zoe.csv", "name\nzoe\n")];
    assert.deepEqual(await rowsIn(loaded, { calls, people }), [[2, 30, 8, null]]);
    assert.deepEqual(await rowsIn(loaded, { people: [write("ann.csv", "name,age\nann,1\n")] }), [[
      1,
      1,
      1,
      1,
    ]]);
    const overlay = await open(loaded, { calls, people });
    assert.deepEqual(overlay.rows, { calls: 3, people: 1 });
    overlay.close();
  }));

Deno.test("overlay: a table with a generated column keeps it, and what it requires", () =>
  withPeople(async (loaded) => {
    const { write } = loaded;
    const wide = [write("wide.csv", "id,half\n1,2.5\n")];
    assert.deepEqual(await rowsIn(loaded, { wide }, { sql: "SELECT whole FROM wide" }), [[5]]);
    await assertRejected(
      open(loaded, { wide: [write("less.csv", "id\n1\n")] }, { view: "wide", optional: ["half"] }),
      "file-invalid",
      /no column "half"/,
    );
  }));

Deno.test("overlay: with a schema, tables without files are empty, and no store is needed", () =>
  withPeople(async (loaded) => {
    const { write, folder } = loaded;
    const options = { schema, dataDir: join(folder, "nowhere") };
    const calls = [write("a.csv", "name,cost\nbob,7\n")];
    assert.deepEqual(await rowsIn(loaded, { calls }, options), []);
    const people = [write("p.csv", "name\nbob\n")];
    assert.deepEqual(await rowsIn(loaded, { calls, people }, options), [[1, 30, 7, null]]);
    const fallback = { schemaOfNewStore: schema, dataDir: join(folder, "nowhere") };
    assert.deepEqual(await rowsIn(loaded, { calls, people }, fallback), [[1, 30, 7, null]]);
    await assertRejected(
      open(loaded, { calls }, { dataDir: join(folder, "nowhere") }),
      "store-missing",
      /no store/,
    );
  }));

Deno.test("overlay: an interruption ends it", () =>
  withPeople(async (loaded) => {
    const lines = "bob,7\n".repeat(200_000);
    const calls = [loaded.write("many.csv", `name,cost\n${lines}`)];
    const interruption = new AbortController();
    const observe = () => interruption.abort(new Error("stop"));
    await assert.rejects(open(loaded, { calls }, { signal: interruption.signal, observe }), /stop/);
  }));
