import assert from "node:assert/strict";
import { join } from "node:path";
import { loadEach } from "../../../pipeline/chunks/chunk_store.ts";
import { createExampleLookup } from "../../../pipeline/examples/example_lookup.ts";
import { readExamples } from "../../../pipeline/examples/examples.ts";
import { fingerprintOf } from "../../../pipeline/examples/fingerprint.ts";
import { viewOrdersById } from "../../../pipeline/examples/id_ranges.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { startThreads } from "../../../pipeline/runtime/thread_pool.ts";
import { trainWorkerUrl } from "../../../pipeline/train/training_resources.ts";
import { alone } from "../../support/example_rows.ts";
import { inFolder, root, run } from "../../support/program.ts";
import { withTables } from "../../support/tables.ts";

/** The table and the view of docs/time.md, and the table that they leave to the reader. */
const schema = [
  `CREATE TABLE mails (mail_id INTEGER NOT NULL PRIMARY KEY, customer TEXT NOT NULL, sent_at INTEGER NOT NULL, clicked INTEGER) STRICT;`,
  ...Deno.readTextFileSync(join(root, "docs/time.md")).matchAll(/```sql\n([\s\S]*?)```/g).map(([, sql]) =>
    sql
  ),
].join("\n");

const spec = parseSpec({
  id: "mail_id",
  label: "clicked",
  group: "customer",
  time: "sent_at",
  features: [{ name: "spend", type: "numeric" }, { name: "plan", type: "categorical" }],
}, "the test's spec");

interface Plan {
  readonly customer: string;
  readonly known_at: number;
  readonly plan: string | null;
  readonly spend: number;
}

const start = 1000 * Date.parse("2024-03-01T00:00:00Z");
const random = createRandom(5);
const plans = Array.from({ length: 400 }, (_, i): Plan => ({
  customer: `c${i % 90}`,
  known_at: start + 1e6 * (1 + Math.floor(i / 90) * 100 + random.below(100)),
  plan: ["free", "pro", null][random.below(3)],
  spend: i,
}));
/** Some at the very time from which on a row is known, some of customers without rows. */
const mails = Array.from({ length: 1_500 }, (_, mail_id) => {
  const customer = `c${random.below(100)}`;
  const own = plans.filter((plan) => plan.customer === customer);
  const sent_at = mail_id % 10 === 0 && own.length > 0
    ? own[random.below(own.length)].known_at
    : start + 1e6 * random.below(600);
  return { mail_id, customer, sent_at, clicked: random.below(2) };
});

function knownPlan(customer: string, sentAt: number): Plan | undefined {
  return plans.filter((plan) => plan.customer === customer && plan.known_at <= sentAt)
    .sort((a, b) => b.known_at - a.known_at)[0];
}

Deno.test("as-of join: an example has the newest row that was known at its time, read in the order of ids", () =>
  withTables(async ({ store }) => {
    const { db } = store;
    const plan = db.prepare("INSERT INTO plans VALUES (?, ?, ?, ?)");
    for (const row of plans) plan.run(row.customer, row.known_at, row.plan, row.spend);
    const mail = db.prepare("INSERT INTO mails VALUES (?, ?, ?, ?)");
    for (const row of mails) mail.run(row.mail_id, row.customer, row.sent_at, row.clicked);

    const raw = await readExamples(store, spec, alone);

    const expected = mails.map(({ customer, sent_at }) => knownPlan(customer, sent_at));
    assert(expected.includes(undefined) && new Set(expected).size > 200);
    const chunks = [...loadEach(raw.chunks)];
    assert.deepEqual(chunks.flatMap(({ numeric }) => [...numeric]), expected.map((row) => row?.spend ?? NaN));
    assert.deepEqual(
      chunks.flatMap(({ codes }) => [...codes[0]].map((code) => raw.levels[0][code])),
      expected.map((row) => row?.plan ?? null),
    );
    assert.deepEqual(chunks.flatMap(({ times = [] }) => [...times]), mails.map(({ sent_at }) => sent_at));
    assert.equal(raw.account.read, mails.length, "the join multiplies nothing");

    assert(viewOrdersById(store, spec));
    const steps = db.prepare("EXPLAIN QUERY PLAN SELECT * FROM examples ORDER BY mail_id").all();
    const scans = steps.filter(({ detail }) => String(detail).startsWith("SCAN "));
    assert.deepEqual(scans.map(({ detail }) => detail), ["SCAN mails"], "plans are searched by their key");

    const threads = startThreads(3, trainWorkerUrl());
    try {
      assert.equal(fingerprintOf(await readExamples(store, spec, threads)), fingerprintOf(raw));
    } finally {
      threads.close();
    }
    const lookup = createExampleLookup(db, {
      keys: { view: "examples", id: "mail_id", group: "customer" },
      fields: [{ name: "spend", type: "numeric" }, { name: "plan", type: "categorical" }],
      now: () => 0,
    });
    for (const [i, mail] of mails.slice(0, 50).entries()) {
      const row = expected[i];
      assert.deepEqual(lookup.example(BigInt(mail.mail_id)), {
        spend: row?.spend ?? null,
        plan: row?.plan ?? null,
      });
    }
  }, schema));

Deno.test("as-of join: the schema of the documentation is loaded from files and trained on", () =>
  inFolder(async (folder) => {
    const path = (name: string) => join(folder, name);
    const csvOf = (rows: readonly object[]) =>
      [Object.keys(rows[0]), ...rows.map((row) => Object.values(row).map((value) => value ?? ""))]
        .map((cells) => `${cells.join(",")}\n`).join("");
    Deno.writeTextFileSync(path("schema.sql"), schema);
    Deno.writeTextFileSync(path("plans.csv"), csvOf(plans));
    Deno.writeTextFileSync(path("mails.csv"), csvOf(mails));
    Deno.writeTextFileSync(path("spec.json"), JSON.stringify(spec));
    const files = [`plans=${path("plans.csv")}`, `mails=${path("mails.csv")}`];
    const places = ["--data", path("data"), "--models", path("models")];
    const load = await run([
      "ingest",
      "--schema",
      path("schema.sql"),
      ...files.flatMap((file) => ["--table", file]),
      "--data",
      path("data"),
    ]);
    assert.equal(load.code, 0, load.stderr);
    const trained = await run([
      "train",
      "--spec",
      path("spec.json"),
      "--split",
      "time",
      "--json",
      "--quiet",
      ...places,
    ]);
    assert.equal(trained.code, 0, trained.stderr);
    const { rows } = JSON.parse(trained.stdout);
    assert.equal(rows.train + rows.test, mails.length);
  }));
