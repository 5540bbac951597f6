import assert from "node:assert/strict";
import { join } from "node:path";
import { describeIngest } from "../../commands/ingest_report.ts";
import { Failure } from "../../pipeline/failure.ts";
import { emptyBatch } from "../../pipeline/files/columns/batch.ts";
import { checkCounts } from "../../pipeline/ingest/accounting.ts";
import { ingest } from "../../pipeline/ingest/ingest.ts";
import { loadFile } from "../../pipeline/ingest/load.ts";
import { createFileReading, type FileReading } from "../../pipeline/ingest/reading.ts";
import { findTable, listTables } from "../../pipeline/store/table.ts";
import { startThreads } from "../../pipeline/runtime/thread_pool.ts";
import { assertRejected } from "../support/expected_failure.ts";
import { parquetOf } from "../support/temp_files.ts";
import { type LoadedStore, rowsOf, thingsSchema, withTables } from "../support/tables.ts";

/** A key over all columns, as a table without an id has it. */
const pairsSchema = `
  CREATE TABLE pairs (a TEXT NOT NULL, b TEXT NOT NULL, PRIMARY KEY (a, b)) STRICT;
  CREATE VIEW examples AS SELECT a, b FROM pairs;
`;

function rejectsOf(path: string): Record<string, unknown>[] {
  return Deno.readTextFileSync(path).trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("accounts: rows that are counted twice or not at all are a bug", () => {
  const counts = { read: 10, inserted: 4, unchanged: 3, replaced: 1, kept: 1, rejected: 1 };
  checkCounts(counts, 10, "things.csv");
  const wrong: [Partial<typeof counts>, number][] = [[{}, 11], [{ inserted: 3 }, 10], [{ rejected: 2 }, 10], [
    { read: 9 },
    10,
  ]];
  for (const [change, rowsRead] of wrong) {
    assert.throws(
      () => checkCounts({ ...counts, ...change }, rowsRead, "things.csv"),
      (error) => error instanceof Error && !(error instanceof Failure) && /do not add up/.test(error.message),
    );
  }
});

Deno.test("accounts: a load that loses rows is rolled back", () =>
  withTables(async ({ store, write }) => {
    const path = write("things.csv", "id,word\n1,a\n2,b\n");
    const here = createFileReading();
    const lossy: FileReading = {
      ...here,
      next(job) {
        const { batches, isLast } = here.next(job);
        return {
          isLast,
          batches: batches.map((read) => read.batch.rowCount > 0 ? { ...read, batch: emptyBatch } : read),
        };
      },
    };
    const threads = startThreads(1, new URL("../../pipeline/ingest/ingest_worker.ts", import.meta.url));
    try {
      const table = findTable(listTables(store.db), "things");
      const load = loadFile(store, { table, path }, {
        threads,
        localReader: lossy,
        aheadBytes: () => 0,
        references: [],
        isSelfContained: false,
        areParents: false,
        onConflict: "fail",
        mapping: { names: {}, allowMissing: true },
        rejects: undefined,
        takesLoaded: false,
        signal: undefined,
        lockTimeoutMs: 1_000,
        observe: () => {},
        rowCounts: new Map(),
        now: () => 0,
      });
      await assert.rejects(load, /rows of .*things\.csv do not add up: 2 in the file, 0 read/);
      assert.deepEqual([rowsOf(store, "things"), rowsOf(store, "loads")], [[], []]);
    } finally {
      here.close();
      threads.close();
    }
  }, thingsSchema));

Deno.test("accounts: a key over all columns merges equal rows, which is reported with the remedy", () =>
  withTables(async ({ store, write }) => {
    const rows = Array.from({ length: 1_316 }, (_, i) => ({ a: `class ${i % 4}`, b: `${i % 5}` }));
    const report = await ingest(store, { files: { pairs: [write("pairs.parquet", parquetOf(rows))] } });
    const { read, inserted, unchanged, rejected, duplicates } = report.files[0];
    assert.deepEqual([read, inserted, unchanged, rejected, duplicates], [1_316, 20, 1_296, 0, 1_296]);
    const said = describeIngest(report).join("\n");
    assert.match(
      said,
      /pairs: pairs\.parquet: 1,296 of 1,316 rows are the same, in all columns that are loaded, as an earlier row of the file: each is in pairs ONCE\. If every row counts, give pairs a key that distinguishes them/,
    );
  }, pairsSchema));

Deno.test("accounts: rows of one key that differ in another column fail, in one file or two", () =>
  withTables(async ({ store, write }) => {
    const load = (name: string, content: string) =>
      ingest(store, { files: { things: [write(name, content)] }, allowMissing: true });
    await assertRejected(load("one.csv", "id,word\n1,a\n2,b\n1,c\n"), "row-conflict", /row 3 has id 1/);
    assert.deepEqual(rowsOf(store, "things"), []);
    await load("first.csv", "id,word\n1,a\n");
    await assertRejected(load("second.csv", "id,word\n2,b\n1,\n"), "row-conflict", /row 2 has id 1/);
  }, thingsSchema));

Deno.test("accounts: a load whose rows are all rejected fails, and the rejects file has the rows unchanged", () =>
  withTables(async ({ store, write, folder }) => {
    const rejectsPath = join(folder, "rejects.ndjson");
    const bad = write("bad.csv", 'id;part;seen_at\n1;"0,25";\n2;0,5;1706696100\n');
    await assertRejected(
      ingest(store, { files: { things: [bad] }, allowMissing: true, rejectsPath }),
      "row-rejected",
      /bad\.csv: all of its 2 rows were rejected\. Row 1, column "part": "0,25" is not a finite number\. If its comma is a decimal comma, use --decimal-comma\. The rows are in .*rejects\.ndjson/,
    );
    assert.deepEqual(
      rejectsOf(rejectsPath).map(({ values }) => values),
      [{ id: 1, part: "0,25", seen_at: null }, { id: 2, part: "0,5", seen_at: "1706696100" }],
    );
    assert.deepEqual(rowsOf(store, "things"), []);
    assert.deepEqual(rowsOf(store, "loads"), []);
  }, thingsSchema));

/** Rows that cannot be loaded, and what the rejects keep of them. */
const kept: readonly { what: string; content: string | Uint8Array; found: Record<string, unknown> }[] = [
  { what: "a word for a number", content: "id,part\n1,1\n2,abc\n", found: { part: "abc" } },
  { what: "a number in a time column", content: "id,seen_at\n1,\n2, 17 \n", found: { seen_at: "17" } },
  {
    what: "a number of NDJSON",
    content: '{"id":1}\n{"id":2,"whole":1.5}\n',
    found: { whole: 1.5 },
  },
  {
    what: "an invalid value of NDJSON",
    content: '{"id":1}\n{"id":2,"word":[1,{"a":9007199254740993}]}\n',
    found: { word: '[1,{"a":9007199254740993}]' },
  },
  {
    what: "parquet's infinity",
    content: parquetOf([{ id: 1n, part: 1 }, { id: 2n, part: Infinity }]),
    found: { part: "Infinity" },
  },
  {
    what: "a text that is too long: its beginning",
    content: `id,word\n1,a\n2,${"x".repeat(20_000)}\n`,
    found: { word: `${"x".repeat(4_096)}…` },
  },
];

for (const { what, content, found } of kept) {
  Deno.test(`accounts: rejects keep ${what}`, () =>
    withTables(async ({ store, write, folder }) => {
      const rejectsPath = join(folder, "rejects.ndjson");
      const files = { things: [write("things", content)] };
      const { tables } = await ingest(store, { files, allowMissing: true, rejectsPath });
      assert.deepEqual([tables.things.read, tables.things.inserted, tables.things.rejected], [2, 1, 1]);
      assert.deepEqual(rejectsOf(rejectsPath).map(({ row, values }) => [row, values]), [[2, {
        id: 2,
        ...found,
      }]]);
    }, thingsSchema));
}

Deno.test("accounts: the rejects file keeps the line of a row that cannot be split into values", () =>
  withTables(async ({ store, write, folder }) => {
    const rejectsPath = join(folder, "rejects.ndjson");
    const content = 'id,word\n1,"a""b",c\n2,"x"y\n3,ok\n';
    await ingest(store, {
      files: { things: [write("things.csv", content)] },
      allowMissing: true,
      rejectsPath,
    });
    assert.deepEqual(rejectsOf(rejectsPath).map(({ line }) => line), ['1,"a""b",c', '2,"x"y']);
    const lines = '{"id":4}\n{"id":5,\n';
    await ingest(store, {
      files: { things: [write("things.ndjson", lines)] },
      allowMissing: true,
      rejectsPath,
    });
    assert.deepEqual(rejectsOf(rejectsPath).map(({ line }) => line), ['{"id":5,']);
  }, thingsSchema));

Deno.test("accounts: a row that a trigger skips counts as not stored", () =>
  withTables(
    async (loaded: LoadedStore) => {
      const { store, write, folder } = loaded;
      const rows = Array.from({ length: 300 }, (_, id) => `${id},w${id}\n`).join("");
      const files = { things: [write("things.csv", `id,word\n${rows}`)] };
      await assertRejected(
        ingest(store, { files, allowMissing: true }),
        "row-rejected",
        /row 8: things ignored it, as a trigger does with RAISE\(IGNORE\), expected it to be inserted/,
      );
      const rejectsPath = join(folder, "rejects.ndjson");
      const { tables } = await ingest(store, { files, allowMissing: true, rejectsPath });
      assert.deepEqual(
        [tables.things.read, tables.things.inserted, tables.things.unchanged, tables.things.rejected],
        [300, 298, 0, 2],
      );
      const again = await ingest(store, { files, allowMissing: true, rejectsPath, onConflict: "replace" });
      assert.deepEqual([again.tables.things.unchanged, again.tables.things.rejected], [298, 2]);
    },
    `${thingsSchema}
  CREATE TRIGGER no_sevens BEFORE INSERT ON things WHEN new.id IN (7, 77) BEGIN SELECT RAISE(IGNORE); END;`,
  ));

Deno.test("accounts: a file without rows and a file loaded before are reported", () =>
  withTables(async ({ store, write }) => {
    const header = write("header.csv", "id,word\r\n");
    const empty = await ingest(store, { files: { things: [header] }, allowMissing: true });
    assert.match(describeIngest(empty).join("\n"), /header\.csv: has columns and no rows: nothing to load/);
    const again = await ingest(store, { files: { things: [header] }, allowMissing: true });
    assert.match(describeIngest(again).join("\n"), /header\.csv: loaded before with the same content/);
  }, thingsSchema));

Deno.test("accounts: the report has the first and the last time of each column of times", () =>
  withTables(async ({ store, write }) => {
    const content = "id,seen_at\n1,2021-03-23T02:01:48.339123Z\n2,\n3,1969-12-31\n4,20240131\n";
    const files = { things: [write("things.csv", content)] };
    const report = await ingest(store, { files, allowMissing: true });
    const seen_at = { min: "1969-12-31T00:00:00Z", max: "2024-01-31T00:00:00Z" };
    assert.deepEqual(report.files[0].times, { seen_at });
    assert.match(
      describeIngest(report).join("\n"),
      /things\.csv: seen_at: from 1969-12-31T00:00:00Z to 2024-01-31T00:00:00Z/,
    );
    const none = await ingest(store, {
      files: { things: [write("none.csv", "id,seen_at\n5,\n")] },
      allowMissing: true,
    });
    assert.deepEqual(none.files[0].times, { seen_at: null });
    // A log of an earlier version has no times.
    store.db.exec("UPDATE loads SET report = json_remove(report, '$.times')");
    const again = await ingest(store, { files, allowMissing: true });
    assert.deepEqual([again.files[0].loadedBefore, again.files[0].times], [true, {}]);
  }, thingsSchema));

Deno.test("accounts: integers of parquet in a column of times are microseconds or dates, and nothing else", () =>
  withTables(async ({ store, write }) => {
    const load = (value: string | number | bigint) => {
      const content = parquetOf([{ id: 1n, seen_at: value }]);
      return ingest(store, {
        files: { things: [write("t.parquet", content)] },
        allowMissing: true,
        onConflict: "replace",
      });
    };
    for (const [value, time] of [[1616464908339000n, 1616464908339000], [20240131n, 1706659200000000]]) {
      await load(value);
      assert.equal(rowsOf(store, "things")[0].seen_at, time);
    }
    for (const value of [0n, 1706696100n, 1706696100000n, 1706696100000000000n, 1706696100]) {
      await assertRejected(
        load(value),
        "row-rejected",
        /column "seen_at": \d+ is not a plausible time, expected ISO 8601/,
      );
    }
    await assertRejected(
      load(`2021-03-23 02:01:48${" ".repeat(60)}nonsense`),
      "row-rejected",
      /is not a time/,
    );
  }, thingsSchema));
