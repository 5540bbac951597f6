import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { createInitialLoad } from "../../../pipeline/ingest/initial_load.ts";
import { ingest, type IngestOptions } from "../../../pipeline/ingest/ingest.ts";
import { keysMax } from "../../../pipeline/ingest/key_set.ts";
import { openBulk } from "../../../pipeline/store/bulk.ts";
import { registryFileName, tablesFileName } from "../../../pipeline/store/layout.ts";
import { openStore, type Store } from "../../../pipeline/store/store.ts";
import { findTable, listTables } from "../../../pipeline/store/table.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { leadLines, loanFiles, ndjsonOf, parquetOf } from "../../support/temp_files.ts";
import { contentOf, type LoadedStore, rowsOf, withTables } from "../../support/tables.ts";
import { inFolder, run, spawn } from "../../support/program.ts";

const modeOf = ({ db }: Store) => db.prepare("PRAGMA journal_mode").get()?.journal_mode;

/** Loads files and returns the journal mode during the load of each. */
async function modesOf(
  store: Store,
  options: IngestOptions,
): Promise<Record<string, unknown>> {
  const modes: Record<string, string> = {};
  const observe = ({ file }: { file: string }) => modes[file] = String(modeOf(store));
  await ingest(store, { ...options, observe });
  return modes;
}

function writeLoans({ write }: LoadedStore) {
  return {
    leads: [write("leads", loanFiles.leads)],
    offers: [write("offers", loanFiles.offers)],
    clicks: [write("clicks", loanFiles.clicks)],
  };
}

const inRollbackMode = { leads: "delete", offers: "delete", clicks: "wal" };
const inWalMode = { leads: "wal", offers: "wal", clicks: "wal" };

Deno.test("initial load: files whose parents are known are loaded in rollback mode; the store is a single file afterwards", () =>
  withTables(async (loaded) => {
    const { store } = loaded;
    assert.deepEqual(await modesOf(store, { files: writeLoans(loaded) }), inRollbackMode);
    assert.equal(modeOf(store), "delete", "a single file");
    assert.equal(store.db.prepare("PRAGMA synchronous").get()?.synchronous, 2);
    assert.equal(store.db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
  }));

Deno.test("initial load: a second file of a table and a second load are loaded in WAL mode", () =>
  withTables(async (loaded) => {
    const { store, write } = loaded;
    const more = write("more", parquetOf([{ offer_id: 9n, lead_uuid: "a", apr: 1, lender_id: 1n }]));
    const { leads, offers } = writeLoans(loaded);
    const files = { leads, offers: [...offers, more] };
    assert.deepEqual(await modesOf(store, { files }), { leads: "delete", offers: "delete", more: "wal" });
    const other = write("other", parquetOf([{ offer_id: 10n, lead_uuid: "a", apr: 1, lender_id: 1n }]));
    assert.deepEqual(await modesOf(store, { files: { offers: [other] } }), { other: "wal" });
  }));

const touches: Readonly<Record<string, (store: Store) => void>> = {
  "a row that was there": ({ db }) =>
    db.exec("INSERT INTO clicks (offer_id, clicked_at) VALUES (77, 1616464908339000)"),
  "a registry of models": ({ path }) => Deno.writeTextFileSync(join(dirname(path), registryFileName), ""),
  "a trigger": ({ db }) => db.exec("CREATE TRIGGER more AFTER INSERT ON leads BEGIN SELECT 1; END"),
};
for (const [what, make] of Object.entries(touches)) {
  Deno.test(`initial load: with ${what}, all files are loaded in WAL mode`, () =>
    withTables(async (loaded) => {
      make(loaded.store);
      assert.deepEqual(await modesOf(loaded.store, { files: writeLoans(loaded) }), inWalMode);
    }));
}

Deno.test("initial load: while another connection has the store open, all files are loaded in WAL mode, and it can read", () =>
  withTables(async (loaded) => {
    const { store, folder } = loaded;
    store.journal.use("wal", 0);
    const other = openStore(join(folder, "data"), { mode: "read", busyTimeoutMs: 0 });
    const leads = () => rowsOf(other, "leads").length;
    assert.equal(leads(), 0);
    assert.deepEqual(await modesOf(store, { files: writeLoans(loaded) }), inWalMode);
    assert.equal(leads(), 3);
    other.close();
  }));

Deno.test("initial load: after another process adds rows between two files, the remaining files are loaded in WAL mode", () =>
  withTables(async (loaded) => {
    const { store, folder } = loaded;
    const modes: Record<string, unknown> = {};
    const observe = ({ file }: { file: string }) => modes[file] = modeOf(store);
    /** Called when the leads have been inserted; adds rows at the first call. */
    const now = () => {
      if (rowsOf(store, "loads").length === 0) {
        queueMicrotask(() => {
          const other = openStore(join(folder, "data"), { mode: "write" });
          other.db.exec(
            "INSERT INTO leads (lead_uuid) VALUES ('d'); INSERT INTO offers VALUES (4, 'c', 149, 327)",
          );
          other.close();
        });
      }
      return 1;
    };
    const report = await ingest(store, { files: writeLoans(loaded), observe, now });
    assert.deepEqual(modes, { ...inWalMode, leads: "delete" });
    assert.deepEqual([report.tables.offers.inserted, report.tables.offers.unchanged], [3, 1]);
    assert.equal(report.examples, 4);
  }));

Deno.test("initial load: report and store equal those of a load in WAL mode, including orphans and repeated keys", async () => {
  const loads = await Promise.all([true, false].map((isFirst) =>
    withTables(async (loaded) => {
      const { store, write } = loaded;
      if (!isFirst) touches["a trigger"](store);
      const { leads } = writeLoans(loaded);
      const offer = { apr: 1, lender_id: 1n };
      const offers = parquetOf([
        { offer_id: 4n, lead_uuid: "c", ...offer },
        { offer_id: 3n, lead_uuid: "unknown", ...offer },
        { offer_id: 4n, lead_uuid: "c", ...offer },
        { offer_id: 1n, lead_uuid: "unknown", ...offer },
      ]);
      const clicks = parquetOf([4n, 5n].map((offer_id) => ({ offer_id, clicked_at: new Date(0) })));
      const files = { leads, offers: [write("offers", offers)], clicks: [write("clicks", clicks)] };
      const report = await ingest(store, { files, now: () => 1 });
      assert.deepEqual(report.orphans.map(({ rows }) => rows), [2, 1]);
      assert.equal(report.files[1].duplicates, 1);
      return { report, content: contentOf(store) };
    })
  ));
  assert.deepEqual(loads[0], loads[1]);
});

Deno.test("initial load: keys with a collation are looked up by SQLite", () =>
  withTables(
    async ({ store, write }) => {
      const files = {
        owners: [write("owners", ndjsonOf([{ name: "Ada" }]))],
        things: [write("things", ndjsonOf([{ id: 1, name: "ADA" }, { id: 2, name: "Bob" }]))],
      };
      const { orphans } = await ingest(store, { files });
      assert.deepEqual(orphans, [{ table: "things", column: "name", parent: "owners", rows: 1 }]);
    },
    `CREATE TABLE owners (name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE) STRICT;
      CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY, name TEXT) STRICT;
      CREATE VIEW examples AS SELECT * FROM things;`,
  ));

Deno.test("initial load: parents are not all known if they are more than the key set holds, or of unknown number", () =>
  withTables(({ store }) => {
    const tables = listTables(store.db);
    const [leads, offers, clicks] = ["leads", "offers", "clicks"].map((name) => findTable(tables, name));
    const afterLeads = (rows: number | undefined, keepsKeys = true) => {
      const load = createInitialLoad(store, tables, { keepsKeys });
      assert.equal(load.isSelfContained(leads), true);
      load.addRowsRead(leads, rows);
      return load;
    };
    assert.equal(afterLeads(keysMax).isSelfContained(offers), true);
    assert.equal(afterLeads(keysMax + 1).isSelfContained(offers), false);
    assert.equal(afterLeads(undefined).isSelfContained(offers), false);
    assert.equal(afterLeads(1, false).isSelfContained(offers), false);
    const load = afterLeads(1);
    assert.equal(load.isSelfContained(leads), false);
    assert.equal(load.isSelfContained(clicks), false);
    load.addKnownKeys("offers");
    assert.equal(load.isSelfContained(clicks), true);
  }));

Deno.test("initial load: if a file fails, the files before it stay loaded, and the store is in rollback mode", () =>
  withTables(async (loaded) => {
    const { store, write } = loaded;
    const { leads } = writeLoans(loaded);
    const bad = write("bad", parquetOf([{ offer_id: 1n, lead_uuid: "a", apr: -1, lender_id: 1n }]));
    await assertRejected(
      ingest(store, { files: { leads, offers: [bad] } }),
      "row-rejected",
      /row 1, column "apr": CHECK constraint failed/,
    );
    assert.deepEqual([rowsOf(store, "leads").length, rowsOf(store, "offers").length], [3, 0]);
    assert.equal(modeOf(store), "delete");
  }));

Deno.test("initial load: a failure to leave WAL mode does not hide the failure of the load", () =>
  withTables(async ({ store }) => {
    const full = Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR", errcode: 10 });
    const used: string[] = [];
    const use = (mode: string) => {
      used.push(mode);
      if (used.length > 1) throw full;
      return true;
    };
    const bulk = openBulk({ ...store, journal: { ...store.journal, use } });
    const failure = new Error("the load failed");
    await assert.rejects(bulk.load(() => Promise.reject(failure), { isAlone: false }), failure);
    bulk.end();
    assert.deepEqual(used, ["wal", "rollback"]);
  }));

Deno.test("initial load: if other connections keep the store locked, a load that needs WAL mode fails", () =>
  withTables(async ({ store }) => {
    const use = (mode: string) => mode === "rollback";
    const bulk = openBulk({ ...store, journal: { ...store.journal, use } }, { lockTimeoutMs: 20 });
    assert.equal(await bulk.load(() => Promise.resolve(1), { isAlone: true }), 1);
    await assertRejected(
      bulk.load(() => Promise.resolve(2), { isAlone: false }),
      "store-busy",
      /another clickwell reads it without a pause\. Try again/,
    );
  }));

Deno.test(
  "initial load: a load interrupted by a power cut or kill -9 is rolled back, also by a command that only reads",
  {
    ignore: Deno.build.os === "windows",
  },
  () =>
    inFolder(async (folder) => {
      const data = join(folder, "data");
      const path = join(folder, "leads.ndjson");
      Deno.writeTextFileSync(path, leadLines(300_000, "auto".repeat(60)));
      const [db, journal] = ["", "-journal"].map((suffix) => join(data, tablesFileName + suffix));
      {
        await using child = spawn(["ingest", "--data", data, "--leads", path]);
        // Pages that exceed the cache have been written to the database.
        for (let tries = 0; tries < 3_000 && sizeOf(db) < 8 * 2 ** 20; tries++) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        child.kill("SIGKILL");
        await child.output();
      }
      assert.ok(sizeOf(journal) > 0, "the load was interrupted");
      const { code, stdout, stderr } = await run(["models", "list", "--data", data, "--json"]);
      assert.equal(code, 0, stderr);
      assert.deepEqual(JSON.parse(stdout).models, []);
      assert.ok(sizeOf(db) < 2 ** 20, "no row is left");
      const again = await run(["ingest", "--data", data, "--leads", path, "--json"]);
      assert.equal(JSON.parse(again.stdout).tables.leads.inserted, 300_000);
    }),
);

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
