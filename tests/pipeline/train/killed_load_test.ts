import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { inFolder, run, spawn } from "../../support/program.ts";

const offers = 60_000;
const memory = ["--memory", "1MB", "--quiet"];

/** Runs `train` from files into a new store, and stops it as soon as rows are in files beside the store. */
async function stopped(folder: string, signal: "SIGINT" | "SIGKILL", after: number): Promise<void> {
  const child = spawn(["train", ...filesIn(folder), "--data", join(folder, "data"), ...memory]);
  let isOver = false;
  const over = child.output().finally(() => isOver = true);
  while (!isOver && bytesSpilled(folder) <= after) await new Promise((resolve) => setTimeout(resolve, 2));
  assert(!isOver, `the training ended before ${after} bytes were written`);
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
function assertWhole(folder: string): void {
  using db = new DatabaseSync(join(folder, "data", "tables.db"));
  assert.equal(db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
  const logged = new Map(
    db.prepare("SELECT table_name, json_extract(report, '$.inserted') AS n FROM loads").all()
      .map(({ table_name, n }) => [String(table_name), Number(n)]),
  );
  for (const table of ["leads", "offers", "clicks"]) {
    assert.equal(
      Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n),
      logged.get(table) ?? 0,
      table,
    );
  }
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
        await stopped(folder, signal, after);
        if (signal === "SIGINT") assert.deepEqual(spillFolders(folder), []);
        assertWhole(folder);
        // A folder may be about to be locked while it is younger.
        for (const name of spillFolders(folder)) {
          Deno.utimeSync(join(folder, "data", name), new Date(0), new Date(0));
        }
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
