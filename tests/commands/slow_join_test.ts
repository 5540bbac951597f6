import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, run } from "../support/program.ts";

const schema = `
  CREATE TABLE readers (reader TEXT NOT NULL PRIMARY KEY, age INTEGER) STRICT;
  CREATE TABLE mails (id INTEGER NOT NULL PRIMARY KEY, reader TEXT NOT NULL REFERENCES readers, hour INTEGER, opened INTEGER) STRICT;
  CREATE VIEW examples AS
    SELECT mails.id, mails.reader, mails.hour, readers.age, mails.opened FROM mails JOIN readers ON readers.reader = mails.reader WHERE mails.hour >= 0;
`;
const numeric = ["hour", "age"].map((name) => ({ name, type: "numeric" }));
const spec = { id: "id", group: "reader", label: "opened", features: numeric };

Deno.test("train, sweep and evaluate say why SQLite joins a view of many rows; with --quiet they do not", () =>
  inFolder(async (folder) => {
    const path = (name: string, text: string) => {
      Deno.writeTextFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const rows = Array.from({ length: 100_000 }, (_, i) => `${i},r${i % 500},${i % 24},${(i * 7) % 3 >> 1}`);
    const readers = Array.from({ length: 500 }, (_, i) => `r${i},${20 + i % 50}`);
    const data = ["--data", join(folder, "data"), "--models", join(folder, "models")];
    const tables = [
      ...["--table", `readers=${path("readers.csv", `reader,age\n${readers.join("\n")}\n`)}`],
      ...["--table", `mails=${path("mails.csv", `id,reader,hour,opened\n${rows.join("\n")}\n`)}`],
    ];
    const loaded = await run(["ingest", ...data.slice(0, 2), "--schema", path("my.sql", schema), ...tables]);
    assert.equal(loaded.code, 0, loaded.stderr);
    const fit = [...data, "--spec", path("spec.json", JSON.stringify(spec))];
    const commands = [
      ["train", ...fit],
      ["evaluate", ...data],
      ["sweep", ...fit, "--C", "1", "--folds", "2"],
    ];
    for (const words of commands) {
      const { code, stderr } = await run(words);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /note: the view is joined by SQLite, which is slow: it is not SELECT/, words[0]);
    }
    const { code, stderr } = await run(["train", ...fit, "--quiet"]);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /joined by SQLite/);
  }));
