import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "../../pipeline/math/random.ts";
import { inFolder, type Outcome, run, spawn } from "../support/program.ts";

/** Writes a table of mails, of which those about sales are opened more often. */
function writeMails(folder: string, { seed = 5, name = "mails.csv" } = {}): void {
  const random = createRandom(seed);
  const lines = Array.from({ length: 400 }, (_, i) => {
    const [hour, topic] = [random.below(24), ["news", "sale", "survey"][random.below(3)]];
    const isOpened = random.uniform() < 0.2 + hour / 60 + (topic === "sale" ? 0.3 : 0);
    return `${i},${hour},${topic},${isOpened ? 1 : 0}\n`;
  });
  Deno.writeTextFileSync(join(folder, name), `mail_id,hour,topic,opened\n${lines.join("")}`);
}

function reportOf({ code, stdout, stderr }: Outcome) {
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

function lastLine({ code, stderr }: Outcome): string | undefined {
  assert.equal(code, 0, stderr);
  return stderr.trimEnd().split("\n").at(-1);
}

/** Every file in a folder, with its content. */
function contentsOf(folder: string): Record<string, string> {
  const entries = [...Deno.readDirSync(folder)].map(({ name, isDirectory }): [string, string][] =>
    isDirectory
      ? Object.entries(contentsOf(join(folder, name))).map(([path, text]) => [join(name, path), text])
      : [[name, Deno.readTextFileSync(join(folder, name))]]
  );
  return Object.fromEntries(entries.flat());
}

Deno.test("clickwell train FILE writes what init would, loads the file and trains: the model is that of init and train", () =>
  inFolder(async (cwd) => {
    writeMails(cwd);
    const outcome = await run(["train", "mails.csv", "--label", "opened", "--data", "mine", "--quiet"], {
      cwd,
    });
    assert.equal(
      lastLine(outcome),
      "clickwell serve --data mine answers with this model. Tables: mine/tables.db; models: mine/models; " +
        "settings: mine/clickwell.json",
    );
    assert.equal(existsSync(join(cwd, "models")), false, "a new folder gets the models");
    const trained = reportOf(await run(["train", "--config", "mine/clickwell.json", "--json"], { cwd }));
    assert.equal(trained.version, 1, "nothing has changed");

    reportOf(await run(["init", "mails.csv", "--label", "opened", "--out", "yours", "--json"], { cwd }));
    const yours = reportOf(await run(["train", "--config", "yours/clickwell.json", "--json"], { cwd }));
    assert.equal(yours.model_id, trained.model_id);
    for (const file of ["schema.sql", "features.json", "clickwell.json"]) {
      assert.equal(
        Deno.readTextFileSync(join(cwd, "mine", file)),
        Deno.readTextFileSync(join(cwd, "yours", file)),
      );
    }
    const again = reportOf(
      await run(["train", "mails.csv", "--label", "opened", "--data", "mine", "--json", "--quiet"], { cwd }),
    );
    assert.deepEqual([again.model_id, again.path], [trained.model_id, `mine/models/${trained.model_id}`]);
    assert.deepEqual(again.loaded.mails.unchanged, 400);
    assert.deepEqual([again.label, again.config], ["opened", "mine/clickwell.json"]);
  }));

Deno.test("clickwell train FILE of a large file: columns that leak are searched for during the load; files and model are those of init and train", () =>
  inFolder(async (cwd) => {
    const random = createRandom(8);
    const lines = Array.from({ length: 50_000 }, (_, i) => {
      const isWon = random.uniform() < 0.3;
      const hour = random.below(24) + (isWon && i % 3 === 0 ? 1 : 0);
      return `${i},${hour},${["a", "b"][random.below(2)]},${isWon ? "won" : "open"},${isWon ? 1 : 0},${
        "-".repeat(400)
      }\n`;
    });
    Deno.writeTextFileSync(join(cwd, "deals.csv"), `deal,hour,team,state,won,rest\n${lines.join("")}`);
    const label = ["deals.csv", "--label", "won", "--json"];
    const mine = reportOf(await run(["train", ...label, "--data", "mine"], { cwd }));
    reportOf(await run(["init", ...label, "--out", "yours"], { cwd }));
    const yours = reportOf(await run(["train", "--config", "yours/clickwell.json", "--json"], { cwd }));
    assert.equal(mine.model_id, yours.model_id);
    assert.deepEqual(mine.left_out.map(({ column }: { column: string }) => column).sort(), ["rest", "state"]);
    assert.deepEqual(mine.features.map(({ name }: { name: string }) => name), ["hour", "team"]);
    for (const file of ["schema.sql", "features.json", "clickwell.json"]) {
      assert.equal(
        Deno.readTextFileSync(join(cwd, "mine", file)),
        Deno.readTextFileSync(join(cwd, "yours", file)),
      );
    }
  }));

Deno.test(
  "clickwell train FILE stopped by Ctrl-C before it has found what leaks leaves no part of the files that it writes",
  {
    ignore: Deno.build.os === "windows",
  },
  () =>
    inFolder(async (cwd) => {
      const numbers = Array.from({ length: 20 }, (_, i) => i);
      const random = createRandom(9);
      const lines = Array.from(
        { length: 110_000 },
        (_, i) => `${i},${numbers.map(() => random.uniform().toFixed(6)).join()},${random.below(2)}\n`,
      );
      const header = `id,${numbers.map((i) => `number_${i}`).join()},bought\n`;
      Deno.writeTextFileSync(join(cwd, "visits.csv"), header + lines.join(""));
      await using child = spawn(["train", "visits.csv", "--label", "bought", "--data", "mine"], { cwd });
      // The store is made before the search for leaks, and the files are written after the load.
      const store = join(cwd, "mine/tables.db");
      for (let tries = 0; tries < 20_000 && !existsSync(store); tries++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      child.kill("SIGINT");
      const { code, stderr } = await child.output();
      assert.equal(code, 130, new TextDecoder().decode(stderr));
      const files = ["schema.sql", "features.json", "clickwell.json"];
      assert.deepEqual(files.filter((file) => existsSync(join(cwd, "mine", file))), []);
    }),
);

Deno.test("clickwell train FILE: a first load or training that fails for its file leaves nothing; the corrected file is then loaded", () =>
  inFolder(async (cwd) => {
    writeMails(cwd);
    const path = join(cwd, "mails.csv");
    const whole = Deno.readTextFileSync(path);
    const lines = whole.split("\n");
    lines[300] = lines[300].slice(0, 6);
    Deno.writeTextFileSync(path, lines.join("\n"));
    const words = ["train", "mails.csv", "--label", "opened", "--data", "mine", "--quiet"];
    const failed = await run(words, { cwd });
    assert.equal(failed.code, 1);
    assert.match(
      failed.stderr,
      /row 300: .* Correct the file, or .*--rejects FILE\. Nothing was written to mine\n$/,
    );
    assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name), ["mails.csv"]);

    const kept = reportOf(await run([...words, "--rejects", "bad.ndjson", "--json"], { cwd }));
    assert.deepEqual([kept.loaded.mails.inserted, kept.loaded.mails.rejected], [399, 1]);
    assert.equal(JSON.parse(Deno.readTextFileSync(join(cwd, "bad.ndjson"))).row, 300);
    assert.match(Deno.readTextFileSync(join(cwd, "mine/schema.sql")), /mail_id INTEGER.* PRIMARY KEY/);

    await Deno.remove(join(cwd, "mine"), { recursive: true });
    await run(words, { cwd });
    Deno.writeTextFileSync(path, whole);
    assert.equal(reportOf(await run([...words, "--json"], { cwd })).loaded.mails.inserted, 400);

    Deno.writeTextFileSync(join(cwd, "two.csv"), "visit,age,bought\n1,30,0\n2,31,1\n");
    const outcomes = await Promise.all(
      ["1", "2", "3", "4"].map((seed) =>
        run(["train", "two.csv", "--label", "bought", "--data", `of-${seed}`, "--seed", seed], { cwd })
      ),
    );
    const none = outcomes.findIndex(({ code }) => code === 1);
    assert.match(outcomes[none].stderr, /nothing to learn.*Nothing was written to of-/);
    assert.equal(existsSync(join(cwd, `of-${none + 1}`)), false);
  }));

Deno.test("the config file of train FILE works with predict, sweep and models: its files are for loading alone", () =>
  inFolder(async (cwd) => {
    writeMails(cwd);
    await run(["train", "mails.csv", "--label", "opened", "--data", "mine", "--quiet"], { cwd });
    const config = ["--config", "mine/clickwell.json", "--json"];
    const predicted = reportOf(
      await run(["predict", "mails.csv", "--out", "scores.csv", ...config], { cwd }),
    );
    assert.equal(predicted.answered, 400);
    const tables = ["--table", "mails=mails.csv"];
    const joined = reportOf(await run(["predict", ...tables, "--out", "joined.csv", ...config], { cwd }));
    assert.deepEqual([joined.answered, joined.tables], [400, { mails: 400 }]);
    const neither = await run(["predict", "--out", "none.csv", ...config], { cwd });
    assert.equal(neither.code, 2);
    const swept = reportOf(await run(["sweep", "--C", "0.1,1", "--quiet", ...config], { cwd }));
    assert.match(swept.path, /^mine\/models\//);
    assert.equal(swept.split, "group");
    const { models } = reportOf(await run(["models", "list", ...config], { cwd }));
    assert.deepEqual(models.map(({ version }: { version: number }) => version), [2, 1].slice(-models.length));
  }));

Deno.test("clickwell train FILE holds out by time alone if most groups come again, as its settings say", () =>
  inFolder(async (cwd) => {
    const random = createRandom(7);
    const lines = Array.from({ length: 600 }, (_, i) => {
      const sentAt = new Date(Date.UTC(2024, 2, 1) + 1_000 * random.below(90 * 86_400)).toISOString();
      const hour = random.below(24);
      return `${i},reader-${random.below(40)},${sentAt},${hour},${
        random.uniform() < 0.2 + hour / 60 ? 1 : 0
      }\n`;
    });
    Deno.writeTextFileSync(
      join(cwd, "mails.csv"),
      `mail_id,reader_id,sent_at,hour,opened\n${lines.join("")}`,
    );
    const train = ["train", "mails.csv", "--label", "opened", "--data", "mine", "--json", "--quiet"];
    const trained = reportOf(await run(train, { cwd }));
    assert.equal(trained.split.by, "time");
    assert.equal(trained.rows.train + trained.rows.test, 600);
    const repeated = reportOf(
      await run(["train", "--config", "mine/clickwell.json", "--json", "--quiet"], { cwd }),
    );
    assert.equal(repeated.model_id, trained.model_id);
    const both = reportOf(await run([...train, "--split", "both"], { cwd }));
    assert.equal(both.split.by, "both");
    assert(both.rows.left_out.straddling > 240);
    assert.match(both.notes.join("\n"), /leave the training.*--split time keeps them/);
  }));

Deno.test("clickwell train FILE in ./data: the models are in ./models, where serve looks for them", () =>
  inFolder(async (cwd) => {
    writeMails(cwd);
    const outcome = await run(["train", "mails.csv", "--label", "opened", "--quiet"], { cwd });
    assert.equal(
      lastLine(outcome),
      "clickwell serve answers with this model. Tables: data/tables.db; models: ./models; settings: data/clickwell.json",
    );
    const settings = JSON.parse(Deno.readTextFileSync(join(cwd, "data/clickwell.json")));
    assert.equal(settings.models, "../models");
  }));

Deno.test("clickwell train FILE and init refuse the folder that the demo left, and write nothing to it", () =>
  inFolder(async (cwd) => {
    reportOf(await run(["demo", "--json", "--quiet"], { cwd }));
    writeMails(cwd);
    const before = contentsOf(cwd);
    const words = ["mails.csv", "--label", "opened"];
    const refusals = [
      await run(["train", ...words], { cwd }),
      await run(["init", ...words, "--out", "data"], { cwd }),
    ];
    for (const [i, flag] of ["--data mine", "--out mine"].entries()) {
      assert.equal(refusals[i].code, 2);
      assert.match(
        refusals[i].stderr,
        new RegExp(
          `Cannot use (\\./)?data for mails\\.csv: it holds other tables \\(leads, offers, clicks\\)\\. Choose another folder: ${flag}\\n$`,
        ),
      );
    }
    assert.deepEqual(contentsOf(cwd), before);

    const mine = await run(["train", ...words, "--data", "mine"], { cwd });
    assert.match(lastLine(mine) ?? "", /^clickwell serve --data mine answers with this model\./);
    const after = contentsOf(cwd);
    for (const [path, text] of Object.entries(before)) assert.equal(after[path], text, path);
  }));

Deno.test("clickwell train FILE leaves edited files alone, unless --replace is given", () =>
  inFolder(async (cwd) => {
    writeMails(cwd);
    const words = ["train", "mails.csv", "--label", "opened", "--data", "mine", "--quiet"];
    await run(words, { cwd });
    const path = join(cwd, "mine/features.json");
    const text = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, text.replace('"numeric"', '"categorical"'));
    const refused = await run(words, { cwd });
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /mine\/features\.json is not what train mails\.csv would write\. Train with it: clickwell train --config mine\/clickwell\.json, write over it with --replace/,
    );
    const edited = await run(["train", "--config", "mine/clickwell.json", "--quiet"], { cwd });
    assert.match(edited.stderr, /^model \S+, version 2/m);
    const replaced = await run([...words, "--replace"], { cwd });
    assert.match(replaced.stderr, /^model \S+, version 1/m);
    assert.equal(Deno.readTextFileSync(path), text);
  }));

Deno.test("clickwell train FILE: rows of another file for the same table are for ingest", () =>
  inFolder(async (cwd) => {
    writeMails(cwd);
    const words = ["train", "mails.csv", "--label", "opened", "--data", "mine", "--quiet"];
    await run(words, { cwd });
    const path = join(cwd, "mails.csv");
    Deno.writeTextFileSync(path, Deno.readTextFileSync(path) + "4000,99,sale,1\n");
    const refused = await run([...words, "--replace"], { cwd });
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /it holds mails with other columns, types or comments\. Load more rows with clickwell ingest/,
    );
    const grown = reportOf(await run(["train", "--config", "mine/clickwell.json", "--json"], { cwd }));
    assert.equal(grown.examples, 401);
  }));

Deno.test("clickwell train FILE rejects flags that say what it finds out, and bad input; nothing is written", () =>
  inFolder(async (cwd) => {
    writeMails(cwd);
    const rows: [words: string[], code: number, message: RegExp][] = [
      [
        ["mails.csv", "--schema", "my.sql", "--from", "1"],
        2,
        /makes the tables, the schema and the spec itself: omit --schema, --from/,
      ],
      [["mails.csv", "--table", "mails=mails.csv"], 2, /omit --table/],
      [["-", "--label", "opened"], 2, /cannot look at standard input/],
      [["--label", "opened"], 2, /--label is for files to look at: clickwell train FILE/],
      [["mails.csv", "--label", "hour"], 1, /hour/],
      [["none.csv", "--label", "opened"], 1, /none\.csv/],
    ];
    for (const [words, code, message] of rows) {
      const outcome = await run(["train", ...words, "--data", "mine"], { cwd });
      assert.match(outcome.stderr, message);
      assert.equal(outcome.code, code, outcome.stderr);
    }
    assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name), ["mails.csv"]);
  }));
