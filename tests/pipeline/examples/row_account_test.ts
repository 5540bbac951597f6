import assert from "node:assert/strict";
import { join } from "node:path";
import { createExampleLookup } from "../../../pipeline/examples/example_lookup.ts";
import { readExamples } from "../../../pipeline/examples/examples.ts";
import { fingerprintOf } from "../../../pipeline/examples/fingerprint.ts";
import { requireAccounted } from "../../../pipeline/examples/row_account.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { startThreads } from "../../../pipeline/runtime/thread_pool.ts";
import { trainWorkerUrl } from "../../../pipeline/train/training_resources.ts";
import { update } from "../../../pipeline/train/update.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { alone, specOf } from "../../support/example_rows.ts";
import { sweepOn } from "../../support/one_candidate_sweep.ts";
import { insertRows, modelsOf, tableOf, trainOn, withStore } from "../../support/temp_store.ts";
import { inFolder, run } from "../../support/program.ts";

const columns = ["who", "clicked", "x", "weight"];
const spec = specOf([{ name: "x", type: "numeric" }]);
const weighted = specOf([{ name: "x", type: "numeric" }], { weight: true });

type Row = {
  readonly id: number | string;
  readonly who: string;
  readonly clicked: number | null;
  readonly x: number;
  readonly weight: number | null;
};

/** Rows of which every 7th has no label, and every 11th weight 0. The first and the last have both. */
function makeRows(count: number, idOf: (i: number) => number | string = (i) => i): Row[] {
  const random = createRandom(3);
  return Array.from({ length: count }, (_, i) => ({
    id: idOf(i),
    who: `who-${i}`,
    clicked: random.uniform() < 0.4 ? 1 : 0,
    x: random.uniform(),
    weight: 1 + i % 3,
    ...(i % 7 === 3 ? { clicked: null, weight: i % 2 === 0 ? null : 1 } : {}),
    ...(i % 11 === 5 ? { weight: 0 } : {}),
  }));
}

const withoutLabel = (rows: readonly Row[]) => rows.filter(({ clicked }) => clicked === null).length;
const withoutWeight = (rows: readonly Row[]) =>
  rows.filter(({ clicked, weight }) => clicked !== null && weight === 0).length;
const usable = (rows: readonly Row[]) =>
  rows.filter(({ clicked, weight }) => clicked !== null && weight !== 0);

const ids: readonly [name: string, column: string, idOf: (i: number) => number | string][] = [
  ["integers", "id INTEGER NOT NULL PRIMARY KEY", (i) => 2 * i],
  ["text", "id TEXT NOT NULL PRIMARY KEY", (i) => `m${String(i).padStart(6, "0")}`],
];

for (const [kind, id, idOf] of ids) {
  Deno.test(`rows: rows without a label or of weight 0 are left out and counted, with ids that are ${kind}`, async () => {
    // More than a chunk.
    const rows = makeRows(20_001, idOf);
    const expected = await withStore(tableOf(columns, { id }), async ({ store }) => {
      insertRows(store, usable(rows));
      return fingerprintOf(await readExamples(store, weighted, alone));
    });
    await withStore(tableOf(columns, { id }), async ({ store }) => {
      insertRows(store, rows);
      const threads = startThreads(3, trainWorkerUrl());
      try {
        for (const readers of [alone, threads]) {
          const raw = await readExamples(store, weighted, readers);
          assert.deepEqual(raw.account, {
            read: 20_001,
            noLabel: withoutLabel(rows),
            zeroWeight: withoutWeight(rows),
          });
          assert.equal(raw.rowCount, usable(rows).length);
          assert.equal(fingerprintOf(raw), expected, "what is left is as if the others had never been there");
        }
      } finally {
        threads.close();
      }
    });
  });
}

Deno.test("rows: an invalid label is rejected for any weight; a row without a label may lack its group", async () => {
  const rows = makeRows(20);
  await withStore(tableOf(columns), async ({ store }) => {
    insertRows(store, [...rows, { id: 77, who: "w", clicked: 2, x: 1, weight: 0 }]);
    await assertRejected(
      readExamples(store, weighted, alone),
      "examples-invalid",
      /id 77 has the clicked "2", expected 0 or 1, or NULL for a row that is not for training/,
    );
    store.db.exec("DELETE FROM shown WHERE id = 77");
    insertRows(store, [{ id: 78, who: null, clicked: null, x: "text", weight: -1 }]);
    assert.equal((await readExamples(store, weighted, alone)).account.read, 21);
  });
});

Deno.test("rows: an account that does not add up is a bug", () => {
  requireAccounted({ read: 10, noLabel: 2, zeroWeight: 1 }, 7);
  assert.throws(
    () => requireAccounted({ read: 10, noLabel: 2, zeroWeight: 1 }, 6),
    /10 rows were read, but 6 are examples/,
  );
});

Deno.test("rows: the model's metadata account for all rows read", async () => {
  await withStore(tableOf(columns), async (made) => {
    const rows = makeRows(3_000);
    insertRows(made.store, rows);
    const { artifact, account } = await trainOn(made, weighted, { negatives: 0.7 });
    const { read = 0, train, test, left_out, no_label = 0, zero_weight = 0 } = artifact.metadata.data.rows;
    assert.deepEqual([read, no_label, zero_weight], [3_000, withoutLabel(rows), withoutWeight(rows)]);
    assert.ok(left_out > 100);
    assert.equal(train + test + left_out + no_label + zero_weight, read);
    assert.deepEqual(account, { read, noLabel: no_label, zeroWeight: zero_weight });
  });
});

Deno.test("rows: if all lack a label, the failure reports it", async () => {
  await withStore(tableOf(columns), async (made) => {
    insertRows(made.store, makeRows(9).map((row) => ({ ...row, clicked: null })));
    await assertRejected(
      trainOn(made, spec),
      "examples-invalid",
      /^Cannot train on the 9 rows of the view examples: 9 have no clicked\./,
    );
  });
});

Deno.test("rows: if all lack their parent, the failure reports it", async () => {
  const tables = `
    CREATE TABLE readers (reader TEXT NOT NULL PRIMARY KEY, age REAL) STRICT;
    CREATE TABLE mails (mail TEXT NOT NULL PRIMARY KEY, reader TEXT NOT NULL, clicked INTEGER, x REAL) STRICT;
    CREATE VIEW examples AS SELECT mail AS id, mails.reader AS who, clicked, x FROM mails JOIN readers ON readers.reader = mails.reader;
    INSERT INTO mails VALUES ('a', 'r', 1, 1), ('b', 'r', 0, 1);
  `;
  await withStore(tables, async (made) => {
    await assertRejected(
      trainOn(made, spec),
      "examples-invalid",
      /has no rows: mails has 2, but the rows they refer to are not in readers\./,
    );
  });
});

Deno.test("rows: a sweep accounts for them as training does", async () => {
  await withStore(tableOf(columns), async (made) => {
    insertRows(made.store, makeRows(600));
    const { rows, account } = await sweepOn(made, spec);
    const trained = await trainOn(made, spec);
    assert.deepEqual(rows, trained.artifact.metadata.data.rows);
    assert.deepEqual(account, trained.account);
  });
});

Deno.test("rows: a row without a label is found by its id", async () => {
  const table = `
    CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, x REAL, y INTEGER) STRICT;
    CREATE VIEW examples AS SELECT * FROM t;
    INSERT INTO t VALUES (1, 0.5, 1), (5, 0.9, NULL);
  `;
  await withStore(table, ({ store }) => {
    const lookup = createExampleLookup(store.db, {
      keys: { view: "examples", id: "id", group: "id" },
      fields: [{ name: "x", type: "numeric" }],
      now: () => 0,
    });
    assert.deepEqual(lookup.example(5n), { x: 0.9 });
  });
});

Deno.test("rows: an update counts new rows, known rows and rows left out", async () => {
  await withStore(
    `CREATE TABLE shown (id INTEGER NOT NULL PRIMARY KEY, who TEXT, clicked INTEGER, x REAL, weight REAL) STRICT;
     CREATE VIEW examples AS SELECT * FROM shown;`,
    async (made) => {
      const rows = makeRows(800);
      insertRows(made.store, rows.slice(0, 500));
      const before = await trainOn(made, weighted);
      // Two ids below the model's last one are added late.
      insertRows(made.store, [...rows.slice(500), { ...rows[0], id: -7 }, { ...rows[1], id: -9 }]);
      const { account, artifact } = await update(made.store, modelsOf(made), before.artifact, {
        threads: 1,
        now: 2,
      });
      const recent = rows.slice(500);
      assert.deepEqual(account, {
        read: 300,
        noLabel: withoutLabel(recent),
        zeroWeight: withoutWeight(recent),
        known: 502,
      });
      const { update: updated, data, notes } = artifact.metadata;
      assert.deepEqual([updated?.read, updated?.rows], [300, usable(recent).length]);
      const { read = 0, train, test, left_out, no_label = 0, zero_weight = 0 } = data.rows;
      assert.equal(read, 800);
      assert.equal(train + test + left_out + no_label + zero_weight, read);
      assert.deepEqual(notes.filter((note) => /not learnt/.test(note)), [
        `2 row(s) up to id 499 came after ${before.model.modelId} was trained: they are not learnt.`,
        `${
          withoutLabel(rows.slice(0, 500))
        } row(s) had no clicked when ${before.model.modelId} was trained: labels that they have got since are not learnt.`,
      ]);
    },
  );
});

Deno.test("rows: an update counts orphans among the new rows only", async () => {
  await withStore(
    `CREATE TABLE readers (reader TEXT NOT NULL PRIMARY KEY, age REAL) STRICT;
     CREATE TABLE mails (mail INTEGER NOT NULL PRIMARY KEY, reader TEXT NOT NULL, clicked INTEGER, x REAL) STRICT;
     CREATE VIEW examples AS SELECT mail AS id, mails.reader AS who, clicked, x FROM mails JOIN readers ON readers.reader = mails.reader;
     INSERT INTO readers VALUES ('r0', 1), ('r1', 2), ('r2', 3);`,
    async (made) => {
      const insert = (from: number, to: number) => {
        const statement = made.store.db.prepare("INSERT INTO mails VALUES (?, ?, ?, ?)");
        for (const { id, clicked, x } of makeRows(to).slice(from)) {
          statement.run(id, `r${Number(id) % 4}`, clicked, x);
        }
      };
      insert(0, 400);
      const before = await trainOn(made, spec);
      assert.deepEqual(before.account.orphans, { rows: 100, table: "mails", parents: ["readers"] });
      insert(400, 800);
      const { account } = await update(made.store, modelsOf(made), before.artifact, { threads: 1, now: 2 });
      assert.equal(account.read, 300);
      // The model has seen ids up to 398: the orphan 399 was not in the view.
      assert.deepEqual([account.orphans?.rows, account.known], [101, undefined]);
    },
  );
});

Deno.test("rows: an update without usable rows reports the reason", async () => {
  await withStore(tableOf(columns), async (made) => {
    insertRows(made.store, makeRows(300));
    const { artifact } = await trainOn(made, spec);
    insertRows(made.store, [{ id: 1_000, who: "w", clicked: null, x: 1 }]);
    await assertRejected(
      update(made.store, modelsOf(made), artifact, { threads: 1, now: 2 }),
      "examples-invalid",
      /None of the 1 rows after id 299 can be used for training \(1 have no clicked\)/,
    );
  });
});

Deno.test("rows: a model can be updated with integer ids that SQLite has to sort", async () => {
  const views = `
    CREATE TABLE shown (k INTEGER PRIMARY KEY, id INTEGER, who TEXT, clicked INTEGER, x REAL, weight REAL) STRICT;
    CREATE VIEW examples AS SELECT id, who, clicked, x, weight FROM shown;
  `;
  await withStore(views, async (made) => {
    const rows = makeRows(800);
    insertRows(made.store, rows.slice(0, 500).toReversed());
    const before = await trainOn(made, weighted);
    assert.equal(before.artifact.metadata.data.last_id, "499");
    insertRows(made.store, rows.slice(500));
    const { account } = await update(made.store, modelsOf(made), before.artifact, { threads: 1, now: 2 });
    assert.equal(account.read, 300);
  });
});

Deno.test("clickwell train: the row account is in the output, in --json and in models show", () =>
  inFolder(async (folder) => {
    const path = (name: string) => join(folder, name);
    Deno.writeTextFileSync(
      path("schema.sql"),
      `CREATE TABLE shops (shop TEXT NOT NULL PRIMARY KEY, town TEXT) STRICT;
       CREATE TABLE visits (visit TEXT NOT NULL PRIMARY KEY, shop TEXT NOT NULL, age REAL, bought INTEGER, n REAL) STRICT;
       CREATE VIEW examples AS SELECT visit, visits.shop, town, age, bought, n FROM visits JOIN shops ON shops.shop = visits.shop;`,
    );
    const visits = makeRows(200).map(({ id, x, clicked, weight }) =>
      `v${id},s${Number(id) % 9},${x},${clicked ?? ""},${weight ?? ""}`
    );
    Deno.writeTextFileSync(
      path("shops.csv"),
      ["shop,town", ...[0, 1, 2, 3, 4, 5, 6].map((i) => `s${i},t${i % 2}`), ""].join("\n"),
    );
    Deno.writeTextFileSync(path("visits.csv"), ["visit,shop,age,bought,n", ...visits, ""].join("\n"));
    Deno.writeTextFileSync(
      path("spec.json"),
      JSON.stringify({
        id: "visit",
        label: "bought",
        group: "visit",
        weight: "n",
        features: [{ name: "age", type: "numeric" }, { name: "town", type: "categorical" }],
      }),
    );
    const places = ["--data", path("data"), "--models", path("models")];
    const tables = [`shops=${path("shops.csv")}`, `visits=${path("visits.csv")}`].flatMap((
      table,
    ) => ["--table", table]);
    const load = await run(["ingest", "--schema", path("schema.sql"), ...tables, "--data", path("data")]);
    assert.equal(load.code, 0, load.stderr);

    const inView = makeRows(200).filter((_, i) => i % 9 < 7);
    const json = await run(["train", "--spec", path("spec.json"), "--json", "--quiet", ...places]);
    assert.equal(json.code, 0, json.stderr);
    const { rows } = JSON.parse(json.stdout);
    assert.deepEqual(
      { ...rows, train: 0, test: 0 },
      {
        read: inView.length,
        train: 0,
        test: 0,
        left_out: { negatives: 0, no_label: withoutLabel(inView), zero_weight: withoutWeight(inView) },
        orphans: 200 - inView.length,
      },
    );
    const leftOut = rows.left_out.no_label + rows.left_out.zero_weight;
    assert.equal(rows.train + rows.test + leftOut, rows.read);

    const words = await run(["train", "--spec", path("spec.json"), "--quiet", ...places]);
    const line = `${rows.read} rows read: ${rows.train} trained on, ${rows.test} held out, ` +
      `${rows.left_out.no_label} without a label (bought), ${rows.left_out.zero_weight} of weight 0 (n)`;
    assert.ok(words.stderr.includes(`  ${line}\n`), words.stderr);
    assert.match(
      words.stderr,
      /^ {2}44 rows of visits are not in the view: the rows they refer to are not in shops$/m,
    );
    const shown = await run(["models", "show", "1", ...places]);
    assert.ok(shown.stderr.includes(line), shown.stderr);

    const swept = await run([
      "sweep",
      "--spec",
      path("spec.json"),
      "--json",
      "--quiet",
      "--C",
      "1",
      ...places,
    ]);
    assert.equal(swept.code, 0, swept.stderr);
    assert.deepEqual(JSON.parse(swept.stdout).rows, rows);
  }));
