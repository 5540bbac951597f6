import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { openStore } from "../../../pipeline/store/store.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { ndjsonOf } from "../../support/temp_files.ts";
import { rowsOf, thingsSchema, withTables } from "../../support/tables.ts";

const mailSchema = `
  CREATE TABLE sends (
    send_id INTEGER NOT NULL PRIMARY KEY,
    person  TEXT NOT NULL REFERENCES people (person),
    weight  REAL NOT NULL DEFAULT 1.5
  ) STRICT;
  CREATE TABLE people (
    person TEXT NOT NULL PRIMARY KEY,
    email  TEXT UNIQUE,
    domain TEXT AS (substr(email, instr(email, '@') + 1)) -- computed, never loaded
  ) STRICT;
  CREATE VIEW examples AS SELECT send_id, person, weight, email IS NULL AS clicked FROM sends LEFT JOIN people USING (person);
`;

const familySchema = `
  CREATE TABLE kids (
    id        INTEGER NOT NULL PRIMARY KEY,
    parent_id INTEGER NOT NULL REFERENCES Parents (id),
    y         INTEGER
  ) STRICT;
  CREATE TABLE parents (id INTEGER NOT NULL PRIMARY KEY, town TEXT) STRICT;
  CREATE VIEW examples AS SELECT kids.id, town, y FROM kids JOIN parents ON parents.id = kids.parent_id;
`;

Deno.test("ingest: parents are loaded first, in any order of tables and files", () =>
  withTables(async ({ store, write }) => {
    const files = {
      sends: [write("sends.ndjson", ndjsonOf([{ send_id: 1, person: "p" }]))],
      people: [write("people.ndjson", ndjsonOf([{ person: "p", email: "p@example.org" }]))],
    };
    const report = await ingest(store, { files });
    assert.deepEqual(Object.keys(report.tables), ["sends", "people"]);
    assert.equal(report.examples, 1);
    assert.deepEqual(rowsOf(store, "sends"), [{ send_id: 1, person: "p", weight: 1.5 }]);
    assert.equal(rowsOf(store, "people")[0].domain, "example.org");
  }, mailSchema));

Deno.test("ingest: a declared foreign key is enforced: the row is rejected", () =>
  withTables(async ({ store, write }) => {
    const path = write("sends.ndjson", ndjsonOf([{ send_id: 1, person: "nobody" }]));
    await assertRejected(
      ingest(store, { files: { sends: [path] } }),
      "row-rejected",
      /row 1, column "person": FOREIGN KEY constraint failed: people has no row for person "nobody"\. Correct/,
    );
  }, mailSchema));

Deno.test("ingest: if all keys have the same name, parents are those that foreign keys name", () =>
  withTables(async ({ store, write }) => {
    const files = {
      kids: [write("kids.csv", "id,parent_id,y\n1,7,1\n2,8,0\n")],
      parents: [write("parents.csv", "id,town\n7,Oslo\n8,Bergen\n")],
    };
    const { tables, orphans, examples } = await ingest(store, { files });
    assert.deepEqual([tables.kids.inserted, tables.parents.inserted, examples], [2, 2, 2]);
    // The id of a kid does not refer to a parent.
    assert.deepEqual(orphans, []);
  }, familySchema));

Deno.test("ingest: a deferred foreign key fails the load, with the number of rows without a parent", () =>
  withTables(async ({ store, write }) => {
    const parents = [write("parents.csv", "id,town\n7,Oslo\n")];
    const kids = (content: string) => ({ parents, kids: [write("kids.csv", `id,parent_id,y\n${content}`)] });
    await assertRejected(
      ingest(store, { files: kids("1,7,1\n2,8,0\n3,9,0\n") }),
      "row-rejected",
      /Cannot load .*kids\.csv: 2 row\(s\) refer to missing rows of parents, which a deferred foreign key of kids/i,
    );
    assert.deepEqual([rowsOf(store, "kids"), rowsOf(store, "parents").length], [[], 1]);
    assert.equal((await ingest(store, { files: kids("1,7,1\n") })).tables.kids.inserted, 1);
  }, familySchema.replace("(id),", "(id) DEFERRABLE INITIALLY DEFERRED,")));

for (
  const [what, key] of [["no table", "REFERENCES nobody (id)"], [
    "no key",
    "REFERENCES parents (town)",
  ]] as const
) {
  Deno.test(`ingest: a foreign key that names ${what} is reported before a store is created`, () =>
    assertRejected(
      withTables(() => {}, familySchema.replace("REFERENCES Parents (id)", key)),
      "spec-invalid",
      /a foreign key of table kids names no table, or columns that are not UNIQUE \(.*(?:nobody|mismatch)/,
    ));
}

const readsJson: [string, string, RegExp][] = [
  ["a CHECK", "note TEXT CHECK (json_extract(note, '$.a') = 1)", /row 2: malformed JSON/],
  ["a generated column", "note TEXT, a TEXT AS (json_extract(note, '$.a'))", /row 2: malformed JSON/],
  ["an overflow", "note TEXT, sum INTEGER AS (abs(CAST(note AS INTEGER)))", /row 3: integer overflow/],
];
for (const [what, columns, message] of readsJson) {
  Deno.test(`ingest: a row for which an expression of the schema fails is rejected: ${what}`, () =>
    withTables(
      async ({ store, write, folder }) => {
        const notes = ['{"a":1}', "{bad", "-9223372036854775808"];
        if (what === "an overflow") notes[1] = "5";
        const files = { notes: [write("notes.ndjson", ndjsonOf(notes.map((note, id) => ({ id, note }))))] };
        await assertRejected(ingest(store, { files }), "row-rejected", message);
        assert.deepEqual(rowsOf(store, "notes"), []);
        const { tables } = await ingest(store, { files, rejectsPath: join(folder, "rejects") });
        assert.equal(tables.notes.inserted + tables.notes.rejected, 3);
        assert(tables.notes.inserted >= 1 && tables.notes.rejected >= 1);
      },
      `CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, ${columns}) STRICT;
        CREATE VIEW examples AS SELECT * FROM notes;`,
    ));
}

Deno.test("ingest: rows that a trigger deletes are not counted as examples", () =>
  withTables(
    async ({ store, write }) => {
      const files = { notes: [write("notes.csv", "id\n1\n2\n3\n")] };
      assert.equal((await ingest(store, { files })).examples, 2);
    },
    `CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY) STRICT;
      CREATE TRIGGER notes_kept AFTER INSERT ON notes WHEN NEW.id = 2 BEGIN DELETE FROM notes WHERE id = 2; END;
      CREATE VIEW examples AS SELECT * FROM notes;`,
  ));

Deno.test("ingest: a duplicate of a UNIQUE column is a broken constraint, not an unchanged row", () =>
  withTables(async ({ store, write, folder }) => {
    const rows = [{ person: "p", email: "p@example.org" }, { person: "q", email: "p@example.org" }];
    const files = { people: [write("people.ndjson", ndjsonOf(rows))] };
    const message =
      /row 2, column "email": UNIQUE constraint failed: people\.email \(email is "p@example\.org"\)/;
    await assertRejected(ingest(store, { files }), "row-rejected", message);
    const { tables } = await ingest(store, { files, rejectsPath: join(folder, "rejects") });
    assert.deepEqual([tables.people.inserted, tables.people.rejected], [1, 1]);
    const taken = write(
      "taken.ndjson",
      ndjsonOf([{ person: "r", email: "r@example.org" }, { person: "r", email: "p@example.org" }]),
    );
    await assertRejected(
      ingest(store, { files: { people: [taken] }, onConflict: "replace" }),
      "row-rejected",
      /UNIQUE/,
    );
  }, mailSchema));

Deno.test("ingest: a store that another process writes to is busy", () =>
  withTables(async ({ store, write }) => {
    const other = new DatabaseSync(store.path);
    try {
      other.exec("BEGIN IMMEDIATE");
      store.db.exec("PRAGMA busy_timeout = 20");
      const files = { things: [write("things.ndjson", ndjsonOf([{ id: 1 }]))] };
      await assertRejected(
        ingest(store, { files, allowMissing: true, lockTimeoutMs: 20 }),
        "store-busy",
        /Cannot load .*database is locked\. Another clickwell writes to it/,
      );
    } finally {
      other.close();
    }
  }, thingsSchema));

Deno.test("ingest: readers see the rows of a file all at once, and do not delay the load", () =>
  withTables(async ({ store, write, folder }) => {
    const rows = Array.from(
      { length: 40_000 },
      (_, id) => ({ id, word: "a long text, so that there are several batches" }),
    );
    const reader = openStore(join(folder, "data"), { mode: "read" });
    try {
      const count = () => reader.db.prepare("SELECT count(*) AS n FROM things").get()?.n;
      const seen = new Set<unknown>();
      const files = { things: [write("things.ndjson", ndjsonOf(rows))] };
      await ingest(store, { files, allowMissing: true, observe: () => seen.add(count()) });
      assert.deepEqual([...seen], [0]);
      assert.equal(count(), 40_000);
    } finally {
      reader.close();
    }
  }, thingsSchema));
