import assert from "node:assert/strict";
import { join } from "node:path";
import { createExampleLookup, type ExampleLookup } from "../../../pipeline/examples/example_lookup.ts";
import { createIndex } from "../../../pipeline/store/schema.ts";
import { tablesFileName } from "../../../pipeline/store/layout.ts";
import { openStore, type Store } from "../../../pipeline/store/store.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { inFolder } from "../../support/program.ts";
import { runServer } from "../../support/running_server.ts";
import { probabilityOf, row } from "../../support/served_models.ts";

/** Mails to readers: a schema that shares no names with loan offers. */
const schema = `
  CREATE TABLE readers (reader INTEGER NOT NULL PRIMARY KEY, country TEXT, age INTEGER) STRICT;
  CREATE TABLE mails (mail TEXT NOT NULL PRIMARY KEY, reader INTEGER NOT NULL, words INTEGER, topic INTEGER) STRICT;
  CREATE VIEW examples AS
    SELECT mail, mails.reader AS who, words * 2 AS words, topic, country, age, 0 AS opened
    FROM mails JOIN readers ON readers.reader = mails.reader;
`;
const keys = { view: "examples", id: "mail", group: "who" };
const fields = [
  { name: "words", type: "numeric" },
  { name: "topic", type: "categorical" },
  { name: "country", type: "categorical" },
  { name: "age", type: "numeric" },
] as const;

function withMails(test: (lookup: ExampleLookup, store: Store) => void): Promise<void> {
  // deno-lint-ignore require-await
  return inFolder(async (folder) => {
    const store = openStore(folder, { mode: "create", freeBytesMin: 0, schema });
    try {
      store.db.exec(`
        INSERT INTO readers VALUES (1, 'de', 30), (2, NULL, NULL);
        INSERT INTO mails VALUES ('b', 1, 20, 9007199254740993), ('a', 1, 10, 7);
      `);
      test(createExampleLookup(store.db, { keys, fields, now: () => 0 }), store);
    } finally {
      store.close();
    }
  });
}

Deno.test("lookup: an example has the columns of the view", () =>
  withMails((lookup) => {
    assert.deepEqual(lookup.example("a"), { words: 20, topic: 7, country: "de", age: 30 });
    assert.deepEqual(lookup.example("a", 1n), lookup.example("a"));
    assert.equal(lookup.example("a", 2n), undefined);
    assert.equal(lookup.example("c"), undefined);
  }));

Deno.test("lookup: an example without a label is found by its id, and among those of its group", () =>
  withMails((_, store) => {
    store.db.exec("DROP VIEW examples");
    store.db.exec(schema.slice(schema.indexOf("CREATE VIEW")).replace("0 AS opened", "NULL AS opened"));
    const lookup = createExampleLookup(store.db, { keys, fields, now: () => 0 });
    assert.deepEqual(lookup.example("a"), { words: 20, topic: 7, country: "de", age: 30 });
    assert.deepEqual(lookup.examplesOf(1n, 10).map(({ mail }) => mail), ["a", "b"]);
  }));

Deno.test("lookup: a category beyond 2^53 keeps its digits, as in training", () =>
  withMails((lookup) => assert.equal(lookup.example("b")?.topic, "9007199254740993")));

Deno.test("lookup: a group has the fields of its table, also without examples", () =>
  withMails((lookup) => {
    assert.deepEqual(lookup.group(1n), { country: "de", age: 30 });
    assert.deepEqual(lookup.group("2"), { country: null, age: null });
    assert.equal(lookup.group(3n), undefined);
  }));

Deno.test("lookup: a group's examples have their ids and are ordered by them", () =>
  withMails((lookup) => {
    assert.deepEqual(lookup.examplesOf(1n, 10).map(({ mail, words }) => [mail, words]), [["a", 20], [
      "b",
      40,
    ]]);
    assert.equal(lookup.examplesOf(1n, 1).length, 1);
    assert.deepEqual(lookup.examplesOf(2n, 10), []);
  }));

Deno.test("lookup: a large view needs an index of the group, which is created on request", () =>
  withMails((lookup, store) => {
    store.db.exec(`
      INSERT INTO mails (mail, reader)
        WITH RECURSIVE numbers (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < 60000)
        SELECT 'm' || value, 2 FROM numbers
    `);
    assertFailure(
      () => lookup.examplesOf(1n, 10),
      "lookup-unindexed",
      /clickwell ingest --index mails\.reader/,
    );
    assert.deepEqual(lookup.example("a")?.words, 20, "the id is a key");
    assert.deepEqual(lookup.group(1n), { country: "de", age: 30 }, "the group is a key of its table");
    assert.equal(createIndex(store, "mails.reader"), true);
    assert.equal(createIndex(store, "mails.reader"), false);
    const indexed = createExampleLookup(store.db, { keys, fields, now: () => 0 });
    assert.equal(indexed.examplesOf(1n, 10).length, 2);
    assertFailure(() => createIndex(store, "mails.colour"), "usage-invalid", /mails has mail, reader/);
    assertFailure(() => createIndex(store, "males.reader"), "table-unknown", /mails/);
  }));

Deno.test("lookup: an index created on request does not change the schema of a store", () =>
  // deno-lint-ignore require-await
  inFolder(async (folder) => {
    openStore(folder, { mode: "create", freeBytesMin: 0, schema }).close();
    const store = openStore(folder, { mode: "write" });
    createIndex(store, "mails.reader");
    store.close();
    openStore(folder, { mode: "create", freeBytesMin: 0, schema }).close();
  }));

Deno.test("lookup: a server looks rows up in the current store, also after it has been replaced", async () => {
  await using running = await runServer();
  const { models: { dataDir, first }, ask } = running;
  assert.equal((await ask("/predict", { offer_id: 1 })).json.probability, probabilityOf(first));
  const otherDir = join(dataDir, "..", "other");
  Deno.mkdirSync(otherDir);
  const other = openStore(otherDir, { mode: "create", freeBytesMin: 0 });
  other.db.exec(`
    INSERT INTO leads VALUES ('lead-z', 15000, 'debt_consolidation', 'fair', 72000);
    INSERT INTO offers VALUES (1, 'lead-z', 11.5, 12);
  `);
  other.close();
  for (const suffix of ["-wal", "-shm"]) {
    await Deno.remove(join(dataDir, tablesFileName + suffix)).catch(() => {});
  }
  Deno.renameSync(join(otherDir, tablesFileName), join(dataDir, tablesFileName));
  assert.equal(
    (await ask("/predict", { offer_id: 1 })).json.probability,
    probabilityOf(first, { ...row, credit: "fair" }),
  );
  Deno.removeSync(join(dataDir, tablesFileName));
  assert.equal((await ask("/predict", { offer_id: 1 })).status, 503);
  assert.equal((await ask("/predict", row)).json.probability, probabilityOf(first));
});
