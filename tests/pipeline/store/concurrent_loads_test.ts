import assert from "node:assert/strict";
import { defaultSpec } from "../../../pipeline/examples/spec.ts";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { createFolderStore } from "../../../pipeline/model/artifact_folder.ts";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { openStore } from "../../../pipeline/store/store.ts";
import { holdWriteLock } from "../../../pipeline/store/writing.ts";
import { defaultHyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { train } from "../../../pipeline/train/train.ts";
import { specOf } from "../../support/example_rows.ts";
import { ndjsonOf } from "../../support/temp_files.ts";
import { insertRows, tableOf, trainOn, withStore } from "../../support/temp_store.ts";
import { rowsOf, thingsSchema, withTables } from "../../support/tables.ts";
import { type RunningServer, runServer } from "../../support/running_server.ts";
import { row } from "../../support/served_models.ts";

const offerCount = 30_000;

/** Adds 30,000 offers of ten thousand leads, and clicks on two of seven. */
function addOffers({ models: { dataDir } }: RunningServer): void {
  const store = openStore(dataDir, { mode: "write" });
  store.db.exec(`
    WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < ${100 + offerCount})
    INSERT INTO leads SELECT 'l' || i, 1000 + i % 977, 'other', 'good', 20000 + i % 1013 FROM n WHERE i % 3 = 0;
    WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < ${100 + offerCount})
    INSERT INTO offers SELECT i, 'l' || (i - i % 3), 5 + i % 29, i % 7 FROM n;
    INSERT INTO clicks SELECT offer_id, 1616464908339000 FROM offers WHERE offer_id * 2654435761 % 7 < 2;
  `);
  store.close();
}

Deno.test("during a training, repeated assignments all succeed, and the training reads its examples once", async () => {
  await using running = await runServer();
  const { ask, models: { dataDir, modelsDir } } = running;
  addOffers(running);
  const store = openStore(dataDir, { mode: "read" });
  const registry = openRegistry(dataDir);
  let isTraining = true;
  const statuses: number[] = [];
  const assigning = (async () => {
    for (let i = 0; isTraining; i++) {
      statuses.push((await ask("/model", { model_id: 1 + i % 2 })).status);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  try {
    let rowsRead = 0;
    for (let i = 0; i < 3; i++) {
      const { artifact } = await train(store, { artifacts: createFolderStore(modelsDir), registry }, {
        spec: defaultSpec(),
        hyperParameters: { ...defaultHyperParameters, seed: i },
        threads: 1,
        now: 9_000_000 + i,
        observe: {
          stage: ({ stage, done }) => {
            if (stage === "reading") rowsRead = done;
          },
        },
      });
      const { train: trained, test } = artifact.metadata.data.rows;
      assert.ok(trained + test > offerCount);
      assert.ok(rowsRead < 1.5 * offerCount, "the examples are read once");
    }
  } finally {
    isTraining = false;
    await assigning;
    store.close();
  }
  assert.ok(statuses.length > 3);
  assert.deepEqual(new Set(statuses), new Set([200]));
});

const transactions: Readonly<Record<string, string>> = {
  "in WAL mode": "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE",
  "of an initial load, which locks the tables": "BEGIN EXCLUSIVE",
};
for (const [what, begin] of Object.entries(transactions)) {
  Deno.test(`during a load's transaction ${what}, models can be assigned, rolled back, named and registered`, async () => {
    await using running = await runServer();
    const { ask, models: { dataDir, first, second } } = running;
    const loading = openStore(dataDir, { mode: "write" });
    try {
      loading.db.exec(begin);
      loading.db.exec("INSERT INTO leads (lead_uuid) VALUES ('new')");
      assert.equal((await ask("/model", { model_id: second.id })).status, 200);
      assert.equal((await ask("/predict", row)).json.model_id, second.id);
      assert.equal((await ask("/model/rollback", {})).status, 200);
      assert.equal((await ask("/predict", row)).json.model_id, first.id);
      const registry = openRegistry(dataDir, { patienceMs: 0 });
      await registry.setAlias({ model: "2", alias: "challenger", setAt: 0, setBy: "test" });
      assert.equal((await registry.registerModel(first, 0)).version, 1);
      loading.db.exec("COMMIT");
    } finally {
      loading.close();
    }
  });
}

const spec = specOf([{ name: "x", type: "numeric" }]);
const columns = ["who", "clicked", "x"];
const rows = Array.from(
  { length: 200 },
  (_, id) => ({ id, who: `w${id % 50}`, clicked: id % 3 === 0 ? 1 : 0, x: id % 11 }),
);

Deno.test("a training waits for a load that locks the tables", () =>
  withStore(tableOf(columns), async (made) => {
    insertRows(made.store, rows);
    // Both run on this thread: a wait inside SQLite would block the other.
    made.store.db.exec("PRAGMA busy_timeout = 0");
    const loading = openStore(made.dataDir, { mode: "write" });
    loading.db.exec("BEGIN EXCLUSIVE");
    insert(loading.db, { ...rows[0], id: 500 });
    const training = trainOn(made, spec, { testShare: 0 });
    await new Promise((resolve) => setTimeout(resolve, 250));
    loading.db.exec("COMMIT");
    loading.close();
    assert.equal((await training).artifact.metadata.data.rows.train, 201);
  }));

for (const [what, journal] of [["in WAL mode", "wal"], ["in rollback mode", "rollback"]] as const) {
  Deno.test(`a load ${what} waits for a training that holds the write lock, and then succeeds`, () =>
    withTables(async ({ store, write }) => {
      const things = (id: number) => ({ things: [write(`${id}.ndjson`, ndjsonOf([{ id }]))] });
      await ingest(store, { files: things(1), allowMissing: true });
      store.journal.use(journal, 0);
      store.db.exec("PRAGMA busy_timeout = 0");
      const hold = await holdWriteLock(store.path, () => {});
      const loading = ingest(store, { files: things(2), allowMissing: true });
      await new Promise((resolve) => setTimeout(resolve, 250));
      assert.equal(rowsOf(store, "things").length, 1);
      hold?.[Symbol.dispose]();
      assert.equal((await loading).tables.things.inserted, 1);
      assert.equal(rowsOf(store, "things").length, 2);
    }, thingsSchema));
}

function insert(db: ReturnType<typeof openStore>["db"], { id, who, clicked, x }: typeof rows[number]): void {
  db.prepare("INSERT INTO shown (id, who, clicked, x) VALUES (?, ?, ?, ?)").run(id, who, clicked, x);
}
