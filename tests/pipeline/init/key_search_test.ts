import assert from "node:assert/strict";
import { join } from "node:path";
import { searchKeys } from "../../../pipeline/init/key_search.ts";
import { readColumn } from "../../../pipeline/init/sampled_rows.ts";
import { upTo } from "../../support/key_tables.ts";
import { inFolder } from "../../support/program.ts";

const beyond = ["9007199254740993", "-9007199254740995", "9223372036854775807"];

Deno.test("keys are found in all rows of all files of a table, and repeated ones are reported", () =>
  inFolder(async (folder) => {
    const paths = ["a.csv", "b.csv"].map((name) => join(folder, name));
    const lines = upTo(20_000).map((i) => `${i},Schlüssel ${i}`);
    await Deno.writeTextFile(paths[0], ["id,text", ...lines].join("\n"));
    await Deno.writeTextFile(
      paths[1],
      ["id,text", ...beyond.map((id) => `${id},x${id}`), "7,", ",Schlüssel 9"].join("\n"),
    );
    const columns = [readColumn("id", "INTEGER"), readColumn("text", "TEXT")];
    const results = await searchKeys({ paths, format: {}, columns }, [
      { column: "id", wanted: new Set(["5", "20000", "20001", "abc", "05", ...beyond]) },
      { column: "text", wanted: new Set(["Schlüssel 12345", "Schlüssel", "x9007199254740993"]) },
      { column: "id", wanted: new Set(["6", "7"]) },
      { column: "text", wanted: new Set(["Schlüssel 9"]) },
    ]);
    assert.deepEqual(results.map(({ found, repeated }) => [[...found].sort(), repeated]), [
      [["5", "20000", ...beyond].sort(), undefined],
      [["Schlüssel 12345", "x9007199254740993"], undefined],
      [["6", "7"], "7"],
      [["Schlüssel 9"], "Schlüssel 9"],
    ]);
  }));
