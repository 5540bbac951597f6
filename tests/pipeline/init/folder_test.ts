import assert from "node:assert/strict";
import { join } from "node:path";
import { inputFilesOf, partsByName } from "../../../pipeline/init/folder.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { inFolder } from "../../support/program.ts";

Deno.test("folder: tables are found by their names, and other things are named with the reason", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "more"));
    const names = [
      "b.parquet.gzip",
      "a.csv",
      "c.NDJSON",
      "d.tsv.gz",
      "README.md",
      "x.png",
      ".hidden.csv",
      "LICENSE",
    ];
    for (const name of [...names, "features.json"]) await Deno.writeTextFile(join(folder, name), "x");
    const { named, found, left } = inputFilesOf([folder]);
    const inside = (name: string) => join(folder, name);
    assert.deepEqual(named, []);
    assert.deepEqual(found, ["a.csv", "b.parquet.gzip", "c.NDJSON", "d.tsv.gz"].map(inside));
    assert.deepEqual(left, [
      { file: inside("LICENSE"), why: "not a table by its name" },
      { file: inside("README.md"), why: ".md is not a format of tables" },
      { file: inside("features.json"), why: "written by clickwell" },
      { file: inside("more"), why: "a folder" },
      { file: inside("x.png"), why: ".png is not a format of tables" },
    ]);
    assert.deepEqual(inputFilesOf([inside("x.png")]).named, [inside("x.png")]);
  }));

Deno.test("folder: a path that is not there, and a folder without tables, are failures", () =>
  inFolder(async (folder) => {
    assertFailure(() => inputFilesOf([join(folder, "none.csv")]), "file-missing", /none\.csv/);
    await Deno.writeTextFile(join(folder, "notes.md"), "x");
    assertFailure(() => inputFilesOf([folder]), "usage-invalid", /it has notes\.md \(\.md is not/);
  }));

Deno.test("folder: files whose names differ in numbers are parts of one table", () => {
  const parts = [
    "offers-2024-01.csv",
    "offers-2024-02.csv",
    "clicks.csv",
    "a/part-00000-0a1b2c3d-0000-1111-2222-333344445555-c000.snappy.parquet",
    "a/part-00001-0a1b2c3d-0000-1111-2222-333344445555-c000.snappy.parquet",
    "top10.csv",
    "mails1.csv",
    "mails2.csv.gz",
  ];
  const groups = partsByName(parts);
  assert.deepEqual([...groups.values()].map(({ length }) => length), [2, 1, 2, 1, 2]);
  assert.deepEqual([...groups.keys()].slice(0, 2), ["offers", "clicks"]);
});
