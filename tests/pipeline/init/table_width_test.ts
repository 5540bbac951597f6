import assert from "node:assert/strict";
import { join } from "node:path";
import { proposeFiles } from "../../../pipeline/init/propose_files.ts";
import { schemaText } from "../../../pipeline/init/schema_text.ts";
import { checkSchema } from "../../../pipeline/store/schema.ts";
import { inFolder } from "../../support/program.ts";

Deno.test("init takes columns out of a table that is too wide: first those that say nothing, never the label", () =>
  inFolder(async (folder) => {
    const path = join(folder, "wide.csv");
    const names = [...Array.from({ length: 2_100 }, (_, i) => `c${i}`), "bought", "wanted"];
    const rows = Array.from(
      { length: 60 },
      (_, row) =>
        names.map((name, i) =>
          name === "bought" ? row % 2 : i < 50 ? 7 : (row * row * (i + 7) + row * i) % 97 % 23
        ),
    );
    await Deno.writeTextFile(path, [names, ...rows].map((cells) => cells.join(",")).join("\n"));
    const { proposal } = await proposeFiles([path], { group: "wanted" }, {});
    const [table] = proposal.tables;
    const columns = table.columns.map(({ name }) => name);
    assert.equal(columns.length, 1_990);
    assert.deepEqual([columns[1], columns.at(-3), ...columns.slice(-2)], [
      "c50",
      "c2036",
      "bought",
      "wanted",
    ]);
    checkSchema(schemaText(proposal));
    const note = proposal.findings.find(({ about }) => about === "note")?.text ?? "";
    assert.match(note, /^c0, c1, .* and 101 more are not loaded: a table has at most 1,990 columns\.$/);
  }));
