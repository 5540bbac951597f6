import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { inFolder, type Outcome, run } from "../support/program.ts";
import { startServe } from "../support/serve_process.ts";

const { stdout: overview } = await run(["--help"]);
const commandNames = [...overview.matchAll(/^ {2}(\w+) {2,}\S.*$/gm)].map(([, name]) => name);
const { stdout: modelsHelp } = await run(["models", "--help"]);
const verbs = /^ {2}clickwell models (\S+) \[flags\]$/m.exec(modelsHelp)?.[1].split("|") ?? [];

/** A call of each command and of each verb of models, each on what those before it left. */
const calls: readonly (readonly string[])[] = [
  ["generate", "--offers", "3000", "--out", "tables"],
  [
    "ingest",
    "--table",
    "leads=tables/leads.parquet",
    "offers=tables/offers.parquet",
    "clicks=tables/clicks.parquet",
  ],
  ["train"],
  ["train", "--C", "0.01", "--activate=false"],
  ["sweep", "--C", "0.1,1", "--folds", "2"],
  ["evaluate", "2", "--against", "1"],
  ["predict", "--leads", "tables/leads.parquet", "--offers", "tables/offers.parquet", "--out", "scores.csv"],
  ["init", "tables", "--label", "clicks", "--dry-run"],
  ["spec"],
  ["models", "list"],
  ["models", "show", "1"],
  ["models", "show", "1", "--spec"],
  ["models", "compare", "1", "2"],
  ["models", "activate", "2"],
  ["models", "rollback"],
  ["models", "history"],
  ["models", "alias", "1", "champion"],
  ["models", "aliases"],
  ["models", "unalias", "champion"],
  ["models", "name", "1", "first"],
  ["models", "note", "1", "a note"],
  ["models", "export", "1", "exported"],
  ["models", "import", "exported"],
  ["models", "prune", "--keep", "5"],
  ["models", "delete", "2"],
  ["schema", "apply", "schema.sql", "--dry-run"],
  ["demo", "--data", "demo", "--models", "demo/models"],
  ["bench", "--seconds", "1", "--connections", "1", "--workers", "1"],
];

/** Their results come while a server runs: they have a test each. */
const withServer = ["serve", "healthcheck"];

Deno.test("--json-file: the table of these tests has every command, and every verb of models", () => {
  const tested = new Set(calls.map(([name]) => name));
  assert.deepEqual([...tested, ...withServer].sort(), [...commandNames].sort());
  const testedVerbs = new Set(calls.filter(([name]) => name === "models").map(([, verb]) => verb));
  assert.deepEqual([...testedVerbs].sort(), [...verbs].sort());
});

Deno.test("--json-file: has what --json prints, for every command", () =>
  inFolder(async (cwd) => {
    await Deno.copyFile("schema.sql", join(cwd, "schema.sql"));
    for (const [i, words] of calls.entries()) {
      const path = join(cwd, "results", `${i}`, "result.json");
      const outcome = await run([...words, "--json", "--json-file", path], { cwd });
      const title = words.join(" ");
      assert.equal(outcome.code, 0, `${title}: ${outcome.stderr}`);
      const text = await Deno.readTextFile(path);
      assert.equal(text, outcome.stdout, title);
      assert.equal(typeof JSON.parse(text), "object");
      assert.deepEqual([...Deno.readDirSync(join(cwd, "results", `${i}`))].map(({ name }) => name), [
        "result.json",
      ]);
    }
  }));

Deno.test("--json-file: the terminal shows what it shows without it", () =>
  inFolder(async (cwd) => {
    const without = async (words: readonly string[]) => {
      const path = join(cwd, "result.json");
      const plain = await run(words, { cwd });
      assert.deepEqual(await run([...words, "--json-file", path], { cwd }), plain);
      return { plain, result: JSON.parse(await Deno.readTextFile(path)) };
    };
    const generated = await without(["generate", "--offers", "100", "--out", "tables"]);
    assert.equal(generated.plain.stdout, "");
    assert.match(generated.plain.stderr, /offers +100 rows/);
    assert.equal(generated.result.offers.rows, 100);
    const schema = await without(["spec"]);
    assert.deepEqual(JSON.parse(schema.plain.stdout), schema.result);
    assert.ok(schema.plain.stdout.split("\n").length > 100, "indented, for people");
  }));

Deno.test("--json-file: a failure is in it, before and after the flags are checked", () =>
  inFolder(async (cwd) => {
    const path = join(cwd, "result.json");
    const kindOf = async (...words: string[]) => {
      const { code, stdout } = await run(words, { cwd });
      assert.equal(stdout, "");
      const { error } = JSON.parse(await Deno.readTextFile(path));
      return [code, error.kind];
    };
    assert.deepEqual(await kindOf("evaluate", "--json-file", path), [1, "store-missing"]);
    assert.deepEqual(await kindOf("evaluate", `--json-file=${path}`, "--resamples", "1"), [
      2,
      "usage-invalid",
    ]);
  }));

Deno.test("--json-file: a file that cannot be written fails the command before it begins", () =>
  inFolder(async (cwd) => {
    await Deno.writeTextFile(join(cwd, "file"), "kept");
    for (const path of [".", "file/result.json"]) {
      const outcome: Outcome = await run([
        "generate",
        "--offers",
        "100",
        "--out",
        "tables",
        "--json-file",
        path,
      ], { cwd });
      assert.equal(outcome.code, 1);
      assert.match(outcome.stderr, /^clickwell: Cannot write /);
    }
    assert.equal(await Deno.readTextFile(join(cwd, "file")), "kept");
    assert.ok(!existsSync(join(cwd, "tables")), "nothing was done");
  }));

Deno.test("--json-file: serve writes the line that says where it listens when it is ready; healthcheck says it is", () =>
  inFolder(async (cwd) => {
    const path = join(cwd, "deep", "ready.json");
    await using server = await startServe(["--data", join(cwd, "data"), "--json-file", path]);
    assert.deepEqual(JSON.parse(await Deno.readTextFile(path)), server.ready);
    const asked = ["healthcheck", "--url", server.origin, "--json", "--json-file", path];
    const { stdout } = await run(asked);
    assert.equal(await Deno.readTextFile(path), stdout);
    assert.equal(JSON.parse(stdout).error.kind, "server-unready");
  }));
