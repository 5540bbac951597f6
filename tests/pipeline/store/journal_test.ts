import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createJournal, withBusyTimeout } from "../../../pipeline/store/journal.ts";

/** Runs a test with a database in WAL mode and a way to open further connections to it. */
async function withTwo(test: (one: DatabaseSync, connect: () => DatabaseSync) => void): Promise<void> {
  const folder = await Deno.makeTempDir();
  const opened: DatabaseSync[] = [];
  const connect = () => {
    const db = new DatabaseSync(join(folder, "things.db"));
    opened.push(db);
    return db;
  };
  try {
    const one = connect();
    one.exec("PRAGMA journal_mode = WAL; CREATE TABLE things (id INTEGER)");
    test(one, connect);
  } finally {
    for (const db of opened) if (db.isOpen) db.close();
    await Deno.remove(folder, { recursive: true });
  }
}

const modeOf = (db: DatabaseSync) => db.prepare("PRAGMA journal_mode").get()?.journal_mode;
const add = (db: DatabaseSync) => db.exec("INSERT INTO things VALUES (1)");

Deno.test("journal: the mode changes and changes back; neither that nor own writes count as external changes", () =>
  withTwo((db) => {
    const journal = createJournal(db);
    const before = journal.externalChanges();
    for (const [mode, pragma] of [["rollback", "delete"], ["rollback", "delete"], ["wal", "wal"]] as const) {
      assert.equal(journal.use(mode, 0), true);
      assert.equal(modeOf(db), pragma);
      add(db);
      assert.equal(journal.externalChanges(), before);
    }
  }));

Deno.test("journal: each noticed change by another connection counts, in both modes and across a change of the mode", () =>
  withTwo((db, connect) => {
    const journal = createJournal(db);
    const seen = [journal.externalChanges()];
    const other = connect();
    add(other);
    seen.push(journal.externalChanges());
    add(other);
    other.close();
    journal.use("rollback", 0);
    seen.push(journal.externalChanges());
    const another = connect();
    add(another);
    another.close();
    journal.use("wal", 0);
    seen.push(journal.externalChanges());
    assert.equal(new Set(seen).size, 4, seen.join());
  }));

Deno.test("journal: while another connection has the store open, the mode stays and the call does not wait", () =>
  withTwo((db, connect) => {
    db.exec("PRAGMA busy_timeout = 60000");
    const other = connect();
    add(other);
    const from = performance.now();
    assert.equal(createJournal(db).use("rollback", 0), false);
    assert.ok(performance.now() - from < 5_000);
    assert.equal(modeOf(db), "wal");
    add(db);
    other.close();
    assert.equal(createJournal(db).use("rollback", 0), true);
  }));

Deno.test("busy timeout: it applies to one call only, whether that succeeds or fails", () =>
  withTwo((db) => {
    const timeout = () => db.prepare("PRAGMA busy_timeout").get()?.timeout;
    db.exec("PRAGMA busy_timeout = 1234");
    assert.equal(withBusyTimeout(db, 5.4, timeout), 5);
    assert.throws(() =>
      withBusyTimeout(db, 7, () => {
        throw new Error("no");
      }), /no/);
    assert.equal(timeout(), 1234);
  }));
