import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { countRows } from "../../../pipeline/ingest/load_log.ts";
import type { Models } from "../../../pipeline/model/registry.ts";
import { createFolderStore } from "../../../pipeline/model/artifact_folder.ts";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { defaultSpec, type FeatureSpec, parseSpec } from "../../../pipeline/examples/spec.ts";
import { openStore, type Store } from "../../../pipeline/store/store.ts";
import { listTables } from "../../../pipeline/store/table.ts";
import { loadAndTrain, type LoadAndTrainReport } from "../../../pipeline/train/from_files/load_and_train.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { trainModel } from "../../../pipeline/train/train.ts";
import { artifactId } from "../../../pipeline/model/artifact.ts";
import { type FileRow, ndjsonOf, parquetOf } from "../../support/temp_files.ts";

interface Tables {
  readonly leads: readonly FileRow[];
  readonly offers: readonly FileRow[];
  readonly clicks: readonly FileRow[];
}

type Row = Record<string, string | number | null>;

/** Makes tables with all kinds of values, using integer arithmetic only. */
function makeTables(seed: number, { leads = 300, firstId = 5 } = {}): Tables {
  const random = createRandom(seed);
  const either = <T>(values: readonly T[]) => values[random.below(values.length)];
  const leadRows = Array.from({ length: leads }, (_, i): Row => ({
    lead_uuid: `${either(["a", "ä", "🦊", "b-"])}${i}`,
    requested: either([0, -0, 500, 1234.5, 10_000, null]),
    loan_purpose: either(["auto", "", "Küche", "auto loan", null]),
    credit: either(["good", "poor", "12", null]),
    annual_income: either([0, 1e12, 52_000.25, null]),
  }));
  let id = firstId;
  const offerRows: Row[] = leadRows.flatMap((lead) =>
    Array.from({ length: random.below(4) }, (): Row => ({
      offer_id: id += 1 + random.below(random.below(20) === 0 ? 5_000 : 3),
      lead_uuid: lead.lead_uuid,
      apr: random.below(9) === 0 ? null : random.below(40_000) / 100,
      lender_id: random.below(9) === 0 ? null : random.below(12) - 3,
    }))
  );
  const clickRows = offerRows.filter(() => random.below(3) === 0).flatMap((offer) =>
    Array.from({ length: 1 + random.below(2) }, (_, k): Row => ({
      offer_id: offer.offer_id,
      clicked_at: 1_600_000_000_000_000 + k,
    }))
  );
  return { leads: leadRows, offers: offerRows, clicks: clickRows };
}

function shuffled<T>(rows: readonly T[], seed: number): T[] {
  const random = createRandom(seed);
  return rows.map((row) => ({ row, at: random.below(2 ** 31) })).sort((a, b) => a.at - b.at).map(({ row }) =>
    row
  );
}

interface Loaded {
  readonly report: LoadAndTrainReport;
  /** Id of the model that is then trained on the same store. */
  readonly storeId: string;
  readonly rows: Readonly<Record<string, number>>;
}

/** Returns the models folder beside a store, and the registry. */
function modelsIn(folder: string): Models {
  return {
    artifacts: createFolderStore(join(folder, "models")),
    registry: openRegistry(join(folder, "data")),
  };
}

function later<T>(value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(() => resolve(value), 20));
}

/** Loads files into a new store and trains on two threads. @param files Contents of the files, by table. */
async function load(
  files: Readonly<Record<string, readonly (string | Uint8Array)[]>>,
  options: {
    prepare?: (store: Store) => void;
    schema?: string;
    spec?: FeatureSpec;
    /** What the spec is in the end, known during the load. */
    finalSpec?: FeatureSpec;
    hyperParameters?: Partial<HyperParameters>;
    bytesMin?: number;
    memoryBytes?: number;
  } = {},
): Promise<Loaded> {
  const folder = await Deno.makeTempDir();
  const schema = options.schema === undefined ? {} : { schema: options.schema };
  const store = openStore(join(folder, "data"), { mode: "create", freeBytesMin: 0, ...schema });
  try {
    options.prepare?.(store);
    const paths = Object.fromEntries(
      Object.entries(files).map(([table, contents]) => [
        table,
        contents.map((content, i) => {
          const path = join(folder, `${table}-${i}`);
          if (typeof content === "string") Deno.writeTextFileSync(path, content);
          else Deno.writeFileSync(path, content);
          return path;
        }),
      ]),
    );
    const settings = {
      spec: options.spec ?? defaultSpec(),
      hyperParameters: { ...defaultHyperParameters, tolerance: 1e-8, ...options.hyperParameters },
      threads: 2,
      now: 1,
      ...(options.memoryBytes === undefined ? {} : { memoryBytes: options.memoryBytes }),
    };
    const final = { ...settings, spec: options.finalSpec ?? settings.spec };
    const report = await loadAndTrain(store, modelsIn(folder), {
      load: { files: paths },
      train: settings,
      ...options.finalSpec ? { finalTrain: () => later(final) } : {},
      collectBytesMin: options.bytesMin ?? 0,
    });
    const { metadata, account } = await trainModel(store, final);
    assert.deepEqual(report.trained.account, account, "the row account is that of the store");
    const rows = Object.fromEntries(
      listTables(store.db).map((table) => [table.name, countRows(store, table)]),
    );
    return { report, storeId: artifactId(metadata), rows };
  } finally {
    store.close();
    await Deno.remove(folder, { recursive: true });
  }
}

const { leads, offers, clicks } = makeTables(1);
const plain = { leads: [ndjsonOf(leads)], offers: [ndjsonOf(offers)], clicks: [ndjsonOf(clicks)] };

/** Cases in which examples collected from the files give the model that reading from the store gives, byte for byte. */
const fromFiles: readonly [name: string, files: Parameters<typeof load>[0]][] = [
  ["rows in the order of their ids", plain],
  ["rows in random order", {
    leads: [ndjsonOf(shuffled(leads, 2))],
    offers: [ndjsonOf(shuffled(offers, 3))],
    clicks: [ndjsonOf(shuffled(clicks, 4))],
  }],
  ["several files of a table", {
    leads: [ndjsonOf(leads.slice(100)), ndjsonOf(leads.slice(0, 100))],
    offers: [ndjsonOf(offers.slice(200)), ndjsonOf(offers.slice(0, 200))],
    clicks: [ndjsonOf(clicks.slice(0, 50)), ndjsonOf(clicks.slice(50))],
  }],
  ["offers without a lead, and clicks on no offer", {
    ...plain,
    leads: [ndjsonOf(leads.filter((_, i) => i % 7 !== 0))],
    clicks: [
      ndjsonOf([...clicks, { offer_id: 3, clicked_at: 1_600_000_000_000_001 }, {
        offer_id: 9_999_999,
        clicked_at: 1_600_000_000_000_001,
      }]),
    ],
  }],
  ["a lead without offers, with a loan purpose that no other lead has", {
    ...plain,
    leads: [ndjsonOf([...leads, { ...leads[0], lead_uuid: "alone", loan_purpose: "a yacht" }])],
  }],
  [
    "many offers, in chunks",
    (() => {
      const many = makeTables(5, { leads: 15_000, firstId: -70_000 });
      return {
        leads: [parquetOf(many.leads)],
        offers: [parquetOf(many.offers.map((row) => ({ ...row, offer_id: BigInt(Number(row.offer_id)) })))],
        clicks: [ndjsonOf(many.clicks)],
      };
    })(),
  ],
];

/** All in memory, the rows of the parents in files, everything in files. */
const memories = [undefined, 20_000, 0];

for (const [name, files] of fromFiles) {
  Deno.test(`load and train: ${name}: examples collected from the files give the model of the store`, async () => {
    const ids = new Set<string>();
    for (const memoryBytes of memories) {
      const { report, storeId } = await load(files, memoryBytes === undefined ? {} : { memoryBytes });
      assert.equal(report.collected, true, `${memoryBytes} bytes`);
      assert.equal(report.trained.model.modelId, storeId, `${memoryBytes} bytes`);
      ids.add(storeId);
    }
    assert.equal(ids.size, 1);
  });
}

/** Offers with two parents, one of which is referred to under another name. */
const twoParentsSchema = `
  CREATE TABLE lenders (code TEXT NOT NULL PRIMARY KEY, country TEXT, size INTEGER) STRICT;
  CREATE TABLE leads (lead_uuid TEXT NOT NULL PRIMARY KEY, requested REAL, credit TEXT) STRICT;
  CREATE TABLE offers (
    offer_id  INTEGER NOT NULL PRIMARY KEY,
    lead_uuid TEXT NOT NULL,
    lender    TEXT NOT NULL,
    apr       REAL
  ) STRICT;
  CREATE TABLE clicks (offer_id INTEGER NOT NULL, clicked_at INTEGER NOT NULL, PRIMARY KEY (offer_id, clicked_at)) STRICT;
  CREATE VIEW examples AS
  SELECT offers.offer_id, offers.lead_uuid, leads.requested, leads.credit, lenders.country, lenders.size, offers.apr,
    EXISTS (SELECT 1 FROM clicks WHERE clicks.offer_id = offers.offer_id) AS clicked
  FROM offers JOIN leads ON leads.lead_uuid = offers.lead_uuid JOIN lenders ON offers.lender = lenders.code;
`;

for (const [group, time] of [["lead_uuid", "requested"], ["country", "size"], ["country", "apr"]]) {
  Deno.test(`load and train: two parents, the group is ${group} and the time ${time}: the model of the store`, async () => {
    const random = createRandom(6);
    const codes = Array.from({ length: 90 }, (_, i) => "lender ".repeat(1 + i % 9) + i);
    const files = {
      lenders: [
        ndjsonOf(codes.map((code, i) => ({ code, country: ["DE", "FR", "ES", "IT"][i % 4], size: i }))),
      ],
      leads: [
        ndjsonOf(
          leads.slice(0, 200).map(({ lead_uuid, requested, credit }) => ({ lead_uuid, requested, credit })),
        ),
        ndjsonOf(
          leads.slice(200).map(({ lead_uuid, requested, credit }) => ({ lead_uuid, requested, credit })),
        ),
      ],
      offers: [ndjsonOf(
        shuffled(offers, 8).map(({ offer_id, lead_uuid, apr }) => ({
          ...{ offer_id, lead_uuid, apr },
          lender: random.below(20) === 0 ? "nobody" : codes[random.below(codes.length)],
        })),
      )],
      clicks: plain.clicks,
    };
    const features = ["country", "credit"].map((name) => ({ name, type: "categorical" }))
      .concat(["apr", "size", "requested"].map((name) => ({ name, type: "numeric" })));
    const spec = parseSpec({ id: "offer_id", label: "clicked", group, time, features }, "the test's spec");
    for (const memoryBytes of [1e9, 30_000, 0]) {
      const { report, storeId } = await load(files, {
        schema: twoParentsSchema,
        spec,
        memoryBytes,
        hyperParameters: { split: "time" },
      });
      assert.equal(report.collected, true);
      assert.equal(report.trained.model.modelId, storeId);
      assert(Number(report.trained.account.orphans?.rows) > 0);
    }
  });
}

/** A table with its own label, whose rows the store numbers. */
const mailsSchema = `
  CREATE TABLE mails (
    row_number INTEGER PRIMARY KEY,
    sender     TEXT,
    hour       INTEGER,
    price      REAL,
    opened     INTEGER,
    answer     TEXT
  ) STRICT;
  CREATE VIEW examples AS
  SELECT mails.row_number, mails.sender, mails.hour, mails.price, mails.opened, mails.answer
  FROM mails;
`;

const mailsSpec: Record<string, unknown> & { readonly group: string } = {
  id: "row_number",
  group: "row_number",
  label: "opened",
  features: [
    { name: "hour", type: "categorical" },
    { name: "price", type: "numeric" },
    { name: "sender", type: "categorical" },
  ],
};

function makeMails(count: number): Row[] {
  const random = createRandom(9);
  const either = <T>(values: readonly T[]) => values[random.below(values.length)];
  return Array.from({ length: count }, () => ({
    sender: either(["a", "ä", "🦊", ""]),
    hour: either([1, 2, 3, null]),
    price: either([0, 2.5, null, 1e9]),
    ...(random.below(3) === 0 ? { opened: 1, answer: "ja" } : { opened: 0, answer: "nö" }),
  }));
}

const mails = makeMails(2_000);
const withKeys = mails.map((mail, i) => ({ row_number: 5 + 3 * i, ...mail }));

const ownLabels: readonly [
  name: string,
  files: readonly string[],
  isCollected: boolean,
  spec?: Partial<typeof mailsSpec>,
][] = [
  ["rows that the store numbers", [ndjsonOf(mails)], true],
  ["several files", [ndjsonOf(mails.slice(0, 700)), ndjsonOf(mails.slice(700))], true],
  ["many rows, in chunks", [ndjsonOf(makeMails(40_000))], true],
  ["groups", [ndjsonOf(mails)], true, { group: "sender" }],
  ["a label of two texts", [ndjsonOf(mails)], true, { label: "answer", positive: "ja" }],
  ["a label of two numbers", [ndjsonOf(mails)], true, { label: "opened", positive: "0" }],
  ["a label of three texts", [ndjsonOf([...mails, { ...mails[0], answer: "vielleicht" }])], false, {
    label: "answer",
    positive: "ja",
  }],
  ["rows with their keys, in random order", [ndjsonOf(shuffled(withKeys, 2))], true],
  ["files with and without keys", [ndjsonOf(withKeys), ndjsonOf(mails)], false],
  ["rows without a label", [ndjsonOf([...mails, { ...mails[0], opened: null }])], false],
  ["rows without a group", [ndjsonOf(mails)], false, { group: "hour" }],
];

for (const [name, files, isCollected, spec] of ownLabels) {
  Deno.test(`load and train: a table with its own label: ${name}`, async () => {
    const running = load({ mails: files }, {
      schema: mailsSchema,
      spec: parseSpec({ ...mailsSpec, ...spec }, "mails"),
    });
    if (spec?.group === "hour") return await assert.rejects(running, /has no hour, expected a group/);
    if (name.endsWith("three texts")) {
      return await assert.rejects(running, /a third value beside "ja" and "nö"/);
    }
    const { report, storeId, rows } = await running;
    assert.equal(report.collected, isCollected);
    assert.equal(report.trained.model.modelId, storeId);
    assert.equal(rows.mails, report.load.tables.mails.read);
  });
}

Deno.test("load and train: a view that is all of a table, by * or by bare names, is collected as one with full names is", async () => {
  const bare = "row_number, sender AS sender, hour, price, opened, answer";
  for (const list of ["*", "mails.*", bare]) {
    const schema = mailsSchema.replace(/SELECT [^;]+;/, `SELECT ${list} FROM mails;`);
    const { report, storeId } = await load({ mails: [ndjsonOf(mails)] }, {
      schema,
      spec: parseSpec(mailsSpec, "mails"),
    });
    assert.equal(report.collected, true, list);
    assert.equal(report.trained.model.modelId, storeId);
  }
});

const features = {
  "without a number": [["hour", "categorical"], ["sender", "categorical"]],
  "without a category": [["price", "numeric"], ["sender", "categorical"]],
  "as they were": [["hour", "categorical"], ["price", "numeric"], ["sender", "categorical"]],
  "with one that was not collected": [["price", "numeric"], ["answer", "categorical"]],
};

for (const [how, named] of Object.entries(features)) {
  Deno.test(`load and train: features known during the load, ${how}, give the model of the store`, async () => {
    const final = { ...mailsSpec, features: named.map(([name, type]) => ({ name, type })) };
    const { report, storeId } = await load({ mails: [ndjsonOf(mails)] }, {
      schema: mailsSchema,
      spec: parseSpec(mailsSpec, "mails"),
      finalSpec: parseSpec(final, "mails"),
    });
    assert.equal(report.collected, !how.endsWith("not collected"));
    assert.equal(report.trained.model.modelId, storeId);
  });
}

Deno.test("load and train: features known during the load that the view does not have are rejected", async () => {
  await assert.rejects(
    load({ mails: [ndjsonOf(mails)] }, {
      schema: mailsSchema,
      spec: parseSpec(mailsSpec, "mails"),
      finalSpec: parseSpec({ ...mailsSpec, features: [{ name: "weight", type: "numeric" }] }, "mails"),
    }),
    /weight/,
  );
});

Deno.test("load and train: rows that were numbered before keep their numbers, and are read from the store", async () => {
  const { report, storeId } = await load({ mails: [ndjsonOf(mails)] }, {
    schema: mailsSchema,
    spec: parseSpec(mailsSpec, "mails"),
    prepare: ({ db }) => {
      const report = JSON.stringify({ firstRowNumber: 1, read: 10, tableRows: 10 });
      db.prepare("INSERT INTO loads VALUES (1, 'mails', 'old.csv', 'x', 1, 'fail', ?)").run(report);
    },
  });
  assert.deepEqual(report.load.files.map(({ firstRowNumber }) => firstRowNumber), [11]);
  assert.equal(report.collected, false);
  assert.equal(report.trained.model.modelId, storeId);
});

/** A column of the child, and one of its parent. Both have missing values. */
for (const time of ["apr", "annual_income"]) {
  Deno.test(`load and train: rows are held out by ${time} as from the store`, async () => {
    const { report, storeId } = await load(plain, {
      spec: { ...defaultSpec(), time },
      hyperParameters: { split: "both" },
    });
    assert.equal(report.collected, true);
    assert.equal(report.trained.model.modelId, storeId);
    const { straddling = 0, noTime = 0 } = report.trained.account;
    assert(straddling + noTime > 0);
  });
}

/** Cases in which the examples cannot be collected from the files. */
const fromTheStore: readonly [
  name: string,
  files: Parameters<typeof load>[0],
  options?: Parameters<typeof load>[1],
][] = [
  ["a row that occurs twice", { ...plain, offers: [ndjsonOf([...offers, offers[0]])] }],
  ["a file that is given twice", { ...plain, clicks: [plain.clicks[0], plain.clicks[0]] }],
  ["a lead that was loaded before", plain, {
    prepare: ({ db }) => db.exec("INSERT INTO leads (lead_uuid) VALUES ('z')"),
  }],
  ["small files", plain, { bytesMin: 2 ** 20 }],
  ["an id beyond 2^53", {
    ...plain,
    offers: [plain.offers[0], "offer_id,lead_uuid,apr,lender_id\n9007199254740993,nobody,1,1\n"],
  }],
  ["a view with a condition", plain, {
    prepare: ({ db }) =>
      db.exec(`DROP VIEW examples; CREATE VIEW examples AS
        SELECT offers.offer_id, offers.lead_uuid, leads.requested, leads.loan_purpose, leads.credit,
          leads.annual_income, offers.apr, offers.lender_id,
          EXISTS (SELECT 1 FROM clicks WHERE clicks.offer_id = offers.offer_id) AS clicked
        FROM offers JOIN leads ON leads.lead_uuid = offers.lead_uuid WHERE offers.apr > 1`),
  }],
];

for (const [name, files, options] of fromTheStore) {
  Deno.test(`load and train: ${name}: the examples are read from the store`, async () => {
    const { report, storeId } = await load(files, options);
    assert.equal(report.collected, false);
    assert.equal(report.trained.model.modelId, storeId);
  });
}

Deno.test("load and train: all rows are stored, and the report has the counts of an ingest", async () => {
  const { report, rows } = await load(plain);
  assert.deepEqual(rows, { leads: leads.length, offers: offers.length, clicks: clicks.length });
  assert.deepEqual(report.load.tables.offers, {
    read: offers.length,
    inserted: offers.length,
    unchanged: 0,
    replaced: 0,
    kept: 0,
    rejected: 0,
  });
  assert.equal(report.load.examples, offers.length);
});

Deno.test("load and train: orphans are counted as by ingest", async () => {
  const orphans = [{ offer_id: 3, clicked_at: 1_600_000_000_000_001 }, {
    offer_id: 9_999_999,
    clicked_at: 1_600_000_000_000_001,
  }];
  const { report } = await load({
    leads: [ndjsonOf(leads.slice(1))],
    offers: plain.offers,
    clicks: [ndjsonOf([...clicks, ...orphans])],
  });
  assert.equal(report.collected, true);
  const counted = Object.fromEntries(report.load.orphans.map(({ table, rows }) => [table, rows]));
  const withoutLead = offers.filter(({ lead_uuid }) => lead_uuid === leads[0].lead_uuid).length;
  assert.deepEqual(counted, { offers: withoutLead, clicks: orphans.length });
});

Deno.test("load and train: orphans are the same if the parents' keys exceed the memory budget", async () => {
  const some = { ...plain, leads: [ndjsonOf(leads.slice(1))] };
  const { report } = await load(some, { memoryBytes: 0 });
  assert.equal(report.collected, true);
  const { rows } = report.load.orphans.find(({ table }) => table === "offers") ?? {};
  assert.equal(rows, offers.filter(({ lead_uuid }) => lead_uuid === leads[0].lead_uuid).length);
});

Deno.test("load and train: a file that cannot be loaded fails before a model is trained", async () => {
  const folder = await Deno.makeTempDir();
  const store = openStore(join(folder, "data"), { mode: "create", freeBytesMin: 0 });
  try {
    const files = {
      leads: ndjsonOf(leads),
      offers: ndjsonOf(offers),
      clicks: '{"offer_id":"no","clicked_at":"2021-03-23"}',
    };
    for (const [table, text] of Object.entries(files)) Deno.writeTextFileSync(join(folder, table), text);
    const training = loadAndTrain(store, modelsIn(folder), {
      load: {
        files: Object.fromEntries(Object.keys(files).map((table) => [table, [join(folder, table)]])),
      },
      train: { spec: defaultSpec(), hyperParameters: defaultHyperParameters, threads: 2, now: 1 },
      collectBytesMin: 0,
    });
    await assert.rejects(training, /clicks: row 1, column "offer_id"/);
    assert.deepEqual(await modelsIn(folder).registry.listModels(), []);
    assert.equal(existsSync(join(folder, "models")), false);
    assert.deepEqual(listTables(store.db).map((table) => countRows(store, table)), [
      leads.length,
      offers.length,
      0,
    ]);
  } finally {
    store.close();
    await Deno.remove(folder, { recursive: true });
  }
});
