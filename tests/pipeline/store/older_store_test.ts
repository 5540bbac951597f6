import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { layoutOf } from "../../../pipeline/store/layout.ts";
import { splitOlder, type SplitStep } from "../../../pipeline/store/upgrade/older_store.ts";
import { openStore } from "../../../pipeline/store/store.ts";
import { listTables } from "../../../pipeline/store/table.ts";
import { assertFailure, assertRejected } from "../../support/expected_failure.ts";
import { downgradeStore } from "../../support/downgraded_store.ts";
import { makeServedModels, type ServedModels } from "../../support/served_models.ts";

/** Registers a test with a store of an earlier version: one file with two models, assignments, an alias and rows. */
function olderTest(
  name: string,
  test: (models: ServedModels) => Promise<void>,
  { version = 2 }: { version?: 1 | 2 } = {},
): void {
  Deno.test(`older store: ${name}`, { ignore: Deno.build.os === "windows" }, async () => {
    const models = makeServedModels();
    try {
      const registry = openRegistry(models.dataDir);
      await registry.assign({ modelId: "2", assignedAt: 4_000_000, assignedBy: "test", reason: "better" });
      await registry.setAlias({ model: "2", alias: "champion", setAt: 5_000_000, setBy: "test" });
      downgradeStore(models.dataDir, { version });
      await test(models);
    } finally {
      models.remove();
    }
  });
}

/** Returns the content of registry and tables, in one file or two. */
async function contentOf(dataDir: string) {
  const registry = openRegistry(dataDir);
  using store = openedStore(dataDir, "read");
  return {
    models: await registry.listModels(),
    history: await registry.history(),
    aliases: await registry.aliases(),
    rows: Object.fromEntries(
      listTables(store.db).map(({ name }) => {
        const select = store.db.prepare(`SELECT * FROM ${name}`);
        select.setReadBigInts(true);
        return [name, select.all().map((row) => ({ ...row }))];
      }),
    ),
  };
}

function openedStore(dataDir: string, mode: "create" | "write" | "read") {
  const store = openStore(dataDir, { mode, freeBytesMin: 0, busyTimeoutMs: 50 });
  return { db: store.db, isOlder: store.isOlder, [Symbol.dispose]: () => store.close() };
}

const namesIn = (dataDir: string) => [...Deno.readDirSync(dataDir)].map(({ name }) => name).sort();

/** Returns a file's pragmas and the names of its tables. */
function factsOf(path: string) {
  using db = new DatabaseSync(path, { readOnly: true });
  const pragma = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  return {
    applicationId: pragma("application_id"),
    version: pragma("user_version"),
    mode: pragma("journal_mode"),
    integrity: pragma("integrity_check"),
    foreignKeys: db.prepare("PRAGMA foreign_key_check").all().length,
    tables: db.prepare(
      "SELECT name FROM sqlite_schema WHERE type IN ('table', 'trigger') AND name NOT LIKE 'sqlite_%' ORDER BY 1",
    ).all().map(({ name }) => name),
  };
}

function assertSplit(dataDir: string): void {
  const { registry, tables } = layoutOf(dataDir);
  assert.deepEqual(namesIn(dataDir), ["clickwell.db", "tables.db"], "two files and no others");
  // The program at commit 63c8fa1 accepts this application id up to version 2, and reports a later one as newer.
  const common = {
    applicationId: 0x636c6b77,
    version: 3,
    mode: "delete",
    integrity: "ok",
    foreignKeys: 0,
  };
  assert.deepEqual(factsOf(registry), {
    ...common,
    tables: [
      "model_aliases",
      "model_notes",
      "models",
      "production_model",
      "production_model_is_append_only_delete",
      "production_model_is_append_only_insert",
      "production_model_is_append_only_update",
    ],
  });
  assert.deepEqual(factsOf(tables), { ...common, tables: ["clicks", "leads", "loads", "offers"] });
}

const writers: Readonly<Record<string, (models: ServedModels) => Promise<unknown>>> = {
  "an assignment": ({ dataDir }) => openRegistry(dataDir).removeAlias({ alias: "none" }).catch(() => {}),
  "an ingest": ({ dataDir }) => Promise.resolve(openedStore(dataDir, "create")[Symbol.dispose]()),
  "a registration": ({ dataDir, first }) => openRegistry(dataDir).registerModel(first, 9),
  "a server that starts": ({ dataDir }) => openRegistry(dataDir).upgrade(),
};
for (const [what, write] of Object.entries(writers)) {
  olderTest(`it is split by ${what}, and keeps every row with its id`, async (models) => {
    const before = await contentOf(models.dataDir);
    assert.deepEqual(before.history.map(({ assignmentId }) => assignmentId), [2, 1]);
    assert.equal(before.rows.offers.length, 6);
    await write(models);
    assertSplit(models.dataDir);
    assert.deepEqual(await contentOf(models.dataDir), before);
  });
}

olderTest("the first version, which had no aliases, is read unchanged, and split", async ({ dataDir }) => {
  const before = await contentOf(dataDir);
  assert.deepEqual([before.history.length, before.aliases], [2, []]);
  assert.equal(await openRegistry(dataDir).upgrade(), true);
  assertSplit(dataDir);
  assert.deepEqual(await contentOf(dataDir), before);
  await openRegistry(dataDir).setAlias({ model: "1", alias: "challenger", setAt: 0, setBy: "test" });
  assert.equal(await openRegistry(dataDir).upgrade(), false);
}, { version: 1 });

olderTest("opened for reading, it stays one file", async ({ dataDir }) => {
  const sizeOf = () => Deno.statSync(layoutOf(dataDir).registry).size;
  const before = sizeOf();
  using store = openedStore(dataDir, "read");
  assert.equal(store.isOlder, true);
  assert.deepEqual(listTables(store.db).map(({ name }) => name), ["leads", "offers", "clicks"]);
  assert.equal((await openRegistry(dataDir).activeModel())?.assignmentId, 2);
  assert.equal(sizeOf(), before);
  assert.deepEqual(namesIn(dataDir).filter((name) => !/-(wal|shm)$/.test(name)), ["clickwell.db"]);
});

olderTest("the registry stays append-only, and the next assignment gets the next id", async ({ dataDir }) => {
  const registry = openRegistry(dataDir);
  assert.equal((await registry.assign({ modelId: "1", assignedAt: 0, assignedBy: "test" })).assignmentId, 3);
  using db = new DatabaseSync(layoutOf(dataDir).registry);
  for (const sql of ["DELETE FROM production_model", "UPDATE production_model SET reason = 'no'"]) {
    assert.throws(() => db.exec(sql), /append-only/);
  }
});

olderTest(
  "rows that are only in the WAL of a killed process are kept, in both files",
  async ({ dataDir }) => {
    const killed = join(dataDir, "..", "killed");
    {
      using db = new DatabaseSync(layoutOf(dataDir).registry);
      db.exec(`
      PRAGMA wal_autocheckpoint = 0;
      INSERT INTO production_model VALUES (3, (SELECT min(model_id) FROM models), 6000000, 'killed', NULL);
      INSERT INTO leads (lead_uuid) VALUES ('in-the-log');
    `);
      copyFolder(dataDir, killed);
    }
    Deno.removeSync(dataDir, { recursive: true });
    Deno.renameSync(killed, dataDir);
    assert.ok(Deno.statSync(`${layoutOf(dataDir).registry}-wal`).size > 0);
    assert.equal(await openRegistry(dataDir).upgrade(), true);
    assertSplit(dataDir);
    const { history, rows } = await contentOf(dataDir);
    assert.deepEqual(history.map(({ assignmentId }) => assignmentId), [3, 2, 1]);
    assert.ok(rows.leads.some((lead) => Object.values(lead).includes("in-the-log")));
  },
);

olderTest(
  "while another process has it open, it stays one file, and writers fail with a remedy",
  async (models) => {
    const { dataDir } = models;
    const before = await contentOf(dataDir);
    {
      using other = new DatabaseSync(layoutOf(dataDir).registry);
      other.prepare("SELECT * FROM models").all();
      const message = /another process has it open.* stop the server of the older version/;
      assertFailure(() => openedStore(dataDir, "write"), "store-busy", message);
      const registry = openRegistry(dataDir, { patienceMs: 20 });
      await assertRejected(registry.registerModel(models.first, 9), "store-busy", message);
      assert.deepEqual(namesIn(dataDir).filter((name) => !/-(wal|shm)$/.test(name)), ["clickwell.db"]);
      assert.deepEqual(await contentOf(dataDir), before);
    }
    assert.equal(await openRegistry(dataDir).upgrade(), true);
    assertSplit(dataDir);
    assert.deepEqual(await contentOf(dataDir), before);
  },
);

olderTest("it is not split if there is a file of tables", async ({ dataDir }) => {
  const { registry, tables } = layoutOf(dataDir);
  Deno.renameSync(registry, `${registry}.moved`);
  openedStore(dataDir, "create")[Symbol.dispose]();
  Deno.renameSync(`${registry}.moved`, registry);
  const bytes = [registry, tables].map((path) => Deno.readFileSync(path));
  await assertRejected(
    openRegistry(dataDir).setAlias({ model: "1", alias: "a", setAt: 0, setBy: "test" }),
    "store-invalid",
    /it is a store of an older version, with tables in it, and .*tables\.db exists, too\. Move one/,
  );
  assert.deepEqual([registry, tables].map((path) => Deno.readFileSync(path)), bytes);
  assert.equal((await openRegistry(dataDir).activeModel())?.assignmentId, 2, "it is read unchanged");
});

const steps: readonly SplitStep[] = ["locked", "alone", "copied", "moved", "named", "synced", "dropped"];
const openers: Readonly<Record<string, (models: ServedModels) => unknown>> = {
  ...writers,
  "a reader of models": ({ dataDir }) => openRegistry(dataDir).listModels(),
  "a reader of tables": ({ dataDir }) => openedStore(dataDir, "read")[Symbol.dispose](),
};
for (const step of steps) {
  olderTest(
    `a split that is killed after the step "${step}" is finished when the store is next opened`,
    async (models) => {
      const { dataDir } = models;
      const before = await contentOf(dataDir);
      const kept = join(dataDir, "..", "killed");
      await killAt(step, dataDir);
      assert.ok(namesIn(dataDir).includes("clickwell.split"), "the split was interrupted");
      copyFolder(dataDir, kept);
      for (const [what, open] of Object.entries(openers)) {
        Deno.removeSync(dataDir, { recursive: true });
        copyFolder(kept, dataDir);
        await open(models);
        assert.deepEqual(await contentOf(dataDir), before, what);
        await openRegistry(dataDir).upgrade();
        assertSplit(dataDir);
        assert.deepEqual(await contentOf(dataDir), before, what);
      }
    },
  );
}

olderTest(
  "if the copy of an interrupted split is lost, the registry is copied again from the old file",
  async (models) => {
    const { dataDir } = models;
    const before = await contentOf(dataDir);
    await killAt("moved", dataDir);
    Deno.removeSync(layoutOf(dataDir).copy);
    await openRegistry(dataDir).registerModel(models.first, 9);
    assertSplit(dataDir);
    assert.deepEqual(await contentOf(dataDir), before);
  },
);

olderTest(
  "the old registry is not dropped unless all its rows are in the new file",
  async (models) => {
    const { dataDir } = models;
    await killAt("named", dataDir);
    {
      using db = new DatabaseSync(layoutOf(dataDir).tables);
      db.exec("INSERT INTO production_model VALUES (3, (SELECT min(model_id) FROM models), 0, 'late', NULL)");
    }
    assertFailure(
      () => splitOlder(dataDir, {}),
      "store-invalid",
      /it lacks a row of production_model in the older store/,
    );
  },
);

async function killAt(step: SplitStep, dataDir: string): Promise<void> {
  const { signal } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-all",
      new URL("../../support/crashing_split.ts", import.meta.url).pathname,
      dataDir,
      step,
    ],
  }).output();
  assert.equal(signal, "SIGKILL");
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name } of Deno.readDirSync(from)) Deno.copyFileSync(join(from, name), join(to, name));
}
