import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { differentialPython } from "./differential/install.ts";
import { checkStored } from "./differential/stored.ts";
import { makeTables, type WrittenTable } from "./differential/written_table.ts";
import { inFolder } from "./program.ts";

const seed = Number(Deno.env.get("CLICKWELL_DIFFERENTIAL_SEED") ?? 1);
const count = Number(Deno.env.get("CLICKWELL_DIFFERENTIAL_TABLES") ?? 40);
const ignore = !existsSync(differentialPython);
const why = ignore ? " (skipped: deno task test-differential installs the other programs)" : "";

Deno.test({
  name:
    `differential: ${count} tables of other programs, seed ${seed}, are stored as pyarrow reads them${why}`,
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const tables = await makeTables(folder, seed, count);
      const wrong: string[] = [];
      for (const table of tables) {
        if (table.unwritten !== undefined || table.error !== undefined) continue;
        try {
          await checkStored(table, folder);
        } catch (error) {
          wrong.push(`${described(table)}\n${error instanceof Error ? error.stack : error}`);
        }
      }
      assert.equal(
        wrong.length,
        0,
        `${wrong.length} of ${tables.length}:\n${wrong.join("\n\n").slice(0, 20_000)}`,
      );
      const written = tables.filter(({ unwritten, error }) => unwritten === undefined && error === undefined);
      assert.ok(
        written.length > 0.9 * tables.length,
        "most of the tables are written and read by the others",
      );
    }),
});

function described({ number, writer, options, columns }: WrittenTable): string {
  const kinds = columns.map(({ name, kind }) => `${name}: ${kind}`).join(", ");
  return `table ${number} of seed ${seed}, by ${writer} with ${JSON.stringify(options)}: ${kinds}`;
}
