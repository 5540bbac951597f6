import assert from "node:assert/strict";
import { join } from "node:path";
import configuration from "../../deno.json" with { type: "json" };
import { initSettings } from "../../commands/cli/options.ts";
import { configText } from "../../pipeline/init/settings_text.ts";
import { inFolder, run, spawn } from "../support/program.ts";

const overview = await run(["--help"]);
const summaries = [...overview.stdout.matchAll(/^ {2}(\w+) {2,}(\S.*)$/gm)].map(([, name, summary]) => ({
  name,
  summary,
}));

Deno.test("clickwell, --help, -h and help print the commands on standard output", async () => {
  assert.deepEqual([overview.code, overview.stderr], [0, ""]);
  const named = summaries.map(({ name }) => name);
  for (const name of ["demo", "generate", "ingest", "train", "models", "serve", "bench", "healthcheck"]) {
    assert.ok(named.includes(name), name);
  }
  const others = await Promise.all([[], ["-h"], ["help"]].map((words) => run(words)));
  assert.deepEqual(others, others.map(() => overview));
});

for (const { name, summary } of summaries) {
  Deno.test(`clickwell ${name} --help prints usage, flags and examples`, async () => {
    const { code, stdout, stderr } = await run([name, "--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(stdout.split("\n")[0], `clickwell ${name}: ${summary}`);
    assert.match(stdout, new RegExp(`^Usage:\n  clickwell ${name}`, "m"));
    assert.match(stdout, /^ {2}--data DIR .*\[\.\/data\]$/m);
    assert.match(stdout, new RegExp(`^Examples:\n( .*\n)*  .*clickwell ${name}`, "m"));
  });
}

Deno.test("clickwell help NAME is clickwell NAME --help", async () => {
  const [long, short] = await Promise.all([run(["models", "--help"]), run(["help", "models"])]);
  assert.deepEqual(short, long);
});

for (const name of ["train", "serve"]) {
  Deno.test(`--${name} as first flag means the command ${name}`, async () => {
    const [flag, command] = await Promise.all([run([`--${name}`, "--help"]), run([name, "--help"])]);
    assert.deepEqual(flag, command);
  });
}

Deno.test("--version names version, commit and Deno", async () => {
  const { code, stdout } = await run(["--version"]);
  assert.equal(code, 0);
  const [, version, commit] =
    stdout.match(/^clickwell (\S+) \(commit (\S+), Deno \d+\.\d+\.\d+, V8 \S+\)\n$/) ?? [];
  assert.equal(version, configuration.version);
  assert.match(commit, /^(source|unknown|[0-9a-f]{12}(-dirty)?)$/);
});

Deno.test("wrong usage exits with 2, suggests the nearest word, and prints nothing on standard output", async () => {
  const rows: [words: string[], message: string][] = [
    [["trian"], 'clickwell: There is no command "trian". Did you mean train? See clickwell --help\n'],
    [["--trian"], 'clickwell: There is no command "trian". Did you mean train? See clickwell --help\n'],
    [["help", "sreve"], 'clickwell: There is no command "sreve". Did you mean serve? See clickwell --help\n'],
    [["hasOwnProperty"], 'clickwell: There is no command "hasOwnProperty". See clickwell --help\n'],
    [
      ["serve", "--prot", "80"],
      "clickwell: clickwell serve has no flag --prot. Did you mean --port? See clickwell serve --help\n",
    ],
    [
      ["generate", "--offers", "0"],
      'clickwell: --offers is "0", expected a whole number from 1 to 1000000000.\n',
    ],
  ];
  const outcomes = await Promise.all(rows.map(([words]) => run(words)));
  for (const [i, [, stderr]] of rows.entries()) {
    assert.deepEqual(outcomes[i], { code: 2, stdout: "", stderr });
  }
});

Deno.test("a misspelled command of models is named with the nearest one", async () => {
  const { code, stderr } = await run(["models", "delte", "1"]);
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^clickwell: clickwell models has no "delte", expected list, .*\. Did you mean delete\?\n$/,
  );
  assert.doesNotMatch((await run(["models", "xxxxxx"])).stderr, /Did you mean/);
});

Deno.test("a file that is not there has one sentence, whatever it is for", () =>
  inFolder(async (cwd) => {
    const rows: [words: string[], code: number, message: string][] = [
      [["schema", "apply", "none.sql"], 1, "Cannot read the schema none.sql"],
      [["spec", "none.json"], 1, "Cannot read the feature spec none.json"],
      [["serve", "--config", "none.json"], 2, "Cannot read the config file none.json"],
    ];
    for (const [words, code, message] of rows) {
      const outcome = await run(words, { cwd });
      assert.equal(outcome.code, code, outcome.stderr);
      assert.ok(
        outcome.stderr.startsWith(`clickwell: ${message}: it does not exist or is not a readable file.`),
        outcome.stderr,
      );
    }
  }));

Deno.test("a failure exits with 1 and, with --json, prints the error", () =>
  inFolder(async (folder) => {
    const [plain, json] = await Promise.all([
      run(["train"], { cwd: folder }),
      run(["train"], { cwd: folder, env: { CLICKWELL_JSON: "1" } }),
    ]);
    assert.equal(plain.code, 1);
    assert.equal(plain.stdout, "");
    assert.match(plain.stderr, /^clickwell: There is no store at .*Run clickwell ingest first/);
    assert.deepEqual([json.code, json.stderr], [1, plain.stderr]);
    const { error } = JSON.parse(json.stdout);
    assert.equal(error.kind, "store-missing");
    assert.equal(`clickwell: ${error.message}\n`, plain.stderr);
  }));

Deno.test("a setting comes from the flag, else the environment, else the config file, else the default", () =>
  inFolder(async (folder) => {
    const config = join(folder, "settings.json");
    await Deno.writeTextFile(
      config,
      JSON.stringify({ offers: 101, seed: 1, C: 0.5, out: join(folder, "made") }),
    );
    const env = { CLICKWELL_OFFERS: "102", CLICKWELL_CONFIG: config };
    const offersOf = async (words: string[], env: Record<string, string>) => {
      const { code, stdout, stderr } = await run(["generate", "--json", ...words], { cwd: folder, env });
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout).offers.rows;
    };
    assert.equal(await offersOf(["--offers", "103"], env), 103);
    assert.equal(await offersOf([], env), 102);
    assert.equal(await offersOf(["--config", config], {}), 101);
  }));

Deno.test("with relativeTo, a config file works from any folder, and the command says what the environment overrides", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "mine"));
    const settings = { relativeTo: "file", out: "made", offers: 101, data: "." };
    await Deno.writeTextFile(join(folder, "mine/clickwell.json"), JSON.stringify(settings));
    const words = ["generate", "--json", "--quiet", "--config", "mine/clickwell.json"];
    const plain = await run(words, { cwd: folder });
    assert.equal(plain.code, 0, plain.stderr);
    assert.equal(JSON.parse(plain.stdout).offers.path, "mine/made/offers.parquet");
    assert.doesNotMatch(plain.stderr, /^note:/m);
    const { code, stderr } = await run(words, { cwd: folder, env: { CLICKWELL_OUT: "elsewhere" } });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^note: CLICKWELL_OUT is set and overrides "out" in mine\/clickwell\.json$/m);
    assert.equal(Deno.statSync(join(folder, "elsewhere/offers.parquet")).isFile, true);
  }));

Deno.test("the settings that init writes are known without loading train, which has them", async () => {
  const { flags } = (await import("../../commands/train.ts")).default;
  assert.deepEqual([...initSettings].filter((name) => !Object.hasOwn(flags, name)), []);
  const format = { encoding: "latin1", delimiter: ";", decimalComma: true, nulls: ["-"] } as const;
  const config = JSON.parse(configText({ tables: [], split: "time", format }, (path) => path));
  const written = Object.keys(config).filter((name) => !["relativeTo", "data", "models"].includes(name));
  assert.deepEqual(written.sort(), [...initSettings].sort());
});

Deno.test("a setting of the config file that no command has is rejected", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "settings.json"), '{"penality": "l2"}');
    await Deno.writeTextFile(join(folder, "list.json"), "[]");
    const files = ["settings.json", "list.json", "none.json"];
    const outcomes = await Promise.all(
      files.map((file) => run(["generate", "--config", file], { cwd: folder })),
    );
    assert.deepEqual(
      outcomes.map(({ code, stdout }) => ({ code, stdout })),
      files.map(() => ({ code: 2, stdout: "" })),
    );
    assert.match(
      outcomes[0].stderr,
      /no command has the setting "penality" of settings\.json\. Did you mean "penalty"\?/i,
    );
    assert.match(outcomes[1].stderr, /list\.json is not a JSON object/);
    assert.match(outcomes[2].stderr, /Cannot read the config file none\.json/);
    assert.deepEqual((await Array.fromAsync(Deno.readDir(folder))).length, 2, "nothing was generated");
  }));

Deno.test("Ctrl-C exits with 130 and leaves nothing half done", () =>
  inFolder(async (folder) => {
    const child = spawn(["generate", "--offers", "1000000000", "--out", "made"], { cwd: folder });
    await untilThere(join(folder, "made"));
    child.kill("SIGINT");
    const { code, stdout, stderr } = await child.output();
    assert.equal(code, 130, new TextDecoder().decode(stderr));
    assert.equal(stdout.length, 0);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(join(folder, "made"))), []);
  }));

Deno.test("a closed pipe gives no stack trace", async () => {
  const child = spawn(["--help"]);
  await child.stdout.cancel();
  const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
  assert.deepEqual([code, stderr], [0, ""]);
});

Deno.test("the task dev has the permissions of the task clickwell", () => {
  const permissions = (command: string) => command.split(" ").filter((word) => word.startsWith("--allow"));
  const { clickwell, dev } = configuration.tasks;
  assert.deepEqual(permissions(dev.command), permissions(clickwell.command));
});

async function untilThere(path: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline;) {
    try {
      await Deno.stat(path);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error(`${path} is not there after 30 s`);
}

Deno.test("clickwell --help begins with init, train and serve", async () => {
  const { stdout } = await run(["--help"]);
  const names = [...stdout.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name]) => name);
  assert.deepEqual(names.slice(0, 3), ["init", "train", "serve"]);
  assert.match(stdout, /^ {2}clickwell init FILE --label COLUMN --out mine$/m);
});
