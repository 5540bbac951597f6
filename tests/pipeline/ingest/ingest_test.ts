import assert from "node:assert/strict";
import { join } from "node:path";
import { ingest, type IngestOptions } from "../../../pipeline/ingest/ingest.ts";
import type { RowCounts } from "../../../pipeline/ingest/insertion.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { loanFiles, ndjsonOf, parquetOf } from "../../support/temp_files.ts";
import { contentOf, type LoadedStore, rowsOf, thingsSchema, withTables } from "../../support/tables.ts";

function counts(partial: Partial<RowCounts>): RowCounts {
  return { read: 0, inserted: 0, unchanged: 0, replaced: 0, kept: 0, rejected: 0, ...partial };
}

/** Loads rows into `things` from a new file. */
async function loadThings(
  { store, write }: LoadedStore,
  rows: readonly Record<string, unknown>[],
  options: Partial<IngestOptions> = {},
) {
  const path = write(`things-${crypto.randomUUID()}.ndjson`, ndjsonOf(rows));
  return await ingest(store, { files: { things: [path] }, allowMissing: true, ...options });
}

/** Writes the loan files into the test's folder. */
function writeLoans({ write }: LoadedStore) {
  return {
    leads: [write("leads.parquet", loanFiles.leads)],
    offers: [write("offers.parquet", loanFiles.offers)],
    clicks: [write("clicks.parquet", loanFiles.clicks)],
  };
}

Deno.test("ingest: leads, offers and clicks are loaded, and their examples counted", () =>
  withTables(async (loaded) => {
    const report = await ingest(loaded.store, { files: writeLoans(loaded) });
    assert.deepEqual(report.tables, {
      leads: counts({ read: 3, inserted: 3 }),
      offers: counts({ read: 4, inserted: 4 }),
      clicks: counts({ read: 3, inserted: 3 }),
    });
    assert.equal(report.examples, 4);
    assert.deepEqual(report.files.map(({ nulls }) => nulls), [
      { lead_uuid: 0, requested: 0, loan_purpose: 0, credit: 1, annual_income: 2 },
      { offer_id: 0, lead_uuid: 0, apr: 1, lender_id: 1 },
      { offer_id: 0, clicked_at: 0 },
    ]);
    const clicked = loaded.store.db.prepare("SELECT offer_id, clicked FROM examples ORDER BY 1").all();
    assert.deepEqual(clicked.map(({ clicked }) => clicked), [0, 1, 0, 1]);
    assert.deepEqual(rowsOf(loaded.store, "clicks")[0], { offer_id: 2, clicked_at: 1616464908339000 });
  }));

Deno.test("ingest: loading the same files again changes nothing, and is reported", () =>
  withTables(async (loaded) => {
    const files = writeLoans(loaded);
    await ingest(loaded.store, { files });
    const before = contentOf(loaded.store);
    const again = await ingest(loaded.store, { files });
    assert.deepEqual(contentOf(loaded.store), before);
    assert.deepEqual(again.tables.offers, counts({ read: 4, unchanged: 4 }));
    assert.deepEqual(again.files.map(({ loadedBefore }) => loadedBefore), [true, true, true]);
    assert.equal(again.examples, 4);
  }));

Deno.test("ingest: the same rows in other files are unchanged", () =>
  withTables(async (loaded) => {
    const rows = Array.from({ length: 1_000 }, (_, id) => ({ id, word: `w${id}`, part: id / 2 }));
    await loadThings(loaded, rows);
    const before = rowsOf(loaded.store, "things");
    const report = await loadThings(loaded, rows.toReversed());
    assert.deepEqual(report.tables.things, counts({ read: 1_000, unchanged: 1_000 }));
    assert.deepEqual([report.files[0].loadedBefore, report.files[0].duplicates], [false, 0]);
    assert.deepEqual(rowsOf(loaded.store, "things"), before);
  }, thingsSchema));

Deno.test("ingest: a file whose rows were deleted from the table is loaded again", () =>
  withTables(async (loaded) => {
    const files = writeLoans(loaded);
    await ingest(loaded.store, { files });
    loaded.store.db.exec("DELETE FROM clicks WHERE offer_id = 4");
    const { tables } = await ingest(loaded.store, { files });
    assert.deepEqual(tables.clicks, counts({ read: 3, inserted: 1, unchanged: 2 }));
  }));

Deno.test("ingest: if a file fails, the files before it stay loaded, and none of its rows is", () =>
  withTables(async ({ store, write }) => {
    const files = {
      things: [
        write("first.ndjson", ndjsonOf([{ id: 1, word: "a" }])),
        write("second.ndjson", `${ndjsonOf([{ id: 2, word: "b" }])}{"id":`),
        write("third.ndjson", ndjsonOf([{ id: 3, word: "c" }])),
      ],
    };
    await assertRejected(
      ingest(store, { files, allowMissing: true }),
      "row-rejected",
      /second\.ndjson: row 2/,
    );
    assert.deepEqual(rowsOf(store, "things").map(({ id }) => id), [1]);
    assert.deepEqual(rowsOf(store, "loads").map(({ file_name }) => file_name), ["first.ndjson"]);
  }, thingsSchema));

Deno.test("ingest: a missing file is reported before any file is loaded", () =>
  withTables(async ({ store, write, folder }) => {
    const files = { things: [write("first.ndjson", ndjsonOf([{ id: 1 }])), join(folder, "missing.parquet")] };
    await assertRejected(
      ingest(store, { files, allowMissing: true }),
      "file-missing",
      /The file .*missing\.parquet/,
    );
    assert.deepEqual(rowsOf(store, "things"), []);
    await assertRejected(ingest(store, { files: { things: [folder] } }), "file-invalid", /it is not a file/);
  }, thingsSchema));

Deno.test("ingest: a key with other values fails with key, row and value", () =>
  withTables(async (loaded) => {
    await loadThings(loaded, [{ id: 1, part: 11 }, { id: 2, part: 5 }]);
    const before = contentOf(loaded.store);
    await assertRejected(
      loadThings(loaded, [{ id: 3, part: 1 }, { id: 1, part: 12 }]),
      "row-conflict",
      /row 2 has id 1, which exists in things with other values \(part is 12 in the file, 11 in the store\)\. .*--on-conflict keep/,
    );
    assert.deepEqual(contentOf(loaded.store), before);
  }, thingsSchema));

Deno.test("ingest: --on-conflict keep keeps existing rows", () =>
  withTables(async (loaded) => {
    await loadThings(loaded, [{ id: 1, part: 11 }, { id: 2, part: 5 }]);
    const rows = [{ id: 3, part: 1 }, { id: 1, part: 12 }, { id: 2, part: 5 }];
    const { tables } = await loadThings(loaded, rows, { onConflict: "keep" });
    assert.deepEqual(tables.things, counts({ read: 3, inserted: 1, kept: 1, unchanged: 1 }));
    assert.deepEqual(rowsOf(loaded.store, "things").map(({ part }) => part), [11, 5, 1]);
  }, thingsSchema));

Deno.test("ingest: --on-conflict replace takes the file's values; the last row of a key wins", () =>
  withTables(async (loaded) => {
    await loadThings(loaded, [{ id: 1, part: 11, word: "old" }, { id: 2, part: 5 }]);
    const rows = [{ id: 1, part: 12 }, { id: 3, part: 1 }, { id: 3, part: 2 }, { id: 3, part: 1 }, {
      id: 2,
      part: 5,
    }];
    const { tables, files } = await loadThings(loaded, rows, { onConflict: "replace" });
    assert.deepEqual(tables.things, counts({ read: 5, inserted: 1, replaced: 3, unchanged: 1 }));
    assert.equal(files[0].duplicates, 2);
    assert.deepEqual(rowsOf(loaded.store, "things").map(({ part }) => part), [12, 5, 1]);
    // A column that the file lacks keeps its value.
    assert.equal(rowsOf(loaded.store, "things")[0].word, "old");
  }, thingsSchema));

Deno.test("ingest: after a replacement, an older file does not count as loaded", () =>
  withTables(async ({ store, write }) => {
    const older = { things: [write("older.ndjson", ndjsonOf([{ id: 1, part: 1 }]))] };
    const newer = { things: [write("newer.ndjson", ndjsonOf([{ id: 1, part: 2 }]))] };
    await ingest(store, { files: older, allowMissing: true });
    await ingest(store, { files: newer, allowMissing: true, onConflict: "replace" });
    const again = await ingest(store, { files: newer, allowMissing: true });
    assert.equal(again.files[0].loadedBefore, true);
    await assertRejected(ingest(store, { files: older, allowMissing: true }), "row-conflict", /id 1/);
    const back = await ingest(store, { files: older, allowMissing: true, onConflict: "replace" });
    assert.equal(back.tables.things.replaced, 1);
    assert.equal(rowsOf(store, "things")[0].part, 1);
  }, thingsSchema));

Deno.test("ingest: rows that repeat a key of their file are counted, with the same values and, with keep, with others", () =>
  withTables(async (loaded) => {
    const rows = [{ id: 1, part: 1 }, { id: 1, part: 1 }, { id: 2, part: 2 }, { id: 1, part: 1 }];
    const { tables, files } = await loadThings(loaded, rows);
    assert.deepEqual(tables.things, counts({ read: 4, inserted: 2, unchanged: 2 }));
    assert.equal(files[0].duplicates, 2);
    // One of these existed before, and one repeats a key of the file.
    const more = await loadThings(loaded, [{ id: 1, part: 1 }, { id: 3, part: 3 }, { id: 3, part: 4 }], {
      onConflict: "keep",
    });
    assert.deepEqual(more.tables.things, counts({ read: 3, inserted: 1, unchanged: 1, kept: 1 }));
    assert.equal(more.files[0].duplicates, 1);
    await assertRejected(
      loadThings(loaded, [{ id: 4, part: 1 }, { id: 4, part: 2 }]),
      "row-conflict",
      /row 2 has id 4/,
    );
  }, thingsSchema));

Deno.test("ingest: a row that breaks a constraint fails its file, with the row and the value", () =>
  withTables(async (loaded) => {
    const rows = Array.from({ length: 600 }, (_, id) => ({ id, part: id === 431 ? -1000.5 : 1 }));
    await assertRejected(
      loadThings(loaded, rows),
      "row-rejected",
      /row 432, column "part": CHECK constraint failed: part > -1000 \(part is -1000\.5\)\. .*--rejects FILE/,
    );
    assert.deepEqual(rowsOf(loaded.store, "things"), []);
  }, thingsSchema));

Deno.test("ingest: --rejects writes rows that cannot be loaded to a file, with reasons, and loads the others", () =>
  withTables(async (loaded) => {
    const rejectsPath = join(loaded.folder, "rejects.ndjson");
    const content = 'id,part,word\n1,1,a\n2,-2000,b\n3,abc,c\n,4,d\n5,5\n6,6,"x"y\n7,7,g\n';
    const path = loaded.write("things.csv", content);
    const { tables, files } = await ingest(loaded.store, {
      files: { things: [path] },
      allowMissing: true,
      rejectsPath,
    });
    assert.deepEqual(tables.things, counts({ read: 7, inserted: 2, rejected: 5 }));
    assert.deepEqual(files[0].outOfRange, { "CHECK constraint failed: part > -1000": 1 });
    assert.deepEqual(rowsOf(loaded.store, "things").map(({ id }) => id), [1, 7]);
    const rejects = Deno.readTextFileSync(rejectsPath).trim().split("\n").map((line) => JSON.parse(line));
    rejects.sort((a, b) => a.row - b.row);
    assert.deepEqual(rejects[0], {
      table: "things",
      file: "things.csv",
      row: 2,
      column: "part",
      reason: "CHECK constraint failed: part > -1000 (part is -2000)",
      values: { id: 2, part: -2000, word: "b" },
    });
    assert.deepEqual(rejects.map(({ row, column, reason }) => [row, column, reason]).slice(1), [
      [3, "part", '"abc" is not a finite number'],
      [4, "id", "no value, expected one"],
      [5, undefined, "2 fields, expected 3"],
      [6, undefined, "text follows the closing quote of a field"],
    ]);
    // The file does not count as loaded: a change of the schema or the program may make its rows valid.
    const again = await ingest(loaded.store, { files: { things: [path] }, allowMissing: true, rejectsPath });
    assert.deepEqual(again.tables.things, counts({ read: 7, unchanged: 2, rejected: 5 }));
    assert.equal(rowsOf(loaded.store, "loads").length, 1);
  }, thingsSchema));

Deno.test("ingest: the rejects file has no rows of a file that is not loaded", () =>
  withTables(async ({ store, write, folder }) => {
    const rejectsPath = join(folder, "rejects.ndjson");
    const files = {
      things: [
        write("first.ndjson", ndjsonOf([{ id: 1 }, { id: null }])),
        write("second.ndjson", ndjsonOf([{ id: "x" }, { id: 1, part: 9 }])),
      ],
    };
    await assertRejected(ingest(store, { files, allowMissing: true, rejectsPath }), "row-conflict", /second/);
    assert.match(
      Deno.readTextFileSync(rejectsPath),
      /^\{"table":"things","file":"first\.ndjson","row":2,.*\}\n$/,
    );
    const unwritable = join(folder, "nowhere/rejects.ndjson");
    await assertRejected(
      ingest(store, { files, rejectsPath: unwritable }),
      "file-unwritable",
      /Choose another file with --rejects/,
    );
  }, thingsSchema));

Deno.test("ingest: columns that the table lacks are ignored and reported", () =>
  withTables(async ({ store, write }) => {
    const path = write(
      "leads.parquet",
      parquetOf([{
        lead_uuid: "a",
        requested: 1,
        loan_purpose: "x",
        credit: "y",
        annual_income: 2,
        __index_level_0__: 12n,
      }]),
    );
    const { files } = await ingest(store, { files: { leads: [path] } });
    assert.deepEqual(files[0].leftOut, ["__index_level_0__"]);
  }));

Deno.test("ingest: a missing column fails the file even if it may be NULL: its name may be misspelled", () =>
  withTables(async ({ store, write }) => {
    const row = { lead_uuid: "a", requested: 1, loan_purpose: "x", credit: "y" };
    const misspelled = write("misspelled.parquet", parquetOf([{ ...row, anual_income: 2 }]));
    await assertRejected(
      ingest(store, { files: { leads: [misspelled] } }),
      "file-invalid",
      /it has no column "annual_income" \(gross, US dollars a year\), which leads has; it has lead_uuid, .*\. It has "anual_income": use it with clickwell ingest --column leads\.annual_income=anual_income$/,
    );
    const mapped = { leads: { annual_income: "anual_income" } };
    const { files } = await ingest(store, { files: { leads: [misspelled] }, columnNames: mapped });
    assert.deepEqual([files[0].leftOut, rowsOf(store, "leads")[0].annual_income], [[], 2]);
    const lacking = write("lacking.parquet", parquetOf([{ ...row, lead_uuid: "b" }]));
    await assertRejected(
      ingest(store, { files: { leads: [lacking] } }),
      "file-invalid",
      /load NULL with --allow-missing/,
    );
    const allowed = await ingest(store, { files: { leads: [lacking] }, allowMissing: true });
    assert.deepEqual(allowed.files[0].missing, ["annual_income"]);
    const keyless = write("keyless.parquet", parquetOf([{ requested: 1 }]));
    await assertRejected(
      ingest(store, { files: { leads: [keyless] }, allowMissing: true }),
      "file-invalid",
      /no column "lead_uuid" .*which leads needs/,
    );
  }));

Deno.test("ingest: a column of the wrong type fails with both types", () =>
  withTables(async ({ store, write }) => {
    const path = write(
      "offers.parquet",
      parquetOf([{ offer_id: 1n, lead_uuid: "a", apr: "high", lender_id: 1n }]),
    );
    await assertRejected(
      ingest(store, { files: { offers: [path] } }),
      "file-invalid",
      /Cannot load .*offers\.parquet: column "apr" is BYTE_ARRAY \(UTF8\), expected numbers\. Convert it/,
    );
  }));

Deno.test("ingest: lender ids that are whole doubles are integers, others are rejected", () =>
  withTables(async ({ store, write }) => {
    const offers = (lender_id: number) => parquetOf([{ offer_id: 1n, lead_uuid: "a", apr: 1, lender_id }]);
    await assertRejected(
      ingest(store, { files: { offers: [write("half.parquet", offers(12.5))] } }),
      "row-rejected",
      /row 1, column "lender_id": 12\.5 is not an integer/,
    );
    await ingest(store, { files: { offers: [write("whole.parquet", offers(12))] } });
    assert.equal(rowsOf(store, "offers")[0].lender_id, 12);
  }));

Deno.test("ingest: keys beyond 2^53 are exact", () =>
  withTables(async ({ store, write }) => {
    const ids = [2n ** 53n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n];
    const path = write("things.parquet", parquetOf(ids.map((id) => ({ id, word: String(id) }))));
    await ingest(store, { files: { things: [path] }, allowMissing: true });
    assert.deepEqual(rowsOf(store, "things").map(({ id, word }) => String(id) === word), [
      true,
      true,
      true,
      true,
    ]);
    const other = write("other.parquet", parquetOf([{ id: 2n ** 53n + 1n, word: "other" }]));
    await assertRejected(
      ingest(store, { files: { things: [other] }, allowMissing: true }),
      "row-conflict",
      /has id 9007199254740993, .*word is "other" in the file, "9007199254740993" in the store/,
    );
  }, thingsSchema));

Deno.test("ingest: offers without a lead and clicks without an offer are reported until their parents are loaded", () =>
  withTables(async (loaded) => {
    const { leads, offers, clicks } = writeLoans(loaded);
    const first = await ingest(loaded.store, { files: { offers, clicks } });
    assert.deepEqual(first.orphans, [
      { table: "offers", column: "lead_uuid", parent: "leads", rows: 4 },
      { table: "clicks", column: "offer_id", parent: "offers", rows: 0 },
    ]);
    assert.equal(first.examples, 0);
    const some = loaded.write(
      "some.parquet",
      parquetOf([{ lead_uuid: "a", requested: 1, loan_purpose: "x", credit: "y", annual_income: 2 }]),
    );
    const second = await ingest(loaded.store, { files: { leads: [some], offers } });
    assert.deepEqual(second.orphans, [{ table: "offers", column: "lead_uuid", parent: "leads", rows: 2 }]);
    assert.equal(second.examples, 2);
    const third = await ingest(loaded.store, { files: { leads, offers }, onConflict: "replace" });
    assert.deepEqual(third.orphans.map(({ rows }) => rows), [0]);
    assert.equal(third.examples, 4);
  }));

Deno.test("ingest: a rejected row is not a parent", () =>
  withTables(async (loaded) => {
    const { offers } = writeLoans(loaded);
    const lead = { loan_purpose: "x", credit: "y", annual_income: 2 };
    const leads = [
      loaded.write(
        "leads.parquet",
        parquetOf([{ lead_uuid: "a", requested: -1, ...lead }, { lead_uuid: "b", requested: 1, ...lead }]),
      ),
    ];
    const report = await ingest(loaded.store, {
      files: { leads, offers },
      rejectsPath: join(loaded.folder, "rejects"),
    });
    assert.deepEqual(report.orphans, [{ table: "offers", column: "lead_uuid", parent: "leads", rows: 3 }]);
    assert.equal(report.examples, 1);
  }));

Deno.test("ingest: an interruption leaves the store unchanged", () =>
  withTables(async (loaded) => {
    await loadThings(loaded, [{ id: 1 }]);
    const before = contentOf(loaded.store);
    const controller = new AbortController();
    const reason = new Error("stopped");
    const rows = Array.from(
      { length: 40_000 },
      (_, id) => ({ id: id + 10, word: "a longer text for a larger file, read in several batches" }),
    );
    const seen: number[] = [];
    const observe = ({ rows }: { rows: number }) => {
      seen.push(rows);
      controller.abort(reason);
    };
    await assert.rejects(loadThings(loaded, rows, { signal: controller.signal, observe }), reason);
    assert.equal(seen.length, 1);
    assert.deepEqual(contentOf(loaded.store), before);
    assert.equal(loaded.store.db.isTransaction, false);
  }, thingsSchema));

Deno.test("ingest: a file that changes while it is read is not loaded", () =>
  withTables(async ({ store, write }) => {
    const path = write("things.ndjson", ndjsonOf([{ id: 1 }, { id: 2 }]));
    const observe = () => Deno.writeTextFileSync(path, ndjsonOf([{ id: 3 }]), { append: true });
    await assertRejected(
      ingest(store, { files: { things: [path] }, allowMissing: true, observe }),
      "file-invalid",
      /it changed while it was read/,
    );
    assert.deepEqual(rowsOf(store, "things"), []);
  }, thingsSchema));

Deno.test("ingest: the log has the file, the time and the report of each load", () =>
  withTables(async (loaded) => {
    const { leads } = writeLoans(loaded);
    await ingest(loaded.store, { files: { leads }, now: () => 1_700_000_000_000_000 });
    const [{ report, content_hash, ...entry }] = rowsOf(loaded.store, "loads");
    assert.deepEqual(entry, {
      load_id: 1,
      table_name: "leads",
      file_name: "leads.parquet",
      loaded_at: 1_700_000_000_000_000,
      on_conflict: "fail",
    });
    assert.match(String(content_hash), /^[0-9a-f]{64}$/);
    assert.equal(JSON.parse(String(report)).inserted, 3);
  }));

Deno.test("ingest: unknown tables and columns, and the program's own tables, are rejected by name", () =>
  withTables(async ({ store, write }) => {
    const path = write("x.ndjson", "{}");
    await assertRejected(
      ingest(store, { files: { offer: [path] } }),
      "table-unknown",
      /no table "offer"\. Did you mean offers\? It has leads, offers, clicks/,
    );
    await assertRejected(ingest(store, { files: { models: [path] } }), "table-unknown", /no table "models"/);
    const columnNames = { offers: { rate: "apr" } };
    await assertRejected(
      ingest(store, { files: { offers: [path] }, columnNames }),
      "usage-invalid",
      /offers has no column "rate": it has offer_id/,
    );
  }));
