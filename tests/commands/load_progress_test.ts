import assert from "node:assert/strict";
import { join } from "node:path";
import { lookObserver } from "../../commands/init_report.ts";
import { loadObserver } from "../../commands/cli/table_files.ts";
import type { Progress } from "../../commands/cli/terminal.ts";
import { profileFile } from "../../pipeline/init/profile.ts";
import { ingest } from "../../pipeline/ingest/ingest.ts";
import { thingsSchema, withTables } from "../support/tables.ts";
import { inFolder } from "../support/program.ts";
import { withEqualRows } from "../support/equal_rows.ts";

function terminalOf(shown: Progress[]) {
  return {
    say: () => {},
    print: () => {},
    output: () => {},
    progress: (event: Progress) => shown.push(event),
  };
}

/** What a load shows of itself. */
async function progressOf(name: string, content: string | Uint8Array): Promise<Progress[]> {
  const shown: Progress[] = [];
  const terminal = terminalOf(shown);
  await withTables(async ({ store, write }) => {
    const files = { things: [write(name, content)] };
    await ingest(store, { files, allowMissing: true, observe: loadObserver(terminal) });
  }, thingsSchema);
  return shown;
}

Deno.test("progress: a small parquet file of millions of rows shows its row count from the start", async () => {
  const bytes = withEqualRows(3_000_000);
  assert.ok(bytes.length < 2_000, `${bytes.length} bytes`);
  const shown = await progressOf("equal.parquet", bytes);
  assert.equal(shown[0].stage, "things: equal.parquet, 3,000,000 rows");
  assert.equal(shown[0].total, 3_000_000);
  assert.ok(shown.length > 10 && shown[0].done < 1_000_000, "it is told again and again");
  assert.equal(shown.at(-1)?.done, 3_000_000);
});

Deno.test("progress: the row count of a text file is an estimate and not shown as a count", async () => {
  const [{ stage, total }] = await progressOf("few.csv", "id,word\n1,a\n2,b\n");
  assert.equal(stage, "things: few.csv");
  assert.equal(total, 2);
});

Deno.test("progress: where all rows of a file are looked at for its key, their number is shown beside an estimate of all", () =>
  inFolder(async (folder) => {
    const path = join(folder, "many.csv");
    const lines = Array.from({ length: 400_000 }, (_, i) => `${i},${i % 7}\n`);
    Deno.writeTextFileSync(path, `id,day\n${lines.join("")}`);
    const shown: Progress[] = [];
    await profileFile(path, { observe: lookObserver(terminalOf(shown)) });
    assert.ok(shown.length > 3);
    assert.deepEqual([...new Set(shown.map(({ stage, unit }) => `${stage}, ${unit}`))], [
      "looking at many.csv, rows",
    ]);
    assert.ok(
      shown.every(({ done, total }, i) =>
        done > (shown[i - 1]?.done ?? 0) && Math.abs((total ?? 0) - 400_000) < 40_000
      ),
    );
  }));
