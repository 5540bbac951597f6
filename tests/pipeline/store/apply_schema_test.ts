import assert from "node:assert/strict";
import { join } from "node:path";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { applySchema } from "../../../pipeline/store/apply_schema.ts";
import { differingTables, loanOffers } from "../../../pipeline/store/schema.ts";
import { openStore, type Store } from "../../../pipeline/store/store.ts";
import { listTables } from "../../../pipeline/store/table.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { inFolder, run } from "../../support/program.ts";
import { runServer } from "../../support/running_server.ts";
import { contentOf, type LoadedStore, rowsOf, withTables } from "../../support/tables.ts";

const schema = `
  CREATE TABLE people (
    name TEXT NOT NULL PRIMARY KEY,
    city TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE calls (
    id    INTEGER NOT NULL PRIMARY KEY,
    name  TEXT NOT NULL,
    place INTEGER,        -- of the call
    cost  REAL
  ) STRICT;
  CREATE INDEX calls_by_place ON calls (place);
  CREATE VIEW named AS SELECT * FROM calls JOIN people USING (name);
  CREATE VIEW examples AS SELECT id, place, cost > 1 AS clicked FROM calls;
`;

function apply({ store }: { store: Store }, changed: string, mayDrop = false) {
  return applySchema(store, { schema: changed, schemaName: "new.sql", mayDrop });
}

/** Loads three calls of two people. */
async function loadCalls({ store, write }: LoadedStore) {
  const files = {
    people: [write("people.csv", "name,city\nann,Rome\nbob,Oslo\n")],
    calls: [write("calls.csv", "id,name,place,cost\n1,ann,5,0.5\n2,ann,6,2.5\n3,bob,,1.5\n")],
  };
  await ingest(store, { files });
  return files;
}

function change(old: string, next: string, of = schema): string {
  assert.ok(of.includes(old), old);
  return of.replace(old, next);
}

/** Fails unless the store is the one that the schema would create. */
function assertCreatedBy({ db }: Store, wanted: string): void {
  assert.deepEqual(differingTables(db, wanted), []);
  assert.equal(db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
}

Deno.test("schema: columns are added and retyped, views changed, and the rows keep their values", () =>
  withTables(async (loaded) => {
    const { store } = loaded;
    await loadCalls(loaded);
    const wanted = change("place INTEGER,", "place TEXT,").replace(
      "cost  REAL",
      "cost REAL,\n    hour INTEGER DEFAULT 7",
    )
      .replace("SELECT id, place,", "SELECT id, hour,");
    assert.deepEqual(await apply(loaded, wanted), {
      tables: [{
        table: "calls",
        change: "changed",
        rows: 3,
        columns: [
          { column: "place", change: "retyped", type: "TEXT", from: "INTEGER" },
          { column: "hour", change: "added", type: "INTEGER" },
        ],
      }],
      others: [{ type: "view", name: "examples", change: "changed" }],
    });
    assertCreatedBy(store, wanted);
    assert.deepEqual(rowsOf(store, "calls").map((row) => Object.values(row)), [
      [1, "ann", "5", 0.5, 7],
      [2, "ann", "6", 2.5, 7],
      [3, "bob", null, 1.5, 7],
    ]);
    assert.deepEqual(rowsOf(store, "examples")[1], { id: 2, hour: 7, clicked: 1 });
    assert.deepEqual(rowsOf(store, "named").length, 3);
    assert.deepEqual(await apply(loaded, wanted), { tables: [], others: [] });
  }, schema));

Deno.test("schema: tables and columns are dropped only if that is allowed", () =>
  withTables(async (loaded) => {
    await loadCalls(loaded);
    const before = contentOf(loaded.store);
    const wanted = `
      CREATE TABLE calls (id INTEGER NOT NULL PRIMARY KEY, place INTEGER) STRICT;
      CREATE VIEW examples AS SELECT id, place > 5 AS clicked FROM calls;
    `;
    await assertRejected(
      apply(loaded, wanted),
      "usage-invalid",
      /Cannot apply new\.sql: it would drop table people \(2 rows\), column calls\.name \(3 values\), column calls\.cost \(3 values\)\. .*--drop/,
    );
    assert.deepEqual(contentOf(loaded.store), before);
    await apply(loaded, wanted, true);
    assertCreatedBy(loaded.store, wanted);
    assert.deepEqual(rowsOf(loaded.store, "calls"), [{ id: 1, place: 5 }, { id: 2, place: 6 }, {
      id: 3,
      place: null,
    }]);
  }, schema));

const failing: readonly [
  name: string,
  wanted: string,
  kind: "spec-invalid" | "row-rejected",
  message: RegExp,
][] = [
  [
    "a value that does not fit its new type",
    change("cost  REAL", "cost  INTEGER"),
    "row-rejected",
    /3 values of calls\.cost are not INTEGER, the first 0\.5 in the row with id 1\. .*Nothing has changed/,
  ],
  [
    "a new column that needs a value",
    change("cost  REAL", "cost REAL,\n hour INTEGER NOT NULL"),
    "spec-invalid",
    /calls\.hour needs a value, which 3 rows of the store do not have\. Omit NOT NULL, or give it a DEFAULT/,
  ],
  [
    "a constraint that a row breaks",
    change("cost  REAL", "cost REAL CHECK (cost > 1)"),
    "row-rejected",
    /a row of calls does not fit it \(CHECK constraint failed: cost > 1\)/,
  ],
  [
    "a key that two rows share",
    change("id    INTEGER NOT NULL PRIMARY KEY", "id INTEGER").replace(
      "name  TEXT NOT NULL",
      "name TEXT NOT NULL PRIMARY KEY",
    ),
    "row-rejected",
    /UNIQUE constraint failed: calls\.name/,
  ],
  [
    "a foreign key without its row",
    change("name  TEXT NOT NULL", "name TEXT NOT NULL REFERENCES people (name)"),
    "row-rejected",
    /1 rows of calls refer to missing rows of people/,
  ],
  [
    "a view that does not work",
    change("SELECT id, place, cost > 1", "SELECT id, hour"),
    "spec-invalid",
    /no such column: hour/,
  ],
  ["no tables", "CREATE VIEW examples AS SELECT 1 AS clicked;", "spec-invalid", /it creates no table/],
  ["a pragma", `${schema} PRAGMA user_version = 9;`, "spec-invalid", /it contains PRAGMA/],
];

for (const [name, wanted, kind, message] of failing) {
  Deno.test(`schema: ${name} changes nothing`, () =>
    withTables(async (loaded) => {
      await loadCalls(loaded);
      if (name.startsWith("a foreign")) loaded.store.db.exec("DELETE FROM people WHERE name = 'bob'");
      const before = contentOf(loaded.store);
      await assertRejected(apply(loaded, wanted), kind, message);
      assert.deepEqual(contentOf(loaded.store), before);
      assertCreatedBy(loaded.store, schema);
      assert.equal(loaded.store.db.prepare("PRAGMA foreign_keys").get()?.foreign_keys, 1);
    }, schema));
}

Deno.test("schema: indexes of lookups, triggers and references to a changed table stay", () => {
  const withTrigger = `${schema}
    CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, call INTEGER REFERENCES calls (id)) STRICT;
    CREATE TRIGGER moved AFTER UPDATE ON people BEGIN UPDATE calls SET name = NEW.name WHERE name = OLD.name; END;
  `;
  return withTables(async (loaded) => {
    const { store, write } = loaded;
    await loadCalls(loaded);
    await ingest(store, { files: { notes: [write("notes.csv", "id,call\n1,3\n")] } });
    store.db.exec("CREATE INDEX clickwell_by_calls_name ON calls (name)");
    const wanted = change("cost  REAL", "cost REAL,\n more TEXT", withTrigger);
    await apply(loaded, wanted);
    assertCreatedBy(store, wanted);
    store.db.exec("UPDATE people SET name = 'bea' WHERE name = 'bob'");
    assert.deepEqual(rowsOf(store, "calls").map(({ name }) => name), ["ann", "ann", "bea"]);
    assert.throws(() => store.db.exec("INSERT INTO notes VALUES (2, 99)"), /FOREIGN KEY/);
    const index = "SELECT tbl_name FROM sqlite_schema WHERE name = 'clickwell_by_calls_name'";
    assert.equal(store.db.prepare(index).get()?.tbl_name, "calls");
    await apply(
      loaded,
      change("    name  TEXT NOT NULL,\n", "", wanted).replace(
        "JOIN people USING (name)",
        "CROSS JOIN people",
      )
        .replace("UPDATE calls SET name = NEW.name WHERE name = OLD.name", "DELETE FROM notes"),
      true,
    );
    assert.equal(store.db.prepare(index).get(), undefined);
  }, withTrigger);
});

Deno.test("schema: a file that was loaded before fills a column that was added; one without it counts as loaded", () =>
  withTables(async (loaded) => {
    const { store, write } = loaded;
    const files = await loadCalls(loaded);
    const ages = [write("ages.csv", "name,city,age\nann,Rome,41\nbob,Oslo,39\n")];
    await ingest(store, { files: { people: ages } });
    await apply(
      loaded,
      change("city TEXT", "city TEXT,\n age INTEGER").replace("cost  REAL", "cost REAL,\n hour INTEGER"),
    );
    const again = await ingest(store, { files });
    assert.deepEqual(again.files.map(({ loadedBefore }) => loadedBefore), [true, true]);
    await ingest(store, { files: { people: ages }, onConflict: "replace" });
    assert.deepEqual(rowsOf(store, "people").map(({ age }) => age), [41, 39]);
  }, schema));

Deno.test("schema: a file that was loaded before restores how a number that becomes a text is spelled", () =>
  withTables(async (loaded) => {
    const { store, write } = loaded;
    const calls = [write("codes.csv", "id,name,place,cost\n1,ann,0815,1.50\n")];
    await ingest(store, { files: { calls } });
    await apply(loaded, change("place INTEGER,", "place TEXT,"));
    assert.equal(rowsOf(store, "calls")[0].place, "815");
    await assertRejected(
      ingest(store, { files: { calls } }),
      "row-conflict",
      /place is "0815" in the file, "815" in the store/,
    );
    await ingest(store, { files: { calls }, onConflict: "replace" });
    assert.equal(rowsOf(store, "calls")[0].place, "0815");
  }, schema));

Deno.test("schema: a key can give way to row numbers", () =>
  withTables(async (loaded) => {
    await loadCalls(loaded);
    const wanted = change(
      "id    INTEGER NOT NULL PRIMARY KEY",
      "row_number INTEGER PRIMARY KEY,\n id INTEGER NOT NULL",
    );
    await apply(loaded, wanted);
    assert.deepEqual(rowsOf(loaded.store, "calls").map(({ row_number, id }) => [row_number, id]), [[1, 1], [
      2,
      2,
    ], [3, 3]]);
    assert.equal(listTables(loaded.store.db).find(({ name }) => name === "calls")?.isNumbered, true);
  }, schema));

Deno.test("schema: a server goes on serving, and finds rows by the changed view", async () => {
  await using running = await runServer();
  const { ask, models: { dataDir } } = running;
  const ids = [1, 2];
  const answers = async () =>
    await Promise.all(ids.map(async (offer_id) => {
      const { status, json } = await ask("/predict", { offer_id });
      return [status, json.probability];
    }));
  const before = await answers();
  const store = openStore(dataDir, { mode: "write" });
  const wanted = loanOffers.replace(
    "apr       REAL CHECK (apr >= 0),",
    "apr REAL CHECK (apr >= 0),\n  term INTEGER,",
  )
    .replace("offers.apr,", "offers.apr + 0 AS apr,");
  await applySchema(store, { schema: wanted, schemaName: "new.sql", mayDrop: false });
  assert.deepEqual(differingTables(store.db, wanted), []);
  assert.deepEqual(await answers(), before);
  // A field that moves from the lead's table to the offer's is then missing for a lead alone.
  const ofLead = { lead_uuid: "lead-a", apr: 11.5, lender_id: 12 };
  assert.equal((await ask("/predict", ofLead)).status, 200);
  const moved = wanted.replace(
    "leads.credit,",
    "CASE WHEN offers.lender_id = 7 THEN 'poor' ELSE leads.credit END AS credit,",
  );
  await applySchema(store, { schema: moved, schemaName: "new.sql", mayDrop: false });
  store.close();
  assert.equal((await ask("/predict", ofLead)).status, 422);
});

Deno.test("clickwell schema apply: shows what changes, with --dry-run changes nothing, and keeps the models", () =>
  inFolder(async (folder) => {
    const data = ["--data", join(folder, "data"), "--models", join(folder, "models")];
    const path = (name: string, text: string) => {
      Deno.writeTextFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const calls = Array.from({ length: 300 }, (_, i) => `${i + 1},p${i % 50},${i % 9},${i % 4}\n`).join("");
    const files = ["--table", `calls=${path("calls.csv", `id,name,place,cost\n${calls}`)}`];
    const spec = path(
      "spec.json",
      JSON.stringify({
        id: "id",
        group: "id",
        label: "clicked",
        features: [{ name: "place", type: "numeric" }],
      }),
    );
    const first = path("first.sql", schema);
    assert.equal((await run(["ingest", ...data, "--schema", first, ...files])).code, 0);
    const trained = await run(["train", ...data, "--spec", spec, "--json"]);
    assert.equal(trained.code, 0, trained.stderr);
    const second = path("second.sql", change("cost  REAL", "cost REAL,\n hour INTEGER"));
    const dry = await run(["schema", "apply", second, ...data, "--dry-run", "--json"]);
    assert.equal(dry.code, 0, dry.stderr);
    assert.match(dry.stderr, /table calls: column hour INTEGER added/);
    assert.equal(JSON.parse(dry.stdout).applied, false);
    const applied = await run(["schema", "apply", second, ...data, "--json"]);
    assert.equal(applied.code, 0, applied.stderr);
    assert.deepEqual(JSON.parse(applied.stdout), { ...JSON.parse(dry.stdout), applied: true });
    const listed = await run(["models", "list", ...data, "--json"]);
    assert.match(listed.stdout, new RegExp(JSON.parse(trained.stdout).model_id));
    const refused = await run(["schema", "apply", first, ...data]);
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /column hour INTEGER dropped, with 0 values[\s\S]*it would drop column calls\.hour/,
    );
    const again = await run(["schema", "apply", second, ...data]);
    assert.match(again.stderr, /has this schema already/);
    const other = await run(["ingest", ...data, "--schema", first, ...files]);
    assert.match(other.stderr, /clickwell schema apply/);
  }));
