import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { createRandom } from "../../pipeline/math/random.ts";
import { openStore } from "../../pipeline/store/store.ts";
import { loanFiles } from "../support/temp_files.ts";
import { inFolder, type Outcome, run } from "../support/program.ts";

/** Makes a store of 400 offers to 200 leads: cheap offers are clicked. */
function fillStore(dataDir: string, { clicks = true } = {}): void {
  const store = openStore(dataDir, { mode: "create", freeBytesMin: 0 });
  const random = createRandom(6);
  const lead = store.db.prepare("INSERT INTO leads VALUES (?, ?, ?, ?, ?)");
  const offer = store.db.prepare("INSERT INTO offers VALUES (?, ?, ?, ?)");
  const click = store.db.prepare("INSERT INTO clicks VALUES (?, ?)");
  store.db.exec("BEGIN");
  for (let l = 0; l < 200; l++) {
    const credit = ["poor", "fair", "good"][random.below(3)];
    lead.run(
      `lead-${l}`,
      1000 + random.below(9000),
      "other",
      credit,
      l % 9 === 0 ? null : 20_000 + random.below(80_000),
    );
    for (const id of [2 * l, 2 * l + 1]) {
      const apr = 5 + 20 * random.uniform();
      offer.run(id, `lead-${l}`, apr, random.below(4));
      if (clicks && random.uniform() < 1 / (1 + Math.exp(0.3 * (apr - 13)))) {
        click.run(id, 1_700_000_000_000_000 + id);
      }
    }
  }
  store.db.exec("COMMIT");
  store.close();
}

/** Gives a test a filled store and the program, run with its folders. */
function withProgram(
  test: (clickwell: (...words: string[]) => Promise<Outcome>, folder: string) => Promise<void>,
  options: { clicks?: boolean } = {},
): Promise<void> {
  return inFolder(async (folder) => {
    fillStore(join(folder, "data"), options);
    const clickwell = (...words: string[]) =>
      run([...words, "--data", join(folder, "data"), "--models", join(folder, "models")]);
    await test(clickwell, folder);
  });
}

/** The one JSON object on standard output. */
function resultOf({ code, stdout, stderr }: Outcome): Record<string, unknown> {
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trimEnd().split("\n").length, 1, "one line for machines");
  const result: unknown = JSON.parse(stdout);
  assert(typeof result === "object" && result !== null);
  return { ...result };
}

/** Returns the shape of a value: names and types of an object's members. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]));
}

const metricsShape = {
  log_loss: "number",
  auc: "number",
  brier: "number",
  ece: "number",
  base_log_loss: "number",
  calibration: [{ from: "number", to: "number", rows: "number", predicted: "number", observed: "number" }],
};

Deno.test("clickwell train and models: from a store to models that are listed, shown, activated and rolled back", () =>
  withProgram(async (clickwell, folder) => {
    const first = resultOf(await clickwell("train", "--json", "--threads", "2"));
    assert.deepEqual(shapeOf(first), {
      model_id: "string",
      version: "number",
      path: "string",
      active: "boolean",
      rows: {
        read: "number",
        train: "number",
        test: "number",
        left_out: { negatives: "number", no_label: "number", zero_weight: "number" },
        orphans: "number",
      },
      metrics: metricsShape,
      intervals: {
        ...{ level: "number", groups: "number", resamples: "number" },
        metrics: Object.fromEntries(
          ["log_loss", "normalised_entropy", "auc", "pr_auc", "brier", "ece"].map((name) => [
            name,
            { value: "number", low: "number", high: "number" },
          ]),
        ),
      },
      solver: {
        name: "string",
        iterations: "number",
        gradient_max: "number",
        objective: "number",
        criterion: "string",
        step: "number",
      },
      notes: [],
      warnings: [],
      effects: [{ feature: "string", effect: "number" }],
      seconds: { read: "number", encode: "number", fit: "number", total: "number" },
    });
    assert.deepEqual([first.version, first.active], [1, true]);
    assert.equal(first.path, join(folder, "models", String(first.model_id)));
    assert.equal(Deno.statSync(join(String(first.path), "model.json")).isFile, true);

    const second = resultOf(await clickwell("train", "--json", "--penalty", "none", "--quiet"));
    assert.deepEqual([second.version, second.active], [2, false]);

    const again = await clickwell("train", "--penalty", "l2", "--C", "1.0", "--seed", "7");
    assert.equal(again.code, 0);
    assert.equal(again.stdout, "", "without --json nothing is for machines");
    assert.match(again.stderr, new RegExp(`^model ${first.model_id}, version 1, in production`, "m"));
    assert.match(
      again.stderr,
      /^ {2}fitted on .*; converged: the gradient is within the tolerance, and the next step would change/m,
    );
    assert.match(
      again.stderr,
      /^ {2}on \d+ held-out rows: log loss 0\.\d{4}, \d+\.\d % better than the click rate alone \(base rate 0\.\d{4}\); AUC 0\.\d{4}: of a/m,
    );
    assert.match(
      again.stderr,
      /^ {2}what matters most: apr \d\.\d\d, .* \(mean effect on a row's log-odds\)$/m,
    );
    assert.match(
      again.stderr,
      /^ {2}nothing odd was found in the rows\n {2}next: look for a better strength/m,
    );
    const report = again.stderr.slice(again.stderr.indexOf("model ")).trimEnd().split("\n");
    assert.ok(report.length <= 10, again.stderr);

    const listed = resultOf(await clickwell("models", "list", "--json"));
    assert.deepEqual(
      Array.isArray(listed.models) &&
        listed.models.map(({ model_id, version, active }) => [model_id, version, active]),
      [[second.model_id, 2, false], [first.model_id, 1, true]],
    );

    const shown = resultOf(await clickwell("models", "show", "2", "--json"));
    assert.equal(shown.model_id, second.model_id);
    assert.deepEqual(shapeOf(shown.metrics), metricsShape);
    assert.deepEqual(Object.keys(Object(shown.coefficients)).slice(0, 3), [
      "requested",
      "requested:missing",
      "annual_income",
    ]);

    const activated = resultOf(await clickwell("models", "activate", "2", "--reason", "better", "--json"));
    assert.deepEqual([activated.model_id, activated.version, activated.reason], [
      second.model_id,
      2,
      "better",
    ]);
    const back = resultOf(await clickwell("models", "rollback", "--json"));
    assert.deepEqual([back.model_id, back.reason], [first.model_id, "rollback"]);

    const named = resultOf(await clickwell("models", "alias", "2", "challenger", "--json"));
    assert.deepEqual(named, { alias: "challenger", model_id: second.model_id, version: 2 });
    const byName = resultOf(await clickwell("models", "show", "challenger", "--json"));
    assert.deepEqual([byName.version, byName.aliases], [2, ["challenger"]]);
    const aliases = resultOf(await clickwell("models", "aliases", "--json"));
    assert.deepEqual(aliases, { aliases: [{ alias: "challenger", model_id: second.model_id }] });
    assert.deepEqual(resultOf(await clickwell("models", "unalias", "challenger", "--json")), named);
    assert.match(
      (await clickwell("models", "unalias", "challenger")).stderr,
      /There is no alias "challenger"/,
    );

    const { history } = resultOf(await clickwell("models", "history", "--json"));
    assert(Array.isArray(history));
    assert.deepEqual(history.map(({ version, assigned_by, reason }) => [version, assigned_by, reason]), [
      [1, "clickwell models", "rollback"],
      [2, "clickwell models", "better"],
      [1, "clickwell train", "the first model"],
    ]);
    for (const { assigned_at } of history) assert.match(assigned_at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  }));

Deno.test("clickwell train: --memory does not change the model", () =>
  withProgram(async (clickwell, folder) => {
    const ids = [];
    for (const size of ["0", "1kB", "2GB"]) {
      ids.push(resultOf(await clickwell("train", "--memory", size, "--json")).model_id);
    }
    assert.equal(new Set(ids).size, 1);
    const left = [...Deno.readDirSync(join(folder, "data"))].map(({ name }) => name);
    assert.deepEqual(left.filter((name) => name.startsWith("spill-")), []);
    const { code, stderr } = await clickwell("train", "--memory", "much");
    assert.equal(code, 2);
    assert.match(stderr, /--memory is "much", expected a size such as 500MB/);
  }));

Deno.test("clickwell train: an invalid setting is wrong usage, and the message names the expected value", () =>
  withProgram(async (clickwell, folder) => {
    const bad = join(folder, "bad.json");
    await Deno.writeTextFile(bad, "{");
    const rows: [words: string[], code: number, message: RegExp][] = [
      [["--penalty", "ridge"], 2, /--penalty is "ridge", expected one of l2, l1, elasticnet, none/],
      [["--C", "0"], 2, /--C is "0", expected a number/],
      [["--C", "-1"], 2, /--C is "-1"/],
      [["--test-share", "1"], 2, /--test-share/],
      [["--threads", "0"], 2, /--threads/],
      [["--penalty", "l1", "--solver", "lbfgs"], 2, /--solver lbfgs has no l1 penalty/],
      [["--spec", join(folder, "none.json")], 1, /Cannot read the feature spec .*none\.json/],
      [["--spec", bad], 1, /The feature spec .*bad\.json is not JSON/],
    ];
    const outcomes = await Promise.all(rows.map(([words]) => clickwell("train", ...words)));
    outcomes.forEach(({ code, stdout, stderr }, i) => {
      assert.deepEqual([code, stdout], [rows[i][1], ""], stderr);
      assert.match(stderr, rows[i][2]);
      assert.doesNotMatch(stderr, /a bug in clickwell/);
    });
  }));

Deno.test("clickwell train: data that cannot be trained on exits with 1, and the message names what is missing", () =>
  withProgram(async (clickwell, folder) => {
    const spec = join(folder, "spec.json");
    const features = [{ name: "income", type: "numeric" }, { name: "apr", type: "numerc" }];
    await Deno.writeTextFile(
      spec,
      JSON.stringify({ id: "offer_id", label: "clicked", group: "lead_uuid", features }),
    );
    const [clickless, storeless, specless] = await Promise.all([
      clickwell("train", "--json", "--quiet"),
      run(["train", "--data", join(folder, "nowhere")]),
      clickwell("train", "--spec", spec),
    ]);
    assert.equal(clickless.code, 1);
    assert.equal(JSON.parse(clickless.stdout).error.kind, "examples-invalid");
    assert.match(clickless.stderr, /There is nothing to learn: .* 0 have label 1.*clickwell ingest/);
    assert.equal(storeless.code, 1);
    assert.match(storeless.stderr, /There is no store at .*clickwell ingest/);
    assert.equal(specless.code, 1);
    assert.match(specless.stderr, /#\/features\/1\/type/);
  }, { clicks: false }));

Deno.test("clickwell models: messages name the missing model and the existing ones", () =>
  withProgram(async (clickwell) => {
    const [none, show, activate, rollback, verb, nameless] = await Promise.all([
      clickwell("models", "list"),
      clickwell("models", "show", "9"),
      clickwell("models", "activate", "../etc"),
      clickwell("models", "rollback"),
      clickwell("models", "delte"),
      clickwell("models", "activate"),
    ]);
    assert.deepEqual([none.code, none.stdout], [0, ""]);
    assert.match(none.stderr, /There are no models yet: clickwell train makes one/);
    for (const { code, stderr } of [show, activate]) {
      assert.equal(code, 1);
      assert.match(stderr, /There is no model "/);
    }
    assert.deepEqual([rollback.code, verb.code, nameless.code], [1, 2, 2]);
    assert.match(rollback.stderr, /There is no model to go back to/);
    assert.match(
      verb.stderr,
      /clickwell models has no "delte", expected list, show, compare, .* or prune/,
    );
    assert.match(nameless.stderr, /needs a model's id, version or alias/);
    const surplus = await clickwell("models", "activate", "1", "2");
    assert.equal(surplus.code, 2);
    assert.match(surplus.stderr, /clickwell models activate does not take "2"/);
  }));

Deno.test("clickwell models: a damaged model is neither shown nor activated", () =>
  withProgram(async (clickwell) => {
    const { path, model_id } = resultOf(await clickwell("train", "--json", "--quiet"));
    await Deno.remove(join(String(path), "weights.bin"));
    const outcomes = await Promise.all([
      clickwell("models", "show", "1"),
      clickwell("models", "activate", String(model_id)),
    ]);
    for (const { code, stderr } of outcomes) {
      assert.equal(code, 1);
      assert.match(stderr, /cannot be used: weights\.bin is missing\. Train it again/);
    }
  }));

Deno.test("clickwell train with files loads them, and trains on them", () =>
  inFolder(async (folder) => {
    const words = Object.entries(loanFiles).flatMap(([table, bytes]) => {
      const path = join(folder, `${table}.parquet`);
      Deno.writeFileSync(path, bytes);
      return [`--${table}`, path];
    });
    const folders = ["--data", join(folder, "data"), "--models", join(folder, "models")];
    const settings = ["--test-share", "0", "--json", "--quiet"];
    const loaded = resultOf(await run(["train", ...words, ...folders, ...settings]));
    const all = (read: number) => ({ read, inserted: read, unchanged: 0, replaced: 0, kept: 0, rejected: 0 });
    assert.deepEqual(loaded.loaded, { leads: all(3), offers: all(4), clicks: all(3) });
    assert.equal(loaded.examples, 4);
    const again = resultOf(await run(["train", ...folders, ...settings]));
    assert.equal(again.model_id, loaded.model_id, "what was loaded is in the store");
  }));

/** A folder with a table of letters and the SQL, the spec and the config file for it, as a user writes them. */
async function writeLetters(folder: string): Promise<void> {
  const random = createRandom(3);
  const rows = Array.from({ length: 300 }, (_, i) => {
    const pages = 1 + random.below(9);
    return `${i},${pages},${random.uniform() < pages / 10 ? 1 : 0}`;
  });
  const features = [{ name: "pages", type: "numeric" }];
  const spec = { id: "letter_id", label: "answered", group: "letter_id", features };
  const files = {
    "letters.csv": ["letter_id,pages,answered", ...rows, ""].join("\n"),
    "mine/schema.sql": `
      CREATE TABLE letters (letter_id INTEGER NOT NULL PRIMARY KEY, pages INTEGER, answered INTEGER) STRICT;
      CREATE VIEW examples AS SELECT letter_id, pages, answered FROM letters;
    `,
    "mine/features.json": JSON.stringify(spec),
    "mine/clickwell.json": JSON.stringify({
      relativeTo: "file",
      schema: "schema.sql",
      spec: "features.json",
      table: ["letters=../letters.csv"],
      data: ".",
      models: "models",
    }),
  };
  await Deno.mkdir(join(folder, "mine"));
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, name), text);
}

Deno.test("clickwell train --schema loads tables of your own; its last line names the model that serve answers with", () =>
  inFolder(async (folder) => {
    await writeLetters(folder);
    const flags = [
      "--schema",
      "mine/schema.sql",
      "--spec",
      "mine/features.json",
      "--table",
      "letters=letters.csv",
    ];
    const first = await run(["train", ...flags, "--quiet", "--data", "store"], { cwd: folder });
    assert.equal(first.code, 0, first.stderr);
    assert.equal(
      first.stderr.trimEnd().split("\n").at(-1),
      "clickwell serve --data store answers with this model. Tables: store/tables.db; models: ./models",
    );
    const second = await run(["train", "--spec", "mine/features.json", "--C", "0.1", "--data", "store"], {
      cwd: folder,
    });
    const [, id] = /^model (\S+), version 2/m.exec(second.stderr) ?? [];
    const [, firstId] = /^model (\S+), version 1, in production/m.exec(first.stderr) ?? [];
    assert.equal(
      second.stderr.trimEnd().split("\n").at(-1),
      `clickwell serve --data store still answers with ${firstId}, version 1; to change it: ` +
        `clickwell models activate ${id} --data store. Tables: store/tables.db; models: ./models`,
    );
    const lonely = await run(["train", "--schema", "mine/schema.sql", "--data", "store"], { cwd: folder });
    assert.equal(lonely.code, 2);
    assert.match(
      lonely.stderr,
      /--schema creates tables for the files to load: name them with --table NAME=FILE/,
    );
  }));

Deno.test("clickwell train --config loads and trains, from any folder and again", () =>
  inFolder(async (folder) => {
    await writeLetters(folder);
    const words = ["train", "--config", "mine/clickwell.json", "--json", "--quiet"];
    const first = resultOf(await run(words, { cwd: folder }));
    assert.deepEqual([first.version, first.examples], [1, 300]);
    assert.equal(first.path, `mine/models/${first.model_id}`);
    const config = join("..", basename(folder), "mine/clickwell.json");
    const elsewhere = await run(["train", "--config", config, "--json"], { cwd: folder });
    assert.equal(resultOf(elsewhere).model_id, first.model_id, "nothing new was loaded");
    assert.match(
      elsewhere.stderr.trimEnd().split("\n").at(-1) ?? "",
      new RegExp(`^clickwell serve --config ${RegExp.escape(config)} answers with this model\\.`),
    );
    const again = await run(["train", "--config", "mine/clickwell.json", "--repeat", "1", "--json"], {
      cwd: folder,
    });
    assert.equal(resultOf(again).agrees, true, "files of a config file are not for --repeat");
    const activated = await run(["models", "list", "--data", "mine", "--json"], { cwd: folder });
    assert.equal(resultOf(activated).models instanceof Array, true);
  }));

Deno.test("clickwell train with files rejects --from and --repeat", () =>
  inFolder(async (folder) => {
    for (const flag of ["--from", "--repeat"]) {
      const words = ["train", "--offers", "offers.parquet", flag, "1", "--data", join(folder, "data")];
      const { code, stderr } = await run(words);
      assert.equal(code, 2);
      assert.match(stderr, /load the files with clickwell ingest first/);
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));
