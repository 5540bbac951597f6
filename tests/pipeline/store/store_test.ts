import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { firstVersion, migrate } from "../../../pipeline/store/migration.ts";
import { loanOffers } from "../../../pipeline/store/schema.ts";
import { openStore, type StoreOptions } from "../../../pipeline/store/store.ts";
import { hasNoRows, openStoreToLoad, requireFreeFolder } from "../../../pipeline/store/store_to_load.ts";
import { listTables } from "../../../pipeline/store/table.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { inFolder } from "../../support/program.ts";

/** Runs `use` on an open store and closes it. */
function opened<T>(dataDir: string, options: StoreOptions, use: (db: DatabaseSync) => T): T {
  const store = openStore(dataDir, { freeBytesMin: 0, ...options });
  try {
    return use(store.db);
  } finally {
    store.close();
  }
}

const nothing = () => {};
const create = (dataDir: string) => opened(dataDir, { mode: "create" }, nothing);

function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

/** Registers a test with a temporary folder. */
function test(name: string, run: (folder: string) => void): void {
  Deno.test(`store: ${name}`, () => inFolder((folder) => Promise.resolve(run(folder))));
}

test("create creates the folder, for its owner only, and the tables; the next time it opens them", (folder) => {
  const dataDir = join(folder, "new/data");
  create(dataDir);
  if (Deno.build.os !== "windows") assert.equal((Deno.statSync(dataDir).mode ?? 0) & 0o777, 0o700);
  const names = opened(dataDir, { mode: "create" }, (db) => {
    db.exec("INSERT INTO leads (lead_uuid) VALUES ('a')");
    return db.prepare("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY 1").all();
  });
  const expected = [
    "clicks",
    "examples",
    "leads",
    "loads",
    "offers",
  ];
  assert.deepEqual(names.map(({ name }) => name), expected);
  assert.deepEqual(
    [...Deno.readDirSync(dataDir)].map(({ name }) => name),
    ["tables.db"],
    "the WAL has been checkpointed",
  );
  assert.equal(
    opened(dataDir, { mode: "read" }, (db) => db.prepare("SELECT count(*) AS n FROM leads").get()?.n),
    1,
  );
});

test("write and read require an existing store", (folder) => {
  for (const mode of ["write", "read"] as const) {
    assertFailure(
      () => openStore(folder, { mode }),
      "store-missing",
      /There is no store at .*tables\.db\. Run clickwell ingest first/,
    );
  }
  assert.deepEqual([...Deno.readDirSync(folder)], [], "no store is created");
  Deno.writeTextFileSync(join(folder, "tables.db"), "");
  assertFailure(() => openStore(folder, { mode: "write" }), "store-missing", /There is no store/);
});

test("pragmas protect against data loss and hostile schemas", (folder) => {
  const read = (db: DatabaseSync) =>
    Object.fromEntries(
      [
        "journal_mode",
        "synchronous",
        "foreign_keys",
        "trusted_schema",
        "cell_size_check",
        "busy_timeout",
        "journal_size_limit",
        "page_size",
        "query_only",
      ].map((name) => [name, pragma(db, name)]),
    );
  const common = {
    journal_mode: "delete",
    foreign_keys: 1,
    trusted_schema: 0,
    cell_size_check: 1,
    page_size: 16384,
  };
  const written = opened(folder, { mode: "create", busyTimeoutMs: 250 }, (db) => {
    assert.throws(
      () => db.exec("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = NULL"),
      /may not be modified/,
    );
    return read(db);
  });
  assert.deepEqual(written, {
    ...common,
    synchronous: 2,
    busy_timeout: 250,
    journal_size_limit: 67108864,
    query_only: 0,
  });
  const readOnly = opened(folder, { mode: "read" }, (db) => {
    assert.throws(() => db.exec("DELETE FROM leads"), /readonly database/);
    return read(db);
  });
  assert.deepEqual({ ...readOnly, ...common, query_only: 1, busy_timeout: 5000 }, readOnly);
});

test("a folder that cannot be created is named", (folder) => {
  Deno.writeTextFileSync(join(folder, "file"), "");
  assertFailure(
    () => create(join(folder, "file/data")),
    "store-invalid",
    /Cannot create the data folder .*file\/data: .*--data/,
  );
  assertFailure(() => create(join(folder, "file")), "store-invalid", /Cannot create the data folder/);
});

test("a link in place of a file of the store is rejected, a link to the folder is not", (folder) => {
  const dataDir = join(folder, "data");
  create(dataDir);
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    const path = join(dataDir, `tables.db${suffix}`);
    if (suffix === "") Deno.renameSync(path, join(folder, "elsewhere"));
    Deno.symlinkSync(join(folder, "elsewhere"), path);
    for (const mode of ["create", "write", "read"] as const) {
      assertFailure(
        () => openStore(dataDir, { mode }),
        "store-invalid",
        new RegExp(`tables\\.db${suffix} is a symbolic link, expected a file`),
      );
    }
    Deno.removeSync(path);
    if (suffix === "") Deno.renameSync(join(folder, "elsewhere"), path);
  }
  Deno.symlinkSync(dataDir, join(folder, "link"));
  opened(join(folder, "link"), { mode: "write" }, nothing);
});

test("a folder in place of the store is rejected", (folder) => {
  Deno.mkdirSync(join(folder, "tables.db"));
  assertFailure(() => create(folder), "store-invalid", /tables\.db is a folder, expected a file/);
});

test("a file that is not a database and a damaged database are reported as such", (folder) => {
  const path = join(folder, "tables.db");
  Deno.writeTextFileSync(path, "offer_id,lead_uuid\n".repeat(1_000));
  for (const mode of ["create", "write", "read"] as const) {
    assertFailure(
      () => openStore(folder, { mode }),
      "store-invalid",
      /Cannot open .*tables\.db: file is not a database\. It is not a SQLite database, or damaged/,
    );
  }
  Deno.removeSync(path);
  create(folder);
  const bytes = Deno.readFileSync(path);
  bytes.fill(0xaa, 100, 4_096);
  Deno.writeFileSync(path, bytes);
  assertFailure(
    () => openStore(folder, { mode: "write" }),
    "store-invalid",
    /database disk image is malformed\. It is damaged: restore a backup/,
  );
});

test("a database of another program is not changed", (folder) => {
  const db = new DatabaseSync(join(folder, "tables.db"));
  db.exec("CREATE TABLE theirs (x)");
  db.close();
  for (const mode of ["create", "write", "read"] as const) {
    assertFailure(() => openStore(folder, { mode }), "store-invalid", /it is a database of another program/);
  }
  const again = new DatabaseSync(join(folder, "tables.db"));
  assert.deepEqual(again.prepare("SELECT name FROM sqlite_schema").all().map(({ name }) => name), ["theirs"]);
  again.close();
});

test("a store of a newer version is rejected", (folder) => {
  create(folder);
  opened(folder, { mode: "write" }, (db) => db.exec("PRAGMA user_version = 99"));
  for (const mode of ["create", "write", "read"] as const) {
    assertFailure(
      () => openStore(folder, { mode }),
      "store-newer",
      /it is of version 99, this clickwell knows up to \d+\. Use the newer clickwell/,
    );
  }
});

/** Two migration steps in addition to the program's own. */
const steps = [
  "ALTER TABLE loads ADD COLUMN note TEXT",
  "UPDATE loads SET note = 'from version ' || (SELECT user_version FROM pragma_user_version); CREATE TABLE third (x INTEGER) STRICT",
];
const load = "INSERT INTO loads VALUES (1, 'leads', 'f', 'h', 0, 'fail', '{}')";

test("an older store is migrated step by step and keeps its rows", (folder) => {
  create(folder);
  opened(folder, { mode: "write" }, (db) => {
    db.exec(load);
    migrate(db, { path: "p", readOnly: false, steps: steps.slice(0, -1) });
    assert.equal(pragma(db, "user_version"), firstVersion + 1);
    migrate(db, { path: "p", readOnly: false, steps });
    migrate(db, { path: "p", readOnly: false, steps });
    assert.equal(pragma(db, "user_version"), firstVersion + 2);
    assert.equal(db.prepare("SELECT note FROM loads").get()?.note, `from version ${firstVersion + 1}`);
    assert.deepEqual(db.prepare("SELECT * FROM third").all(), []);
  });
});

test("a migration that fails leaves the older store unchanged", (folder) => {
  create(folder);
  opened(folder, { mode: "write" }, (db) => {
    assert.throws(
      () => migrate(db, { path: "p", readOnly: false, steps: [...steps.slice(0, -1), "DROP TABLE absent"] }),
      /no such table/,
    );
    assert.deepEqual([pragma(db, "user_version"), db.isTransaction], [firstVersion, false]);
    assert.deepEqual(db.prepare("SELECT name FROM pragma_table_info('loads') WHERE name = 'note'").all(), []);
  });
});

test("an older store cannot be migrated when it is opened for reading", (folder) => {
  create(folder);
  opened(folder, { mode: "read" }, (db) => {
    assertFailure(
      () => migrate(db, { path: "p", readOnly: true, steps }),
      "store-older",
      new RegExp(
        `it is of version ${firstVersion}, expected ${
          firstVersion + 2
        }\\. Run clickwell serve or any command`,
      ),
    );
  });
});

test("too little disk space is reported before a file is opened", (folder) => {
  const needed = { freeBytesMin: Number.MAX_SAFE_INTEGER };
  assertFailure(
    () => openStore(folder, { mode: "create", ...needed }),
    "store-full",
    /[\d,]+ MiB are free on its disk, expected at least [\d,]+ MiB\. Free some space/,
  );
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  create(folder);
  for (const mode of ["write", "read"] as const) {
    assertFailure(() => openStore(folder, { mode, ...needed }), "store-full", /Free some space/);
  }
});

test("a wait for another transaction ends with store-busy after the timeout", (folder) => {
  create(folder);
  opened(folder, { mode: "write" }, (db) => {
    db.exec("BEGIN EXCLUSIVE; PRAGMA user_version = 0; PRAGMA application_id = 0");
    const other = () =>
      opened(folder, { mode: "write", busyTimeoutMs: 20 }, (other) => other.exec("BEGIN IMMEDIATE"));
    assert.throws(other, /database is locked/);
    db.exec("ROLLBACK");
  });
});

test("custom tables replace those of loan offers; the program's records are added", (folder) => {
  const schema = `
    CREATE TABLE mails (
      mail_id INTEGER NOT NULL PRIMARY KEY,   -- one mail
      "sent at" INTEGER,                      -- when, in words
      opened_at INT NOT NULL DEFAULT 0,
      score REAL,
      half REAL AS (score / 2)                -- computed
    ) STRICT;
    CREATE VIEW examples AS SELECT mail_id, opened_at > 0 AS clicked FROM mails;
  `;
  opened(folder, { mode: "create", schema }, (db) => {
    assert.deepEqual(listTables(db), [{
      name: "mails",
      key: ["mail_id"],
      isNumbered: false,
      foreignKeys: [],
      columns: [
        {
          name: "mail_id",
          type: "INTEGER",
          required: true,
          hasDefault: false,
          isTime: false,
          comment: "one mail",
        },
        {
          name: "sent at",
          type: "INTEGER",
          required: false,
          hasDefault: false,
          isTime: false,
          comment: "when, in words",
        },
        { name: "opened_at", type: "INTEGER", required: true, hasDefault: true, isTime: true, comment: "" },
        { name: "score", type: "REAL", required: false, hasDefault: false, isTime: false, comment: "" },
      ],
    }]);
    assert.deepEqual(db.prepare("SELECT * FROM loads").all(), []);
  });
  opened(folder, { mode: "create", schema }, (db) => db.exec("INSERT INTO mails (mail_id) VALUES (1)"));
  assertFailure(
    () =>
      openStore(folder, {
        mode: "create",
        schema: schema.replace("-- computed", "-- made up"),
        freeBytesMin: 0,
      }),
    "store-invalid",
    /Cannot use this schema with .*: the store was created from another one \(mails differ\)\. Omit --schema/,
  );
});

test("an edited copy of schema.sql is a valid schema", (folder) => {
  const copy = Deno.readTextFileSync(new URL("../../../schema.sql", import.meta.url));
  assert.ok(copy.startsWith(loanOffers) && copy.length > loanOffers.length);
  opened(folder, {
    mode: "create",
    schema: copy.replace("  lender_id INTEGER ", "  lender TEXT ").replace(
      "offers.lender_id",
      "offers.lender",
    ),
  }, (db) => {
    assert.deepEqual(listTables(db).map(({ name }) => name), ["leads", "offers", "clicks"]);
    assert.ok(listTables(db)[1].columns.some(({ name }) => name === "lender"));
  });
});

test("every column of schema.sql has a comment", (folder) => {
  opened(folder, { mode: "create" }, (db) => {
    for (const { name, columns } of listTables(db)) {
      for (const column of columns) assert.ok(column.comment.length > 5, `${name}.${column.name}`);
    }
  });
});

const view = "CREATE VIEW examples AS SELECT 1 AS clicked;";
const badSchemas: readonly [what: string, schema: string, message: RegExp][] = [
  ["is no SQL", "CREATE TABEL x", /near "TABEL": syntax error/],
  ["creates no table", view, /it creates no table/],
  [
    "creates a table that is not STRICT",
    `CREATE TABLE t (x INTEGER PRIMARY KEY); ${view}`,
    /table t is not STRICT/,
  ],
  [
    "creates a table without a key",
    `CREATE TABLE t (x INTEGER) STRICT; ${view}`,
    /table t has no PRIMARY KEY/,
  ],
  [
    "creates a column of another type",
    `CREATE TABLE t (x INTEGER PRIMARY KEY, y BLOB) STRICT; ${view}`,
    /column t\.y is BLOB, expected INTEGER, REAL or TEXT/,
  ],
  [
    "creates no view examples",
    "CREATE TABLE t (x INTEGER PRIMARY KEY) STRICT",
    /its view examples cannot be read: no such table: examples/,
  ],
  [
    "creates a view that cannot be read",
    "CREATE TABLE t (x INTEGER PRIMARY KEY) STRICT; CREATE VIEW examples AS SELECT y FROM t",
    /no such column: y/,
  ],
  [
    "uses the name of a table of the program",
    `CREATE TABLE models (x INTEGER PRIMARY KEY) STRICT; ${view}`,
    /table models already exists/,
  ],
  [
    "attaches another file",
    `ATTACH 'other.db' AS other; ${view}`,
    /it contains ATTACH, which is not allowed/,
  ],
  [
    "ends its transaction",
    `CREATE TABLE t (x INTEGER PRIMARY KEY) STRICT; ${view} COMMIT`,
    /it contains BEGIN, COMMIT or ROLLBACK, which is not allowed/,
  ],
];

for (const [what, schema, message] of badSchemas) {
  test(`a schema that ${what} is rejected, and no store is created`, (folder) => {
    assertFailure(
      () => openStore(join(folder, "data"), { mode: "create", schema, freeBytesMin: 0 }),
      "spec-invalid",
      message,
    );
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
}

const isEmpty = (folder: string) => [...Deno.readDirSync(folder)].length === 0;

test("tables that were created for a load and stayed empty are removed, and so is their folder", (folder) => {
  const dataDir = join(folder, "data");
  openStoreToLoad(dataDir, { tables: ["leads"], freeBytesMin: 0 }).close();
  assert.ok(isEmpty(folder));
  const registry = join(dataDir, "clickwell.db");
  Deno.mkdirSync(dataDir);
  Deno.writeTextFileSync(registry, "");
  openStoreToLoad(dataDir, { tables: ["leads"], freeBytesMin: 0 }).close();
  assert.deepEqual([...Deno.readDirSync(dataDir)].map(({ name }) => name), ["clickwell.db"]);
});

const uses: Readonly<Record<string, string>> = {
  "a row": "INSERT INTO leads (lead_uuid) VALUES ('a')",
  "a file that was loaded, with no rows": "INSERT INTO loads VALUES (1, 'leads', 'f', 'h', 0, 'fail', '{}')",
};
for (const [what, use] of Object.entries(uses)) {
  test(`tables with ${what} are not removed`, (folder) => {
    const store = openStoreToLoad(folder, { tables: ["leads"], freeBytesMin: 0 });
    store.db.exec(use);
    store.close();
    openStoreToLoad(folder, { tables: ["leads"], freeBytesMin: 0 }).close();
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["tables.db"]);
  });
}

test("tables that existed before the load are not removed", (folder) => {
  create(folder);
  openStoreToLoad(folder, { tables: ["leads"], freeBytesMin: 0 }).close();
  assert.equal(isEmpty(folder), false);
});

test("a table without a schema is rejected before a file is created", (folder) => {
  assertFailure(
    () => openStoreToLoad(join(folder, "data"), { tables: ["leads", "mails"] }),
    "table-unknown",
    /There are no tables in .*data yet, and "mails" is not one of the default tables\. .*--schema FILE/,
  );
  assert.ok(isEmpty(folder));
});

test("a writer leaves a single file if no other connection has the tables open, else it leaves WAL mode", (folder) => {
  create(folder);
  const modes: unknown[] = [];
  for (const isAlone of [true, false, true]) {
    const store = openStore(folder, { mode: "write", freeBytesMin: 0 });
    store.journal.use("wal", 0);
    const other = isAlone ? undefined : openStore(folder, { mode: "read" });
    other?.db.prepare("SELECT count(*) FROM leads").get();
    store.close();
    other?.close();
    modes.push(opened(folder, { mode: "read" }, (db) => pragma(db, "journal_mode")));
  }
  assert.deepEqual(modes, ["delete", "wal", "delete"]);
});

test("an empty store is replaced for another schema, a store in use is not", (folder) => {
  create(folder);
  const schema = "CREATE TABLE t (x INTEGER PRIMARY KEY) STRICT; CREATE VIEW examples AS SELECT x FROM t;";
  opened(folder, { mode: "create", schema }, (db) => {
    assert.deepEqual(listTables(db).map(({ name }) => name), ["t"]);
    db.exec("INSERT INTO t VALUES (1)");
  });
  assertFailure(
    () => openStore(folder, { mode: "create", schema: loanOffers, freeBytesMin: 0 }),
    "store-invalid",
    /created from another one/,
  );
});

test("a folder in which the creation of the tables was killed is free, as is one without rows", (folder) => {
  const path = join(folder, "tables.db");
  Deno.writeTextFileSync(path, "");
  for (
    const schema of [
      "CREATE TABLE a (id INTEGER PRIMARY KEY) STRICT; CREATE VIEW examples AS SELECT * FROM a;",
      loanOffers,
    ]
  ) {
    requireFreeFolder(folder, schema, ["a.csv"]);
    assert(hasNoRows(folder));
  }
  const store = openStoreToLoad(folder, { tables: ["leads"], freeBytesMin: 0 });
  store.db.exec("INSERT INTO leads (lead_uuid) VALUES ('a')");
  assert(!hasNoRows(folder));
  store.discard();
  store.close();
  assert(hasNoRows(folder), "a new store is removed with its rows if they are discarded");
});
