import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { inFolder, run, spawn } from "../../support/program.ts";

const offers = 60_000;
const memory = ["--memory", "1MB", "--quiet"];

/** Runs a command that loads files into a new store, and stops it as soon as rows are in files beside the store. */
async function stopped(
  folder: string,
  { args, signal, after }: { args: readonly string[]; signal: "SIGINT" | "SIGKILL"; after: number },
): Promise<void> {
  const child = spawn([...args, "--data", join(folder, "data")]);
  let isOver = false;
  const over = child.output().finally(() => isOver = true);
  while (!isOver && bytesSpilled(folder) <= after) await new Promise((resolve) => setTimeout(resolve, 2));
  assert(!isOver, `the command ended before ${after} bytes were written`);
  child.kill(signal);
  await over;
}

function filesIn(folder: string): string[] {
  return ["leads", "offers", "clicks"].flatMap((
    table,
  ) => [`--${table}`, join(folder, "made", `${table}.parquet`)]);
}

function spillFolders(folder: string): string[] {
  try {
    return [...Deno.readDirSync(join(folder, "data"))].map(({ name }) => name).filter((name) =>
      name.startsWith("spill-")
    );
  } catch {
    return [];
  }
}

/** Returns −1 while there is no file. */
function bytesSpilled(folder: string): number {
  return spillFolders(folder).flatMap((name) => {
    try {
      const path = join(folder, "data", name);
      return [...Deno.readDirSync(path)].filter((file) => file.name.startsWith("chunks-"))
        .map((file) => Deno.statSync(join(path, file.name)).size);
    } catch {
      // Removed meanwhile.
      return [];
    }
  }).reduce((sum, size) => Math.max(sum, 0) + size, -1);
}

/** Asserts that the store is sound, and each table has all rows of its file or none. */
function assertWhole(folder: string, tables = ["leads", "offers", "clicks"]): void {
  using db = new DatabaseSync(join(folder, "data", "tables.db"));
  assert.equal(db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
  const logged = new Map(
    db.prepare("SELECT table_name, json_extract(report, '$.inserted') AS n FROM loads").all()
      .map(({ table_name, n }) => [String(table_name), Number(n)]),
  );
  for (const table of tables) {
    assert.equal(
      Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n),
      logged.get(table) ?? 0,
      table,
    );
  }
}

/** Makes the folders old: a younger one may be about to be locked. */
function ageSpillFolders(folder: string): void {
  for (const name of spillFolders(folder)) {
    Deno.utimeSync(join(folder, "data", name), new Date(0), new Date(0));
  }
}

const sortedSchema = `
  CREATE TABLE things (key TEXT NOT NULL PRIMARY KEY, value INTEGER) STRICT, WITHOUT ROWID;
  CREATE INDEX things_by_value ON things (value);
  CREATE VIEW examples AS SELECT * FROM things;
`;
/** More than one run of rows. */
const sortedRows = 420_000;

for (const signal of ["SIGINT", "SIGKILL"] as const) {
  Deno.test(`load: ${signal} while rows are sorted in files leaves a whole store, and the next load no folder`, () =>
    inFolder(async (folder) => {
      const lines = Array.from({ length: sortedRows }, (_, i) => `${(i * 7_919) % sortedRows},${i % 97}`);
      const [file, schema] = ["things.csv", "schema.sql"].map((name) => join(folder, name));
      await Deno.writeTextFile(file, `key,value\n${lines.join("\n")}\n`);
      await Deno.writeTextFile(schema, sortedSchema);
      const args = ["ingest", "--schema", schema, "--table", `things=${file}`, "--quiet"];
      await stopped(folder, { args, signal, after: 0 });
      if (signal === "SIGINT") assert.deepEqual(spillFolders(folder), []);
      else assertWhole(folder, ["things"]);
      ageSpillFolders(folder);
      const again = await run([...args, "--data", join(folder, "data"), "--json"]);
      assert.equal(again.code, 0, again.stderr);
      assert.deepEqual(spillFolders(folder), []);
      assertWhole(folder, ["things"]);
      using db = new DatabaseSync(join(folder, "data", "tables.db"));
      const { n, least, most } = db.prepare(
        "SELECT count(*) AS n, min(key) AS least, max(key) AS most FROM things INDEXED BY things_by_value",
      ).get() ?? {};
      assert.deepEqual([n, least, most], [sortedRows, "0", "99999"]);
    }));
}

for (const signal of ["SIGINT", "SIGKILL"] as const) {
  Deno.test(`load and train: ${signal} while rows are in files leaves a whole store, and the next training no folder`, () =>
    inFolder(async (folder) => {
      const made = [
        "generate",
        "--offers",
        String(offers),
        "--seed",
        "3",
        "--out",
        join(folder, "made"),
        "--quiet",
      ];
      assert.equal((await run(made)).code, 0);
      const ids = new Set<string>();
      // In the parents' rows, then in those of the offers.
      for (const after of [0, 4e6]) {
        await stopped(folder, { args: ["train", ...filesIn(folder), ...memory], signal, after });
        if (signal === "SIGINT") assert.deepEqual(spillFolders(folder), []);
        assertWhole(folder);
        ageSpillFolders(folder);
        const again = await run([
          "train",
          ...filesIn(folder),
          "--data",
          join(folder, "data"),
          ...memory,
          "--json",
        ]);
        assert.equal(again.code, 0, again.stderr);
        assert.deepEqual(spillFolders(folder), []);
        ids.add(JSON.parse(again.stdout.trim().split("\n").at(-1) ?? "").model_id);
        await Deno.remove(join(folder, "data"), { recursive: true });
      }
      assert.equal(ids.size, 1);
    }));
}
