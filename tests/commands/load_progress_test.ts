import assert from "node:assert/strict";
import { loadObserver } from "../../commands/cli/table_files.ts";
import type { Progress } from "../../commands/cli/terminal.ts";
import { ingest } from "../../pipeline/ingest/ingest.ts";
import { thingsSchema, withTables } from "../support/tables.ts";
import { withEqualRows } from "../support/equal_rows.ts";

/** What a load shows of itself. */
async function progressOf(name: string, content: string | Uint8Array): Promise<Progress[]> {
  const shown: Progress[] = [];
  const terminal = {
    say: () => {},
    print: () => {},
    output: () => {},
    progress: (event: Progress) => shown.push(event),
  };
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
