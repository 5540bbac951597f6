import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { downgradeStore } from "../../support/downgraded_store.ts";
import { ndjsonOf } from "../../support/temp_files.ts";
import { inFolder, root, run } from "../../support/program.ts";
import { canMountReadOnly, makeWritable, spawnReadOnly } from "../../support/read_only_mount.ts";
import { postJson, startServe, whenReady } from "../../support/serve_process.ts";
import { makeServedModels, row, type ServedModels } from "../../support/served_models.ts";

const samples = ["leads", "offers", "clicks"].flatMap((
  name,
) => [`--${name}`, join(root, `data/sample/${name}.parquet`)]);

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

/** Runs a command that must succeed. @returns Its output in JSON. */
async function done(args: readonly string[]) {
  const { code, stdout, stderr } = await run([...args, "--json"]);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return JSON.parse(stdout);
}

function ask(path: string, sql: string): unknown[] {
  using db = new DatabaseSync(path, { readOnly: true });
  return db.prepare(sql).all().map((found) => ({ ...found }));
}

Deno.test("each file is created by its first writer, and both are single files in rollback mode afterwards", () =>
  inFolder(async (folder) => {
    const data = join(folder, "data");
    const where = ["--data", data, "--models", join(folder, "models")];
    await done(["ingest", ...samples, ...where]);
    assert.deepEqual(namesIn(data), ["tables.db"]);
    assert.deepEqual((await done(["models", "list", ...where])).models, []);
    assert.deepEqual((await done(["models", "history", ...where])).history, []);
    const unknown = await run(["models", "activate", "1", ...where]);
    assert.match(unknown.stderr, /There is no model "1"/);
    assert.deepEqual(namesIn(data), ["tables.db"], "reading creates no registry");
    const { model_id } = await done(["train", ...where]);
    assert.deepEqual(namesIn(data), ["clickwell.db", "tables.db"]);
    for (const name of ["clickwell.db", "tables.db"]) {
      assert.deepEqual(ask(join(data, name), "PRAGMA journal_mode"), [{ journal_mode: "delete" }]);
    }
    const registry = join(data, "clickwell.db");
    assert.deepEqual(ask(registry, "SELECT version, model_id FROM models"), [{ version: 1, model_id }]);
    assert.deepEqual(
      ask(registry, "SELECT assignment_id, model_id, assigned_by FROM production_model"),
      [{ assignment_id: 1, model_id, assigned_by: "clickwell train" }],
    );
    const tables =
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    assert.deepEqual(
      ask(registry, tables),
      ["model_aliases", "model_notes", "models", "production_model"].map((name) => ({ name })),
    );
    assert.deepEqual(ask(join(data, "tables.db"), tables).length, 4);
  }));

Deno.test("a server needs only the registry: without tables it scores rows, and lookups report that there are no tables", async () => {
  const models = makeServedModels();
  try {
    Deno.removeSync(join(models.dataDir, "tables.db"));
    await using server = await startServe(["--data", models.dataDir, "--models", models.modelsDir]);
    assert.equal(server.ready.model_id, models.first.id);
    assert.equal((await postJson(server.origin, "/predict", row)).status, 200);
    const lookup = await postJson(server.origin, "/predict", { offer_id: 1 });
    assert.deepEqual([lookup.status, lookup.answer.type], [503, "urn:clickwell:problem:store-missing"]);
    assert.match(lookup.answer.detail, /it has no tables/);
    assert.equal((await postJson(server.origin, "/model", { model_id: 2 })).status, 200);
    const metrics = await (await fetch(`${server.origin}/metrics`)).text();
    assert.match(metrics, /^clickwell_model_trained_timestamp_seconds 2$/m);
    assert.doesNotMatch(metrics, /^clickwell_store_rows\{/m);
    assert.deepEqual(namesIn(models.dataDir), ["clickwell.db"]);
  } finally {
    models.remove();
  }
});

const writers: Readonly<Record<string, (where: readonly string[], folder: string) => Promise<unknown>>> = {
  "models activate": (where) => done(["models", "activate", "2", ...where]),
  "models alias": (where) => done(["models", "alias", "1", "challenger", ...where]),
  ingest: (where, folder) => {
    const path = join(folder, "leads.ndjson");
    Deno.writeTextFileSync(
      path,
      ndjsonOf([{ lead_uuid: "new", requested: 1, loan_purpose: "o", credit: "g", annual_income: 1 }]),
    );
    return done(["ingest", "--leads", path, ...where]);
  },
};
for (const [what, write] of Object.entries(writers)) {
  Deno.test(`clickwell ${what} splits the store of an earlier version with the permissions of the program`, () =>
    inOlder(async (models, where) => {
      const list = async () => await done(["models", "list", ...where]);
      const history = async () => (await done(["models", "history", ...where])).history.length;
      const [before, assigned] = [await list(), await history()];
      assert.equal(before.models.length, 2);
      await write(where, join(models.dataDir, ".."));
      assert.deepEqual(namesIn(models.dataDir), ["clickwell.db", "tables.db"]);
      const after = await list();
      const idsOf = ({ models }: { models: { model_id: string; version: number }[] }) =>
        models.map(({ model_id, version }) => [model_id, version]);
      assert.deepEqual(idsOf(after), idsOf(before));
      assert.ok(await history() >= assigned);
      assert.equal(
        ask(join(models.dataDir, "tables.db"), "SELECT * FROM offers WHERE offer_id < 9").length,
        5,
      );
    }));
}

/** Runs a test with a store of an earlier version. */
async function inOlder(test: (models: ServedModels, where: readonly string[]) => Promise<void>) {
  const models = makeServedModels();
  try {
    downgradeStore(models.dataDir);
    await test(models, ["--data", models.dataDir, "--models", models.modelsDir]);
  } finally {
    models.remove();
  }
}

const mayMount = canMountReadOnly();
if (!mayMount) console.log("skipped: tests of a read-only folder: this user may not mount");

Deno.test({
  name: "both files in a read-only folder are served and read, and no other file is created",
  ignore: !mayMount,
  fn: () =>
    inServed(async ({ dataDir, modelsDir, first }, where) => {
      const folders = [dataDir, modelsDir];
      const child = spawnReadOnly(folders, ["serve", "--port", "0", ...where]);
      await using server = await whenReady(child);
      assert.equal(server.ready.model_id, first.id);
      const sent = await postJson(server.origin, "/predict", row);
      assert.equal(sent.status, 200);
      const found = await postJson(server.origin, "/predict", { offer_id: 1 });
      assert.deepEqual([found.status, found.answer.probability], [200, sent.answer.probability]);
      const { models } = await (await fetch(`${server.origin}/models`)).json();
      assert.equal(models.length, 2);
      const refused = await postJson(server.origin, "/model", { model_id: 2 });
      assert.deepEqual([refused.status, refused.answer.type], [503, "urn:clickwell:problem:store-invalid"]);
      const out = join(dataDir, "../scores.csv");
      const rows = join(dataDir, "../rows.ndjson");
      Deno.writeTextFileSync(rows, ndjsonOf([row]));
      for (
        const words of [["models", "list"], ["models", "history"], ["predict", rows, "--out", out]]
      ) {
        const { code, stderr } = await spawnReadOnly(folders, [...words, ...where]).output();
        assert.equal(code, 0, new TextDecoder().decode(stderr));
      }
      const load = ["ingest", "--index", "offers.lead_uuid"];
      const { code, stderr } = await spawnReadOnly(folders, [...load, ...where]).output();
      assert.equal(code, 1);
      assert.match(new TextDecoder().decode(stderr), /Cannot write to .*tables\.db: .*read-only\./);
      assert.deepEqual(namesIn(dataDir), ["clickwell.db", "tables.db"]);
    }),
});

Deno.test({
  name: "a server started on a read-only folder accepts assignments as soon as the folder is writable",
  ignore: !mayMount,
  fn: () =>
    inServed(async ({ dataDir, modelsDir, second }, where) => {
      const child = spawnReadOnly([dataDir, modelsDir], ["serve", "--port", "0", ...where]);
      await using server = await whenReady(child);
      assert.equal((await postJson(server.origin, "/predict", { offer_id: 1 })).status, 200);
      assert.equal((await postJson(server.origin, "/model", { model_id: 2 })).status, 503);
      await makeWritable(server.pid, dataDir);
      assert.equal((await postJson(server.origin, "/model", { model_id: 2 })).status, 200);
      assert.equal((await postJson(server.origin, "/predict", { offer_id: 1 })).answer.model_id, second.id);
    }),
});

Deno.test({
  name: "the single-file store of an earlier version is served unchanged from a read-only folder",
  ignore: !mayMount,
  fn: () =>
    inOlder(async ({ dataDir, modelsDir, first, second }, where) => {
      {
        using db = new DatabaseSync(join(dataDir, "clickwell.db"));
        db.exec("PRAGMA journal_mode = DELETE");
      }
      const child = spawnReadOnly([dataDir, modelsDir], ["serve", "--port", "0", ...where]);
      await using server = await whenReady(child);
      assert.equal(server.ready.model_id, first.id);
      assert.equal((await postJson(server.origin, "/predict", { offer_id: 1 })).status, 200);
      assert.equal((await postJson(server.origin, "/model", { model_id: 2 })).status, 503);
      await makeWritable(server.pid, dataDir);
      assert.equal((await postJson(server.origin, "/model", { model_id: 2 })).status, 200);
      assert.deepEqual(namesIn(dataDir), ["clickwell.db", "tables.db"], "the first write split it");
      const found = await postJson(server.origin, "/predict", { offer_id: 1 });
      assert.deepEqual([found.status, found.answer.model_id], [200, second.id]);
    }),
});

async function inServed(test: (models: ServedModels, where: readonly string[]) => Promise<void>) {
  const models = makeServedModels();
  try {
    await test(models, ["--data", models.dataDir, "--models", models.modelsDir]);
  } finally {
    models.remove();
  }
}

/** Applies to the source; an executable may have another runtime than the tests. */
const canDeserialize = "deserialize" in new DatabaseSync(":memory:") && !Deno.env.has("CLICKWELL_EXECUTABLE");

Deno.test({
  name:
    "an older store in WAL mode in a read-only folder is read if the runtime supports it, else the failure names a remedy",
  ignore: !mayMount,
  fn: () =>
    inOlder(async ({ dataDir, modelsDir, first }, where) => {
      const folders = [dataDir, modelsDir];
      const list = spawnReadOnly(folders, ["models", "list", "--json", ...where]);
      const { code, stdout, stderr } = await list.output();
      const message = new TextDecoder().decode(stderr);
      if (code === 1) {
        assert.equal(canDeserialize, false, message);
        return assert.match(
          message,
          /Cannot open .*clickwell\.db.*left with a write-ahead log: run clickwell serve/,
        );
      }
      assert.equal(code, 0, message);
      assert.equal(JSON.parse(new TextDecoder().decode(stdout)).models.length, 2);
      const child = spawnReadOnly(folders, ["serve", "--port", "0", ...where]);
      await using server = await whenReady(child);
      assert.equal(server.ready.model_id, first.id);
      assert.equal((await postJson(server.origin, "/predict", { offer_id: 1 })).status, 200);
      assert.equal((await postJson(server.origin, "/model", { model_id: 2 })).status, 503);
      await makeWritable(server.pid, dataDir);
      assert.equal((await postJson(server.origin, "/model", { model_id: 2 })).status, 200);
      assert.equal((await postJson(server.origin, "/predict", { offer_id: 1 })).status, 200);
      assert.deepEqual(namesIn(dataDir), ["clickwell.db", "tables.db"]);
    }),
});

Deno.test("tables that were loaded during a server's lookups are a single file after it has ended", () =>
  inServed(async ({ dataDir }, where) => {
    await using server = await startServe([...where, "--workers", "2"]);
    const found = async () => (await postJson(server.origin, "/predict", { offer_id: 1 })).status;
    assert.equal(await found(), 200);
    const path = join(dataDir, "../offers.ndjson");
    Deno.writeTextFileSync(path, ndjsonOf([{ offer_id: 70, lead_uuid: "lead-a", apr: 1, lender_id: 1 }]));
    let isLoaded = false;
    const loading = done(["ingest", "--offers", path, ...where]).finally(() => isLoaded = true);
    while (!isLoaded && !namesIn(dataDir).includes("tables.db-wal")) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(await found(), 200, "during the load");
    await loading;
    assert.equal((await postJson(server.origin, "/predict", { offer_id: 70 })).status, 200);
    server.kill("SIGTERM");
    assert.equal((await server.ended()).code, 0);
    assert.deepEqual(namesIn(dataDir), ["clickwell.db", "tables.db"]);
    assert.deepEqual(ask(join(dataDir, "tables.db"), "PRAGMA journal_mode"), [{ journal_mode: "delete" }]);
  }));

const mails = (view: string) => `
  CREATE TABLE mails (mail_id INTEGER NOT NULL PRIMARY KEY, opened INTEGER) STRICT;
  CREATE VIEW examples AS SELECT ${view} FROM mails;
`;

Deno.test("a failed load leaves no store behind: the next one may use another schema", () =>
  inFolder(async (folder) => {
    const [data, schema, file] = ["data", "mails.sql", "mails.ndjson"].map((name) => join(folder, name));
    const words = ["ingest", "--data", data, "--schema", schema, "--table", `mails=${file}`];
    Deno.writeTextFileSync(schema, mails("mail_id"));
    Deno.writeTextFileSync(file, ndjsonOf([{ mail_id: 1, opened: 1 }, { mail_id: "x", opened: 1 }]));
    const failed = await run(words);
    assert.equal(failed.code, 1, failed.stderr);
    assert.match(failed.stderr, /row 2, column "mail_id"/);
    assert.deepEqual(namesIn(folder), ["mails.ndjson", "mails.sql"]);
    Deno.writeTextFileSync(schema, mails("mail_id, opened"));
    Deno.writeTextFileSync(file, ndjsonOf([{ mail_id: 1, opened: 1 }]));
    assert.equal((await done(words)).tables.mails.inserted, 1);
    Deno.writeTextFileSync(file, ndjsonOf([{ mail_id: "x", opened: 1 }]));
    assert.equal((await run(words)).code, 1);
    assert.deepEqual(namesIn(data), ["tables.db"], "a store with rows stays");
    Deno.writeTextFileSync(schema, mails("opened"));
    assert.match((await run(words)).stderr, /the store was created from another one \(examples differ\)/);
  }));

Deno.test("a table without a schema creates no store, and the message names the option for one", () =>
  inFolder(async (folder) => {
    const file = join(folder, "x.csv");
    Deno.writeTextFileSync(file, "a,b\n1,2\n");
    const data = join(folder, "data");
    for (const command of ["ingest", "train"]) {
      const { code, stderr } = await run([command, "--data", data, "--table", `x=${file}`]);
      assert.equal(code, 1);
      assert.match(stderr, /There are no tables in .*"x" is.*--schema FILE.*leads, offers, clicks/);
      assert.deepEqual(namesIn(folder), ["x.csv"]);
    }
  }));

Deno.test("an empty store left by a killed load is replaced for another schema", () =>
  inFolder(async (folder) => {
    const [data, schema, file] = ["data", "mails.sql", "mails.ndjson"].map((name) => join(folder, name));
    const { openStore } = await import("../../../pipeline/store/store.ts");
    openStore(data, { mode: "create" }).close();
    Deno.writeTextFileSync(schema, mails("mail_id, opened"));
    Deno.writeTextFileSync(file, ndjsonOf([{ mail_id: 1, opened: 1 }]));
    const words = ["ingest", "--data", data, "--schema", schema, "--table", `mails=${file}`];
    assert.equal((await done(words)).tables.mails.inserted, 1);
  }));
