import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createExampleLookup } from "../../../pipeline/examples/example_lookup.ts";
import { readExamples } from "../../../pipeline/examples/examples.ts";
import { countExamples } from "../../../pipeline/ingest/examples_count.ts";
import { listTables } from "../../../pipeline/store/table.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { startThreads } from "../../../pipeline/runtime/thread_pool.ts";
import { trainWorkerUrl } from "../../../pipeline/train/training_resources.ts";
import { update } from "../../../pipeline/train/update.ts";
import { assertFailure, assertRejected } from "../../support/expected_failure.ts";
import { alone, specOf } from "../../support/example_rows.ts";
import { sweepOn } from "../../support/one_candidate_sweep.ts";
import { insertRows, modelsOf, trainOn, withStore } from "../../support/temp_store.ts";
import { inFolder, type Outcome, run } from "../../support/program.ts";

const spec = specOf([{ name: "x", type: "numeric" }, { name: "age", type: "numeric" }]);
const rowCount = 900;

/** A table whose column props is JSON, and a view of a number in it. @param id Column definition of the id. */
function agesOf(
  id: string,
  view = "SELECT id, who, clicked, x, json_extract(props, '$.age') AS age FROM shown",
): string {
  return `
    CREATE TABLE shown (${id}, who TEXT, clicked INTEGER, x REAL, c INTEGER, props TEXT) STRICT;
    CREATE VIEW examples AS ${view};
  `;
}

const integerId = "id INTEGER NOT NULL PRIMARY KEY";
const textId = "id TEXT NOT NULL PRIMARY KEY";

function rowsOf(idOf: (i: number) => unknown, { from = 0, to = rowCount, broken = -1 } = {}) {
  const random = createRandom(5);
  const rows = Array.from({ length: rowCount }, (_, i) => ({
    id: idOf(i),
    who: `who-${i}`,
    clicked: random.below(2),
    x: random.uniform(),
    props: i === broken ? "{broken" : `{"age":${20 + random.below(50)}}`,
  }));
  return rows.slice(from, to);
}

/** Per kind of id: column definition, and id of a row. */
const kinds: readonly [name: string, column: string, idOf: (i: number) => string | number | bigint][] = [
  ["integers", integerId, (i) => 10_000 + 3 * i],
  ["integers beyond 2^53", integerId, (i) => 2n ** 60n + BigInt(i)],
  ["text", textId, (i) => `u${String(i).padStart(4, "0")}`],
  ["numbers without an index", "id REAL, k INTEGER PRIMARY KEY", (i) => i / 2],
];

for (const [kind, column, idOf] of kinds) {
  Deno.test(`reading: a view that fails on one row is a failure that names it, with ids that are ${kind}`, async () => {
    const id = idOf(700);
    const shown = typeof id === "string" ? JSON.stringify(id) : String(id);
    const message = new RegExp(
      `^Cannot read the view examples: malformed JSON in "age" of the row with id ${shown}( \\(the last row read is id .*\\))?\\. Fix`,
    );
    await withStore(agesOf(column), async (made) => {
      insertRows(made.store, rowsOf(idOf, { broken: 700 }));
      await assertRejected(readExamples(made.store, spec, alone), "examples-invalid", message);
      await assertRejected(trainOn(made, spec), "examples-invalid", message);
      await assertRejected(sweepOn(made, spec), "examples-invalid", message);
      const threads = startThreads(2, trainWorkerUrl());
      try {
        await assertRejected(readExamples(made.store, spec, threads), "examples-invalid", message);
      } finally {
        threads.close();
      }
    });
  });
}

Deno.test("reading: the first and the last row of a view or a batch may fail", async () => {
  for (const [, column, idOf] of kinds.slice(0, 3)) {
    for (const broken of [0, 511, 512, 513, 899]) {
      await withStore(agesOf(column), async ({ store }) => {
        insertRows(store, rowsOf(idOf, { broken }));
        const shown = typeof idOf(0) === "string" ? JSON.stringify(idOf(broken)) : String(idOf(broken));
        await assertRejected(
          readExamples(store, spec, alone),
          "examples-invalid",
          new RegExp(`id ${shown}( \\(|\\.)`),
        );
      });
    }
  }
});

Deno.test("reading: a view that fails for all rows is a failure without a row", async () => {
  const views = agesOf(
    integerId,
    "SELECT id, who, clicked, x, abs(-9223372036854775807 - 1) AS age FROM shown",
  );
  await withStore(views, async ({ store }) => {
    insertRows(store, rowsOf((i) => i));
    await assertRejected(
      readExamples(store, spec, alone),
      "examples-invalid",
      /integer overflow \(no row was read before\)/,
    );
  });
});

Deno.test("reading: train --from fails at the same row if it is new", async () => {
  await withStore(agesOf(integerId), async (made) => {
    insertRows(made.store, rowsOf((i) => i, { to: 800 }));
    const before = await trainOn(made, spec);
    insertRows(made.store, rowsOf((i) => i, { from: 800, broken: 850 }));
    await assertRejected(
      update(made.store, modelsOf(made), before.artifact, { threads: 1, now: 2 }),
      "examples-invalid",
      /malformed JSON in "age" of the row with id 850\b/,
    );
  });
});

Deno.test("reading: a lookup of the row fails as training does, and other rows are found", async () => {
  for (const [, column, idOf] of kinds) {
    await withStore(agesOf(column), ({ store }) => {
      insertRows(store, rowsOf(idOf, { broken: 700 }));
      const lookup = createExampleLookup(store.db, {
        keys: { view: "examples", id: "id", group: "who" },
        fields: [{ name: "x", type: "numeric" }, { name: "age", type: "numeric" }],
        now: () => 0,
      });
      const message =
        /^Cannot read the view examples: malformed JSON.*(of the row with id|while the rows were searched for (id|who)) /;
      const ofRow = column.includes("PRIMARY KEY") && !column.includes("REAL")
        ? /malformed JSON in "age" of the row with id /
        : message;
      assertFailure(() => lookup.example(idOf(700)), "examples-invalid", ofRow);
      assertFailure(() => lookup.group("who-700"), "examples-invalid", message);
      assertFailure(() => lookup.examplesOf("who-700", 10), "examples-invalid", message);
      assert.equal(typeof lookup.example(idOf(701))?.age, "number");
      assert.equal(typeof lookup.group("who-699")?.age, "number");
    });
  }
});

Deno.test("reading: a lookup rejects a blob, as training does", async () => {
  await withStore(agesOf(integerId, "SELECT id, who, clicked, x, x'00' AS age FROM shown"), ({ store }) => {
    insertRows(store, rowsOf((i) => i));
    const lookup = createExampleLookup(store.db, {
      keys: { view: "examples", id: "id", group: "who" },
      fields: [{ name: "x", type: "numeric" }, { name: "age", type: "numeric" }],
      now: () => 0,
    });
    assertFailure(() => lookup.example(3), "examples-invalid", /id 3 has the age a blob/);
  });
});

Deno.test("reading: with text ids, a category may be an integer beyond 2^53", async () => {
  const withCategory = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }]);
  await withStore(agesOf(textId, "SELECT id, who, clicked, x, c FROM shown"), async ({ store }) => {
    const categories = [7n, 2n ** 53n + 1n, 2n ** 53n + 2n];
    insertRows(
      store,
      rowsOf((i) => `m${i}`).map((row, i) => ({ ...row, c: categories[i < 400 ? 0 : i % 3] })),
    );
    const { rowCount: read, levels } = await readExamples(store, withCategory, alone);
    assert.equal(read, rowCount);
    assert.deepEqual(levels[0], [null, "7", "9007199254740993", "9007199254740994"]);
  });
});

Deno.test("reading: an id between two integers is not lost at a range boundary", async () => {
  const views = `
    CREATE TABLE shown (id INTEGER NOT NULL PRIMARY KEY, who ANY, clicked ANY, x ANY) STRICT;
    CREATE TABLE halves (id REAL NOT NULL PRIMARY KEY, who ANY, clicked ANY, x ANY) STRICT;
    CREATE VIEW examples AS SELECT id, who, clicked, x FROM shown UNION ALL SELECT id, who, clicked, x FROM halves;
  `;
  await withStore(views, async ({ store }) => {
    insertRows(store, Array.from({ length: 200 }, (_, id) => ({ id, who: "w", clicked: 0, x: id })));
    store.db.exec("INSERT INTO halves SELECT id + 0.5, who, clicked, x + 0.5 FROM shown WHERE id < 199");
    const { rowCount: read } = await readExamples(store, specOf([{ name: "x", type: "numeric" }]), alone);
    assert.equal(read, 399);
  });
});

Deno.test("reading: a group of too many rows to compare is rejected", async () => {
  await withStore(
    agesOf("id INTEGER NOT NULL PRIMARY KEY", "SELECT id, who, clicked, x, 1 AS age FROM shown"),
    ({ store }) => {
      insertRows(
        store,
        Array.from({ length: 1_001 }, (_, id) => ({ id, who: "one", clicked: 0, x: id === 1_000 ? 2 : 1 })),
      );
      const lookup = createExampleLookup(store.db, {
        keys: { view: "examples", id: "id", group: "who" },
        fields: [{ name: "x", type: "numeric" }, { name: "age", type: "numeric" }],
        now: () => 0,
      });
      assertFailure(() => lookup.group("one"), "lookup-unindexed", /who "one" has more than 1,000 rows/);
      store.db.exec("DELETE FROM shown WHERE id = 999");
      assert.deepEqual(lookup.group("one"), { age: 1 });
    },
  );
});

Deno.test("reading: a WHERE that fails on one row is a failure that names the row if it is found", async () => {
  const where = "SELECT id, who, clicked, x, 1 AS age FROM shown WHERE json_extract(props, '$.age') > 0";
  for (
    const [column, idOf, place] of [
      [integerId, (i: number) => 10_000 + 3 * i, /: malformed JSON of the row with id 12100( \(|\.)/],
      [textId, (i: number) => `u${1_000 + i}`, /: malformed JSON \(the last row read is id "u1699"\)/],
    ] as const
  ) {
    await withStore(agesOf(column, where), async ({ store }) => {
      insertRows(store, rowsOf(idOf, { broken: 700 }));
      await assertRejected(readExamples(store, spec, alone), "examples-invalid", place);
      await assertRejected(
        countExamples(store, listTables(store.db), { threads: alone, rowCounts: new Map() }),
        "examples-invalid",
        /^The files are loaded\. Cannot read the view examples: malformed JSON\./,
      );
    });
  }
});

Deno.test("reading: a WHERE that fails on the first or the last row is a failure that names it", async () => {
  const where = "SELECT id, who, clicked, x, 1 AS age FROM shown WHERE json_extract(props, '$.age') > 0";
  for (const broken of [0, rowCount - 1]) {
    await withStore(agesOf(integerId, where), async ({ store }) => {
      insertRows(store, rowsOf((i) => 2n ** 60n + BigInt(i), { broken }));
      const id = 2n ** 60n + BigInt(broken);
      const message = new RegExp(`: malformed JSON of the row with id ${id}\\.`);
      await assertRejected(readExamples(store, spec, alone), "examples-invalid", message);
    });
  }
});

Deno.test("reading: examples are counted by the origin of the id column, not by its name", async () => {
  // SQLite seeks people by id, but the view's id is that of the mails.
  const views = `
    CREATE TABLE people (id INTEGER NOT NULL PRIMARY KEY) STRICT;
    CREATE TABLE shown (id TEXT NOT NULL PRIMARY KEY, who TEXT, clicked INTEGER, x REAL, props TEXT) STRICT;
    CREATE VIEW examples AS SELECT id, who, clicked, x FROM shown WHERE x >= 0;
  `;
  await withStore(views, async ({ store }) => {
    insertRows(store, rowsOf((i) => `m${i}`));
    const counted = await countExamples(store, listTables(store.db), {
      threads: alone,
      rowCounts: new Map(),
    });
    assert.equal(counted, rowCount);
  });
});

/** Loads a table and trains, by running the program under its own permissions. */
async function loadAndTrain(
  folder: string,
  schema: string,
  features: readonly unknown[],
  csv: string,
): Promise<Outcome> {
  const path = (name: string) => join(folder, name);
  Deno.writeTextFileSync(path("schema.sql"), schema);
  Deno.writeTextFileSync(path("t.csv"), csv);
  Deno.writeTextFileSync(path("spec.json"), JSON.stringify({ id: "id", label: "y", group: "id", features }));
  const places = ["--data", path("data")];
  const load = await run([
    "ingest",
    "--schema",
    path("schema.sql"),
    "--table",
    `t=${path("t.csv")}`,
    ...places,
  ]);
  assert.equal(load.code, 0, load.stderr);
  return await run(["train", "--spec", path("spec.json"), ...places, "--models", path("models"), "--json"]);
}

Deno.test("clickwell train: a row that SQLite cannot read is named in one line, and no model is written", () =>
  inFolder(async (folder) => {
    const rows = Array.from(
      { length: 300 },
      (_, i) => `u${1000 + i},${i % 7},${i === 100 ? "{" : `"{""age"":${i}}"`},${i % 2}`,
    );
    const { code, stdout, stderr } = await loadAndTrain(
      folder,
      `CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, x REAL, props TEXT, y INTEGER) STRICT;
       CREATE VIEW examples AS SELECT id, x, json_extract(props, '$.age') AS age, y FROM t;`,
      [{ name: "x", type: "numeric" }, { name: "age", type: "numeric" }],
      ["id,x,props,y", ...rows, ""].join("\n"),
    );
    assert.equal(code, 1);
    assert.equal(JSON.parse(stdout).error.kind, "examples-invalid");
    assert.equal(existsSync(join(folder, "models")), false);
    assert.match(stderr, /malformed JSON in "age" of the row with id "u1100"/);
  }));

Deno.test("clickwell train: rows with text ids are all used if one has a large integer", () =>
  inFolder(async (folder) => {
    const rows = Array.from(
      { length: 60 },
      (_, i) => `m${100 + i},${i % 7},${i === 20 ? "9007199254740993" : i % 3},${i % 2}`,
    );
    const { code, stdout, stderr } = await loadAndTrain(
      folder,
      `CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, x REAL, c INTEGER, y INTEGER) STRICT;
       CREATE VIEW examples AS SELECT * FROM t;`,
      [{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }],
      ["id,x,c,y", ...rows, ""].join("\n"),
    );
    assert.equal(code, 0, stderr);
    const { rows: { train, test } } = JSON.parse(stdout);
    assert.equal(train + test, 60);
  }));
