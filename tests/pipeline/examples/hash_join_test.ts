import assert from "node:assert/strict";
import { join } from "node:path";
import { plainFields } from "../../../pipeline/chunks/chunk_file.ts";
import { loadEach } from "../../../pipeline/chunks/chunk_store.ts";
import { createMemoryBudget } from "../../../pipeline/chunks/memory_budget.ts";
import { readExamples } from "../../../pipeline/examples/examples.ts";
import { fingerprintOf } from "../../../pipeline/examples/fingerprint.ts";
import { buildHashJoin } from "../../../pipeline/examples/hash_join/hash_join.ts";
import { joinIn, planJoin } from "../../../pipeline/examples/join_plan.ts";
import {
  createKeyWriter,
  isUuid,
  textKeys,
  uuidKeys,
} from "../../../pipeline/examples/hash_join/key_encoding.ts";
import {
  appendRows,
  createHashTable,
  createKeyFinder,
  createKeyIndexer,
} from "../../../pipeline/examples/hash_join/hash_table.ts";
import { createRowBuffer } from "../../../pipeline/examples/hash_join/keyed_rows.ts";
import type { ValueType } from "../../../pipeline/examples/level.ts";
import type { RawExamples } from "../../../pipeline/examples/raw_examples.ts";
import { defaultSpec, type FeatureSpec, parseSpec } from "../../../pipeline/examples/spec.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { openStore, type Store } from "../../../pipeline/store/store.ts";
import { listTables } from "../../../pipeline/store/table.ts";
import { startThreads, type Threads } from "../../../pipeline/runtime/thread_pool.ts";
import { trainWorkerUrl } from "../../../pipeline/train/training_resources.ts";
import { alone } from "../../support/example_rows.ts";

interface Case {
  readonly name: string;
  /** Default: the schema of loan offers. */
  readonly schema?: string;
  readonly spec?: FeatureSpec;
  /** SQL executed after the default rows are inserted. */
  readonly changes?: string;
  /** Returns the key of a lead. */
  readonly key?: (i: number) => string;
  /** Whether a hash join can be built; default: true. */
  readonly isHashable?: boolean;
  readonly leadCount?: number;
  /** Types of the categories. */
  readonly types?: readonly ValueType[];
}

const uuidOf = (i: number) =>
  `${(i * 0x9e3779b1 >>> 0).toString(16).padStart(8, "0")}-0000-4000-8000-${
    i.toString(16).padStart(12, "0")
  }`;

/** Leads with a rowid, and a lender's country by a second join. */
const twoParents = `
  CREATE TABLE lenders (code TEXT NOT NULL PRIMARY KEY, country TEXT, size INTEGER) STRICT;
  CREATE TABLE leads (rowid TEXT, lead_uuid TEXT NOT NULL PRIMARY KEY, requested REAL, credit TEXT) STRICT;
  CREATE TABLE offers (offer_id INTEGER NOT NULL PRIMARY KEY, lead_uuid TEXT NOT NULL, code TEXT NOT NULL, apr REAL) STRICT;
  CREATE TABLE clicks (offer_id INTEGER NOT NULL, clicked_at INTEGER NOT NULL, PRIMARY KEY (offer_id, clicked_at)) STRICT;
  CREATE VIEW examples AS
  SELECT offers.offer_id, offers.lead_uuid, leads.requested, leads.credit, lenders.country, lenders.size, offers.apr,
    EXISTS (SELECT 1 FROM clicks WHERE clicks.offer_id = offers.offer_id) AS clicked
  FROM offers JOIN leads ON leads.lead_uuid = offers.lead_uuid JOIN lenders ON offers.code = lenders.code;
`;
const twoParentSpec = parseSpec({
  id: "offer_id",
  label: "clicked",
  group: "lead_uuid",
  features: [
    { name: "country", type: "categorical" },
    { name: "apr", type: "numeric" },
    { name: "size", type: "numeric" },
    { name: "credit", type: "categorical" },
    { name: "requested", type: "numeric" },
  ],
}, "the test's spec");

/** Times are any numbers. */
const timed = (time: string): FeatureSpec => ({ ...twoParentSpec, time });

const categoriesSpec = parseSpec({
  id: "offer_id",
  label: "clicked",
  group: "lead_uuid",
  features: ["country", "apr", "size", "requested"].map((name) => ({ name, type: "categorical" })),
}, "the test's spec");

/** Replaces the offers' lenders by banks with an integer key, and their clicks by a label of their own. */
const banks = (kind: string, members: string) => `
  DROP VIEW examples;
  CREATE TABLE banks (bank INTEGER NOT NULL PRIMARY KEY, country TEXT, size INTEGER) ${kind};
  INSERT INTO banks SELECT rowid * 1000003 - 2000006, country, size FROM lenders;
  CREATE TABLE shown (offer_id INTEGER NOT NULL PRIMARY KEY, lead_uuid TEXT NOT NULL, bank INTEGER NOT NULL, apr REAL,
    answered INTEGER, said TEXT, weight REAL) STRICT;
  INSERT INTO shown SELECT offer_id, lead_uuid, (offer_id % 6) * 1000003 - 2000006, apr,
    CASE WHEN offer_id % 7 <> 0 THEN offer_id % 3 = 0 END,
    CASE WHEN offer_id % 5 <> 0 THEN iif(offer_id % 3 = 0, 'yes', 'no') END, offer_id % 4 FROM offers;
  CREATE VIEW examples AS
  SELECT shown.offer_id, shown.lead_uuid, leads.requested, leads.credit, banks.country, banks.size, shown.apr, ${members}
  FROM shown JOIN leads ON leads.lead_uuid = shown.lead_uuid JOIN banks ON shown.bank = banks.bank;
`;
const ofClicks = "EXISTS (SELECT 1 FROM clicks WHERE clicks.offer_id = shown.offer_id) AS clicked";

const cases: readonly Case[] = [
  ...["STRICT", "STRICT, WITHOUT ROWID"].map((kind): Case => ({
    name: `a key of integers, of a table that is ${kind}`,
    schema: twoParents,
    spec: twoParentSpec,
    changes: banks(kind, ofClicks),
  })),
  {
    name: "a key beyond 2^53",
    schema: twoParents,
    spec: twoParentSpec,
    changes: `${banks("STRICT", ofClicks)} INSERT INTO banks VALUES (9007199254740993, 'XX', 1);
      UPDATE shown SET bank = 9007199254740993 WHERE offer_id % 9 = 0`,
    isHashable: false,
  },
  {
    name: "a reference beyond 2^53, to no row",
    schema: twoParents,
    spec: twoParentSpec,
    changes: `${banks("STRICT", ofClicks)} UPDATE shown SET bank = 9007199254740993 WHERE offer_id % 9 = 0`,
  },
  {
    name: "a label of the child, which some rows lack",
    schema: twoParents,
    spec: twoParentSpec,
    changes: banks("STRICT", "shown.answered AS clicked"),
  },
  {
    name: "a label of two texts",
    schema: twoParents,
    spec: { ...twoParentSpec, positive: "yes" },
    changes: banks("STRICT", "shown.said AS clicked"),
  },
  {
    name: "weights of the child, some of them 0",
    schema: twoParents,
    spec: { ...twoParentSpec, weight: "weight" },
    changes: banks("STRICT", `shown.weight, ${ofClicks}`),
  },
  {
    name: "weights and a label of the child, in more rows than a chunk",
    schema: twoParents,
    spec: { ...twoParentSpec, weight: "weight", time: "size" },
    changes: banks("STRICT", "shown.weight, shown.answered AS clicked"),
    leadCount: 9_000,
  },
  { name: "keys that are UUIDs", key: uuidOf },
  { name: "keys of any length", key: (i) => "k".repeat(i % 40) + i },
  { name: "keys beyond ASCII", key: (i) => `${["ä", "🦊", "日本", ""][i % 4]}${i}` },
  {
    name: "UUIDs, and an unused key that is not one",
    key: uuidOf,
    changes: "INSERT INTO leads (lead_uuid) VALUES ('x')",
  },
  { name: "offers without their lead", key: uuidOf, changes: "DELETE FROM leads WHERE requested = 500" },
  { name: "no lead at all", changes: "DELETE FROM leads" },
  {
    name: "levels and a number of a lead without offers",
    changes: "INSERT INTO leads VALUES ('alone', 77, 'a yacht', 'royal', 1)",
  },
  {
    name: "levels of integers, and missing values everywhere",
    changes: "UPDATE leads SET requested = NULL, credit = NULL; UPDATE offers SET apr = NULL",
  },
  { name: "more leads and offers than a chunk", key: uuidOf, leadCount: 9_000 },
  { name: "two parents, one with a column called rowid", schema: twoParents, spec: twoParentSpec },
  { name: "the time in the child, which is a field too", schema: twoParents, spec: timed("apr") },
  { name: "the time in a parent", schema: twoParents, spec: timed("requested") },
  {
    name: "the time in a parent without other numbers",
    schema: twoParents,
    spec: { ...timed("size"), features: twoParentSpec.features.filter(({ name }) => name === "credit") },
  },
  {
    name: "the group in a parent",
    schema: twoParents,
    spec: { ...twoParentSpec, group: "country" },
    changes: "UPDATE lenders SET country = 'ES' WHERE country IS NULL",
  },
  {
    name: "categories of every type",
    schema: twoParents,
    spec: categoriesSpec,
    changes: "UPDATE leads SET requested = requested + 0.5; UPDATE offers SET apr = 1e18 + offer_id * 1000",
    types: ["text", "real", "integer", "real"],
  },
  {
    name: "categories of text that are NULL in all examples",
    changes: "UPDATE leads SET credit = NULL; UPDATE offers SET lender_id = NULL",
    types: ["text", "text", "text"],
  },
  {
    name: "a number that is infinite",
    changes: "INSERT INTO leads VALUES ('inf', 9e999, 'auto', 'good', 1)",
    isHashable: false,
  },
  {
    name: "a key that is not UTF-8",
    changes: "INSERT INTO leads (lead_uuid) VALUES (CAST(x'61ff62' AS TEXT))",
    isHashable: false,
  },
  {
    name: "clicks without an index that starts with the offer",
    changes: `DROP TABLE clicks;
      CREATE TABLE clicks (offer_id INTEGER NOT NULL, clicked_at INTEGER NOT NULL PRIMARY KEY) STRICT;
      INSERT INTO clicks SELECT offer_id, offer_id FROM offers WHERE offer_id % 3 = 0`,
  },
  {
    name: "an id beyond 2^53",
    changes: "INSERT INTO offers SELECT 9007199254740993, lead_uuid, 1, 1 FROM leads LIMIT 1",
    isHashable: false,
  },
];

for (const one of cases) {
  Deno.test(`hash join: ${one.name}: the same examples as SQLite's join`, async () => {
    await withTables(one, async (store) => {
      const spec = one.spec ?? defaultSpec();
      const plan = joinIn(planJoin(store, spec, listTables(store.db)));
      assert(plan);
      const options = { ids: idsOf(store), bytesMax: 1e9, pause() {} };
      assert.equal(await buildHashJoin(store, plan, alone, options) !== undefined, one.isHashable ?? true);
      const hashed = await readExamples(store, spec, alone);
      const count = (name: string) => Number(store.db.prepare(`SELECT count(*) AS n FROM ${name}`).get()?.n);
      const examples = count("examples");
      const { read, noLabel, zeroWeight } = hashed.account;
      assert.deepEqual([read, hashed.rowCount + noLabel + zeroWeight], [examples, examples]);
      assert.equal(hashed.account.orphans?.rows, count("offers") - examples);
      await withThreads(async (threads) => {
        assert.equal(fingerprintOf(await readExamples(store, spec, threads)), fingerprintOf(hashed));
      });
      hideJoin(store);
      assert.equal(joinIn(planJoin(store, spec, listTables(store.db))), undefined);
      const joined = await readExamples(store, spec, alone);
      assert.equal(hashed.rowCount, joined.rowCount);
      assert.deepEqual(hashed.levels, joined.levels);
      assert.deepEqual(hashed.types, joined.types);
      if (one.types) assert.deepEqual(hashed.types, one.types);
      assert.equal(fingerprintOf(hashed), fingerprintOf(joined));
      assert.deepEqual(layoutOf(hashed), layoutOf(joined));
      assert.equal(timesOf(hashed).length, spec.time === undefined ? 0 : hashed.rowCount);
      assert.deepEqual(timesOf(hashed), timesOf(joined));
      const { orphans: _, ...account } = hashed.account;
      assert.deepEqual(joined.account, account);
    });
  });
}

for (const one of cases.filter(({ isHashable = true }) => isHashable)) {
  Deno.test(`join of parents beyond the memory budget: ${one.name}: the same examples`, async () => {
    await withTables(one, async (store) => {
      const spec = one.spec ?? defaultSpec();
      const hashed = await readExamples(store, spec, alone);
      const expected = contentOf(hashed);
      const folder = await Deno.makeTempDir();
      let reads = 0;
      const read = async (threads: Threads, memoryBytes: number) => {
        const budget = createMemoryBudget(join(folder, String(reads++)), memoryBytes);
        return contentOf(await readExamples(store, spec, threads, { budget }));
      };
      try {
        // The smaller of two parents fits into the second.
        for (const memoryBytes of [0, 20_000]) assert.deepEqual(await read(alone, memoryBytes), expected);
        await withThreads(async (threads) => assert.deepEqual(await read(threads, 0), expected));
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  });
}

function contentOf(raw: RawExamples) {
  const { account, types, levels } = raw;
  return { account, types, levels, layout: layoutOf(raw), fingerprint: fingerprintOf(raw) };
}

/** Rows of each chunk. */
function layoutOf({ chunks }: RawExamples): number[] {
  return chunks.map((chunk) => plainFields(chunk).rowCount);
}

function timesOf({ chunks }: RawExamples): number[] {
  return [...loadEach(chunks)].flatMap(({ times = [] }) => [...times]);
}

Deno.test("hash join: fields of the parents are in their columns", async () => {
  await withTables({ name: "", key: uuidOf }, async (store) => {
    const { chunks, levels } = await readExamples(store, defaultSpec(), alone);
    const [chunk] = loadEach(chunks);
    const row = store.db.prepare("SELECT * FROM examples ORDER BY offer_id LIMIT 1").get();
    const numbers = [row?.requested, row?.annual_income, row?.apr].map((value) => value ?? NaN);
    assert.deepEqual([...chunk.numeric.subarray(0, 3)], numbers);
    assert.equal(levels[0][chunk.codes[0][0]], row?.loan_purpose);
    assert.equal(levels[2][chunk.codes[2][0]], String(row?.lender_id));
    assert.equal(chunk.labels[0], row?.clicked);
  });
});

Deno.test("hash join: parents beyond the memory are in partitions, the smaller ones in memory", async () => {
  await withTables({ name: "", key: uuidOf, schema: twoParents, leadCount: 2_000 }, async (store) => {
    const plan = joinIn(planJoin(store, twoParentSpec, listTables(store.db)));
    assert(plan);
    const folder = await Deno.makeTempDir();
    try {
      const partitionsOf = async (bytesMax: number, hasFolder = true) => {
        const budget = hasFolder ? { budget: createMemoryBudget(join(folder, String(bytesMax)), 0) } : {};
        const built = await buildHashJoin(store, plan, alone, {
          ids: idsOf(store),
          bytesMax,
          pause() {},
          ...budget,
        });
        return built?.buildSides.map((side) => "table" in side ? 0 : side.partitioning.partitionCount);
      };
      assert.deepEqual(await partitionsOf(1e9), [0, 0]);
      const [leads = 0, lenders] = await partitionsOf(60_000) ?? [];
      assert.equal(lenders, 0);
      assert(leads >= 2, `${leads} partitions`);
      const [more = 0, both = 0] = await partitionsOf(1_000) ?? [];
      assert(more >= leads && both >= 2, `${more} and ${both} partitions`);
      assert.equal(await partitionsOf(1_000, false), undefined, "without a folder");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});

Deno.test("hash join: what only SQLite can join is said", async () => {
  await withTables({ name: "", schema: twoParents }, async (store) => {
    const reasonOf = (spec: FeatureSpec) => planJoin(store, spec, listTables(store.db));
    assert.equal(typeof reasonOf(twoParentSpec), "object");
    const viewOf = (from: string, clicked = "0") =>
      store.db.exec(
        `DROP VIEW examples; CREATE VIEW examples AS SELECT offers.offer_id, offers.lead_uuid, leads.requested,
        leads.credit, lenders.country, lenders.size, offers.apr, ${clicked} AS clicked FROM ${from}`,
      );
    const joins =
      "offers JOIN leads ON leads.lead_uuid = offers.lead_uuid JOIN lenders ON offers.code = lenders.code";
    viewOf(joins);
    assert.equal(
      reasonOf({ ...twoParentSpec, time: "clicked" }),
      "clicked is not a column of its tables as it is",
    );
    assert.match(String(reasonOf(twoParentSpec)), /^clicked is neither a column of 0 and 1 of offers, nor/);
    viewOf(joins, "offers.apr");
    assert.match(String(reasonOf(twoParentSpec)), /^clicked is neither/);
    viewOf(`${joins} WHERE 1`);
    assert.match(String(reasonOf(twoParentSpec)), /^it is not SELECT … FROM child/);
    const said: string[] = [];
    const read = () =>
      readExamples(store, twoParentSpec, alone, { onSlowJoin: (reason) => said.push(reason) });
    await read();
    assert.deepEqual(said, [], "few rows take no time");
    store.db.exec(
      `WITH RECURSIVE ids(id) AS (SELECT 1000000 UNION ALL SELECT id + 1 FROM ids WHERE id < 1100000)
      INSERT INTO offers SELECT id, 'lead 1', 'a', 1 FROM ids`,
    );
    await read();
    assert.deepEqual(said, [reasonOf(twoParentSpec)]);
  });
});

Deno.test("hash join: Ctrl-C interrupts the build", async () => {
  await withTables({ name: "", key: uuidOf }, async (store) => {
    const observe = () => {
      throw new Error("interrupted");
    };
    await assert.rejects(readExamples(store, defaultSpec(), alone, { observe }), /interrupted/);
  });
});

Deno.test("key encoding: a UUID is its 16 bytes, in its canonical spelling only", () => {
  const writer = createKeyWriter(uuidKeys);
  assert(writer.write("00112233-4455-6677-8899-aabbccddeeff"));
  assert.deepEqual([...writer.words], [0x00112233, 0x44556677, 0x8899aabb, 0xccddeeff]);
  for (
    const other of [
      "00112233-4455-6677-8899-AABBCCDDEEFF",
      "00112233-4455-6677-8899-aabbccddeef",
      "00112233-4455-6677-8899-aabbccddeefg",
      "00112233-4455-6677-8899-aabbccddeefé",
      "0011223344556677-8899-aabb-ccddeeff--",
      "00112233-4455-6677-8899aaabbccddeeff",
      "",
    ]
  ) {
    assert.equal(isUuid(other), false, other);
  }
});

Deno.test("key encoding: different texts differ, and one that is too long or invalid has no encoding", () => {
  const writer = createKeyWriter(textKeys(6));
  const wordsOf = (key: string) => writer.write(key) ? writer.words.join(" ") : undefined;
  const keys = ["", "\0", "\0\0", "a", "a\0", "ab", "ba", "ä", "abcdef", "日本", "🦊", "abcde"];
  const words = keys.map(wordsOf);
  assert.equal(new Set(words).size, keys.length);
  assert(!words.includes(undefined));
  // Often enough for V8 to compile it.
  for (let i = 0; i < 20_000; i++) if (!writer.write("ä")) assert.fail(`"ä" has no encoding in call ${i}`);
  for (const key of ["abcdefg", "日本語", "a\ufffd"]) assert.equal(wordsOf(key), undefined, key);
});

Deno.test("hash table: keys are found among others of the same hash, and a duplicate key is rejected", () => {
  const rowCount = 3_000;
  const encoding = textKeys(8);
  const table = createHashTable({ rowCount, encoding, numericCount: 0, codeCount: 0 });
  // Few slots, for long probe sequences.
  const crowded = { ...table, slots: table.slots.subarray(0, 4_096) };
  const shape = { encoding, numericCount: 0, codeCount: 0 };
  const writer = createKeyWriter(encoding);
  const index = createKeyIndexer(crowded);
  const add = (key: string) => {
    assert(writer.write(key));
    const row = createRowBuffer(shape, 1);
    row.rowCount = 1;
    row.keys.set(writer.words);
    const at = appendRows(crowded, row);
    return at === undefined ? at : index(at);
  };
  for (let i = 0; i < rowCount - 1; i++) assert(add(`k${i}`));
  assert.equal(add("k7"), false);
  assert.equal(add("k"), undefined, "no room");
  for (const isIndexed of [true, false]) {
    const find = createKeyFinder(crowded, { isIndexed });
    const rowOf = (key: string) => writer.write(key) ? find(writer.words, 0) : -2;
    for (let i = 0; i < rowCount - 1; i++) assert.equal(rowOf(`k${i}`), i);
    for (const other of ["k", "k3000"]) assert.equal(rowOf(other), -1);
    assert.equal(rowOf("a key that is longer"), -2);
  }
});

/** Opens a store with the leads, offers and clicks of a case. */
async function withTables(
  { schema, key = (i) => `lead ${i}`, leadCount = 400, changes = "" }: Case,
  use: (store: Store) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const store = openStore(join(folder, "data"), {
    mode: "create",
    freeBytesMin: 0,
    ...(schema === undefined ? {} : { schema }),
  });
  try {
    fill(store, { key, leadCount, isOrdinary: schema === undefined });
    store.db.exec(changes);
    await use(store);
  } finally {
    store.close();
    await Deno.remove(folder, { recursive: true });
  }
}

function fill(
  { db }: Store,
  { key, leadCount, isOrdinary }: { key: (i: number) => string; leadCount: number; isOrdinary: boolean },
): void {
  const random = createRandom(3);
  const either = <T>(values: readonly T[]) => values[random.below(values.length)];
  db.exec("BEGIN");
  const lead = db.prepare(
    isOrdinary
      ? "INSERT INTO leads VALUES (?1, ?2, ?3, ?4, ?5)"
      : "INSERT INTO leads (lead_uuid, requested, credit, rowid) VALUES (?1, ?2, ?4, ?3)",
  );
  const offer = db.prepare("INSERT INTO offers VALUES (?1, ?2, ?3, ?4)");
  const click = db.prepare("INSERT INTO clicks VALUES (?, ?)");
  if (!isOrdinary) {
    db.exec(
      "INSERT INTO lenders VALUES ('a', 'DE', 5), ('b', 'FR', NULL), ('c', NULL, -3), ('unused', 'XX', 1)",
    );
  }
  let id = 5;
  for (let i = 0; i < leadCount; i++) {
    const fields = [either([0, 500, 1234.5, null]), either(["auto", "", "Küche", null])];
    const more = [either(["good", "12", null]), either([0, 1e12, 52_000.25, null])];
    lead.run(...[key(i), ...fields, ...more].slice(0, isOrdinary ? 5 : 4));
    for (let k = random.below(4); k > 0; k--) {
      id += 1 + random.below(random.below(20) === 0 ? 5_000 : 3);
      const apr = either([null, 3.5, 98.475]);
      const lender = isOrdinary
        ? [apr, either([null, -2, 7, 12])]
        : [either(["a", "b", "c", "unknown"]), apr];
      offer.run(id, key(i), ...lender);
      for (let clicks = random.below(3); clicks > 0; clicks--) click.run(id, clicks);
    }
  }
  db.exec("COMMIT");
}

function idsOf({ db }: Store): { first: bigint; last: bigint } {
  const statement = db.prepare("SELECT min(offer_id) AS first, max(offer_id) AS last FROM offers");
  statement.setReadBigInts(true);
  const { first, last } = statement.get() ?? {};
  return { first: BigInt(Number(first)), last: last as bigint };
}

/** Replaces the view by an equivalent one that is not recognised as a join by keys. */
function hideJoin({ db }: Store): void {
  const sql = db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'examples'").get()?.sql;
  db.exec(`DROP VIEW examples; ${String(sql)} WHERE 1`);
}

async function withThreads(use: (threads: Threads) => Promise<void>): Promise<void> {
  const threads = startThreads(3, trainWorkerUrl());
  try {
    await use(threads);
  } finally {
    threads.close();
  }
}
