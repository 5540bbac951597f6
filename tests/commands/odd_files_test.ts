import assert from "node:assert/strict";
import { join } from "node:path";
import { createRandom } from "../../pipeline/math/random.ts";
import { inFolder, run } from "../support/program.ts";

/** Makes rows of text. @param change Replaces a row's fields. */
function linesOf(delimiter: string, change: (fields: string[], i: number) => string[] = (fields) => fields) {
  const random = createRandom(4);
  const rows = Array.from({ length: 300 }, (_, i) => {
    const age = 18 + random.below(60);
    const joined = 44_000 + random.below(900);
    const clicked = random.uniform() < (age > 45 ? 0.8 : 0.1) ? 1 : 0;
    return change([`${i + 1}`, `${joined}`, `${age}`, ["Rome", "Oslo"][random.below(2)], `${clicked}`], i);
  });
  return [["id", "joined_on", "age", "city", "clicked"], ...rows].map((fields) => fields.join(delimiter));
}

const init = (file: string) => ["init", file, "--label", "clicked", "--out", "mine"];

const separatorLines: readonly [name: string, first: string, delimiter: string, lineEnd: string][] = [
  ["a semicolon", "sep=;", ";", "\n"],
  ["a byte order mark, quotes and CRLF", '\ufeff"sep=;"', ";", "\r\n"],
  ["a tab", "SEP=\t", "\t", "\n"],
  ["a character that is no candidate", "sep=^", "^", "\r"],
];

for (const [name, first, delimiter, lineEnd] of separatorLines) {
  Deno.test(`odd files: a first line that gives the delimiter is not the header: ${name}`, () =>
    inFolder(async (cwd) => {
      Deno.writeTextFileSync(join(cwd, "a.csv"), [first, ...linesOf(delimiter), ""].join(lineEnd));
      const outcome = await run([...init("a.csv"), "--json"], { cwd });
      assert.equal(outcome.code, 0, outcome.stderr);
      const { features } = JSON.parse(outcome.stdout);
      assert.deepEqual(features.map(({ name }: { name: string }) => name).includes("age"), true);
      const trained = await run(["train", "--config", "mine/clickwell.json", "--json", "--quiet"], { cwd });
      assert.equal(trained.code, 0, trained.stderr);
      assert.equal(JSON.parse(trained.stdout).loaded.a.inserted, 300);
    }));
}

Deno.test("odd files: days as spreadsheets count them are named, and the view that is told makes times of them", () =>
  inFolder(async (cwd) => {
    for (const [file, fraction] of [["a.csv", ""], ["b.csv", ".25"]]) {
      const lines = linesOf(",", ([id, joined, ...rest]) => [id, joined + fraction, ...rest]);
      Deno.writeTextFileSync(join(cwd, file), `${lines.join("\n")}\n`);
      const { stderr, code } = await run([...init(file), "--replace"], { cwd });
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /joined_on looks like dates in the days of spreadsheets \(2020-06-1\d to 2022-12-0\d\)/,
      );
      assert.match(stderr, /CAST\(\(joined_on - 25569\) \* 86400000000 AS INTEGER\) in the view/);
    }
    // A duration may have such numbers, and so may a date's column other ones.
    for (const [name, value] of [["time_on_site", "45000"], ["joined_on", "70000"]]) {
      const lines = linesOf(",", ([id, _, ...rest], i) => [id, `${Number(value) + (7 * i) % 100}`, ...rest]);
      Deno.writeTextFileSync(join(cwd, "c.csv"), `${lines.join("\n").replace("joined_on", name)}\n`);
      const { stderr } = await run([...init("c.csv"), "--replace"], { cwd });
      assert.doesNotMatch(stderr, /spreadsheets/);
    }
  }));

Deno.test("odd files: a row with a zero byte is named, and left out on demand; a training takes the others as they were loaded", () =>
  inFolder(async (cwd) => {
    const lines = linesOf(",", (fields, i) => i === 56 ? fields.with(3, "Os\0lo") : fields);
    Deno.writeTextFileSync(join(cwd, "a.csv"), `${lines.join("\n")}\n`);
    const looked = await run(init("a.csv"), { cwd });
    assert.equal(looked.code, 0, looked.stderr);
    assert.match(looked.stderr, /city has 1 value of 300 that cannot be loaded: text with a NUL character/);
    const train = ["train", "--config", "mine/clickwell.json"];
    const failed = await run(train, { cwd });
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /row 57, column "city": text with a NUL character\. .*--rejects/);

    const load = ["ingest", "--config", "mine/clickwell.json", "--rejects", "bad.ndjson"];
    const loaded = await run(load, { cwd });
    assert.equal(loaded.code, 0, loaded.stderr);
    const trained = await run(train, { cwd });
    assert.equal(trained.code, 0, trained.stderr);
    assert.match(
      trained.stderr,
      /loaded before with the same content, without 1 row that could not be loaded/,
    );
    assert.match(trained.stderr, /299 rows read/);
    // A load is asked for the rows again.
    assert.equal((await run(load.slice(0, 3), { cwd })).code, 1);
  }));

Deno.test("odd files: what is no table is called what it is, and nothing is written", () =>
  inFolder(async (cwd) => {
    const cases: readonly [text: string, says: RegExp][] = [
      ["<!DOCTYPE html>\n<html><body>404</body></html>", /it is a web page or XML, not a table/],
      ['<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', /it is a web page or XML/],
      ["ab\0c,d\n1,2\n", /neither parquet nor text/],
      ["a,b\n\x01\x02\0\x03\n", /neither parquet nor text/],
    ];
    for (const [text, says] of cases) {
      Deno.writeTextFileSync(join(cwd, "a.csv"), text);
      const { code, stderr } = await run(init("a.csv"), { cwd });
      assert.equal(code, 1);
      assert.match(stderr, says);
    }
    assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name), ["a.csv"]);
  }));
