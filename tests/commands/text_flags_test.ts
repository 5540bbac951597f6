import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { textFormatOf } from "../../commands/cli/text_flags.ts";
import { parquetOf } from "../support/temp_files.ts";
import { inFolder, run } from "../support/program.ts";

const noFlags = { encoding: undefined, delimiter: undefined, "decimal-comma": false, null: [] };

Deno.test("text flags: values are checked, other names of encodings are known, defaults give no format", () => {
  assert.equal(textFormatOf(noFlags), undefined);
  assert.equal(textFormatOf({ ...noFlags, encoding: "UTF8" }), undefined);
  for (const encoding of ["latin1", "ISO-8859-1", "latin-1", "iso8859_1"]) {
    assert.deepEqual(textFormatOf({ ...noFlags, encoding }), { encoding: "latin1" });
  }
  assert.deepEqual(textFormatOf({ ...noFlags, encoding: "cp1252" }), { encoding: "windows-1252" });
  for (const delimiter of ["\\t", "tab", "\t"]) {
    assert.deepEqual(textFormatOf({ ...noFlags, delimiter }), { delimiter: "\t" });
  }
  assert.deepEqual(
    textFormatOf({ encoding: "utf-16", delimiter: "|", "decimal-comma": true, null: ["NA", "-"] }),
    {
      encoding: "utf-16",
      delimiter: "|",
      decimalComma: true,
      nulls: ["NA", "-"],
    },
  );
  assert.throws(
    () => textFormatOf({ ...noFlags, encoding: "big5" }),
    /--encoding is "big5", expected one of utf-8/,
  );
  for (const delimiter of ['"', ",,", "\n", "x", "€"]) {
    assert.throws(
      () => textFormatOf({ ...noFlags, delimiter }),
      /--delimiter is .*, expected one ASCII character/,
    );
  }
});

const schema = `
  CREATE TABLE loans (
    nr INTEGER NOT NULL PRIMARY KEY,
    rate REAL,
    town TEXT,
    denied INTEGER
  ) STRICT;
  CREATE VIEW examples AS SELECT nr, rate, town, denied FROM loans;
`;
const spec = {
  id: "nr",
  group: "nr",
  label: "denied",
  features: [{ name: "rate", type: "numeric" }, { name: "town", type: "categorical", minCount: 1 }],
};
const rows = Array.from({ length: 120 }, (_, nr) => ({
  nr,
  rate: nr % 10 / 4,
  town: ["Köln", "Łódź", null][nr % 3],
  denied: (nr * 7 + nr % 3) % 5 < 2,
}));
const words = (value: unknown, missing: string) =>
  value === null ? missing : typeof value === "number" ? String(value).replace(".", ",") : String(value);
/** As a spreadsheet of a country with decimal commas writes it. */
const foreign = "nr;rate;town;denied\r\n" +
  rows.map(({ nr, rate, town, denied }) =>
    `${nr};${words(rate, "k. A.")};${words(town, "k. A.")};${denied ? "TRUE" : "FALSE"}\r\n`
  ).join("");
const plain = `nr,rate,town,denied\n${
  rows.map(({ nr, rate, town, denied }) => `${nr},${rate},${town ?? ""},${Number(denied)}\n`).join("")
}`;
const foreignFlags = ["--encoding", "utf-16", "--decimal-comma", "--null", "k. A."];

function utf16(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Uint16Array.from(`\ufeff${text}`, (character) => character.charCodeAt(0)).buffer);
}

Deno.test("text flags: compressed files, UTF-16 and standard input give the same results as plain files", () =>
  inFolder(async (folder) => {
    const file = (name: string, content: string | Uint8Array) => {
      const path = join(folder, name);
      if (typeof content === "string") Deno.writeTextFileSync(path, content);
      else Deno.writeFileSync(path, content);
      return path;
    };
    const schemaFile = file("loans.sql", schema);
    const specFile = file("spec.json", JSON.stringify(spec));
    const packed = new Uint8Array(gzipSync(utf16(foreign)));
    const at = (name: string) => ["--data", join(folder, name), "--models", join(folder, name, "models")];
    const trained = async (name: string, load: string[], input?: Uint8Array<ArrayBuffer>) => {
      const where = at(name);
      const loaded = await run([
        ...[
          "ingest",
          ...where,
          "--schema",
          schemaFile,
          "--table",
          `loans=${load[0]}`,
          ...load.slice(1),
          "--json",
        ],
      ], input ? { input } : {});
      assert.equal(loaded.code, 0, loaded.stderr);
      const { tables, files } = JSON.parse(loaded.stdout);
      assert.deepEqual([tables.loans.read, tables.loans.inserted], [120, 120]);
      const { code, stdout, stderr } = await run(["train", ...where, "--spec", specFile, "--json"]);
      assert.equal(code, 0, stderr);
      return { id: JSON.parse(stdout).model_id, file: files[0].file };
    };
    const first = await trained("plain", [file("plain.csv", plain)]);
    const second = await trained("packed", [file("foreign.csv.gz", packed), ...foreignFlags]);
    const third = await trained("piped", ["-", ...foreignFlags], packed);
    assert.deepEqual([second.id, third.id, third.file], [first.id, first.id, "standard-input"]);
    // In one command, files and standard input again.
    const where = at("trained");
    const header = file("header.csv", "nr,rate,town,denied\n");
    const made = await run(["ingest", ...where, "--schema", schemaFile, "--table", `loans=${header}`]);
    assert.match(made.stderr, /header\.csv: has columns and no rows: nothing to load/);
    const both = await run(
      ["train", ...where, "--spec", specFile, "--table", "loans=-", ...foreignFlags, "--json"],
      { input: packed },
    );
    assert.equal(both.code, 0, both.stderr);
    assert.equal(JSON.parse(both.stdout).model_id, first.id);

    const predicted = async (words: string[], input?: Uint8Array<ArrayBuffer>) => {
      const answer = await run(["predict", ...at("plain"), ...words], input ? { input } : {});
      assert.equal(answer.code, 0, answer.stderr);
      return answer.stdout;
    };
    const out = join(folder, "scores.csv");
    await predicted([join(folder, "plain.csv"), "--out", out]);
    const scores = Deno.readTextFileSync(out);
    assert.equal(scores.split("\n").length, 122);
    assert.equal(await predicted(["-", "--out", "-", ...foreignFlags], packed), scores);
    const lines = await predicted(["-", "--out", "-", "--format", "ndjson", ...foreignFlags], packed);
    assert.deepEqual(
      lines.trim().split("\n").map((line) => JSON.parse(line).probability),
      scores.trim().split("\n").slice(1).map((line) => Number(line.split(",").at(-1))),
    );
    // Nothing of standard input is left.
    assert.deepEqual(
      [...Deno.readDirSync(join(folder, "plain"))].filter(({ name }) => name.startsWith("spill-")),
      [],
    );
  }));

Deno.test("text flags: messages about standard input name it", () =>
  inFolder(async (folder) => {
    const schemaFile = join(folder, "loans.sql");
    Deno.writeTextFileSync(schemaFile, schema);
    const load = ["ingest", "--data", join(folder, "data"), "--schema", schemaFile, "--table", "loans=-"];
    const bad = await run([...load, "--allow-missing"], { input: "nr;rate\n1;0,5\n" });
    assert.equal(bad.code, 1);
    assert.match(
      bad.stderr,
      /Cannot load standard input: row 1, column "rate": "0,5" is not a finite number\. If its comma is a decimal comma, use --decimal-comma\. Correct/,
    );
    const twice = await run([...load, "loans=-"], { input: "nr\n1\n" });
    assert.equal(twice.code, 2);
    assert.match(twice.stderr, /Standard input \(-\) is named twice/);
    const both = await run(["predict", "-", "--out", "-", "--json"], { input: "" });
    assert.equal(both.code, 2);
    assert.match(both.stdout, /--json prints its object to standard output, expected --out FILE/);
  }));

Deno.test("predict: a field that was a time in training is read as ingest reads it, from every format", () =>
  inFolder(async (folder) => {
    const file = (name: string, content: string | Uint8Array) => {
      const path = join(folder, name);
      if (typeof content === "string") Deno.writeTextFileSync(path, content);
      else Deno.writeFileSync(path, content);
      return path;
    };
    const where = ["--data", join(folder, "data"), "--models", join(folder, "models")];
    const times = Array.from({ length: 60 }, (_, i) => new Date(Date.UTC(2024, 0, 1 + i)));
    const iso = (time: Date) => time.toISOString();
    const labels = times.map((_, i) => Number(i * i % 7 < 3));
    const csv = `id,seen_at,y\n${times.map((time, i) => `${i},${iso(time)},${labels[i]}\n`).join("")}`;
    const schemaFile = file(
      "seen.sql",
      `CREATE TABLE seen (id INTEGER NOT NULL PRIMARY KEY, seen_at INTEGER, y INTEGER) STRICT;
       CREATE VIEW examples AS SELECT * FROM seen;`,
    );
    const specFile = file(
      "seen.json",
      JSON.stringify({ id: "id", group: "id", label: "y", features: [{ name: "seen_at", type: "numeric" }] }),
    );
    const train = ["train", ...where, "--spec", specFile, "--table", `seen=${file("seen.csv", csv)}`];
    const loaded = await run(["ingest", ...where, "--schema", schemaFile, ...train.slice(-2)]);
    assert.equal(loaded.code, 0, loaded.stderr);
    const trained = await run(["train", ...where, "--spec", specFile]);
    assert.equal(trained.code, 0, trained.stderr);
    const predict = (path: string) => run(["predict", path, "--out", "-", ...where]);
    const ways: Record<string, string | Uint8Array> = {
      "iso.csv": csv,
      "micros.csv": `id,seen_at\n${times.map((time, i) => `${i},${time.getTime() * 1000}\n`).join("")}`,
      "dates.csv": `id,seen_at\n${
        times.map((time, i) => `${i},${iso(time).slice(0, 10).replaceAll("-", "")}\n`).join("")
      }`,
      "iso.ndjson": times.map((time, id) => `${JSON.stringify({ id, seen_at: iso(time) })}\n`).join(""),
      "micros.ndjson": times.map((time, id) => `${JSON.stringify({ id, seen_at: time.getTime() * 1000 })}\n`)
        .join(""),
      "timestamps.parquet": parquetOf(times.map((seen_at, id) => ({ id: BigInt(id), seen_at }))),
    };
    const answers = new Set<string>();
    for (const [name, content] of Object.entries(ways)) {
      const { code, stdout, stderr } = await predict(file(name, content));
      assert.equal(code, 0, `${name}: ${stderr}`);
      answers.add(stdout);
    }
    assert.equal(answers.size, 1);
    const wrong = [
      "id,seen_at\n1,1706696100\n",
      '{"id":1,"seen_at":1706696100}\n',
      '{"id":1,"seen_at":"1706696100"}\n',
    ];
    for (const content of wrong) {
      const { code, stderr } = await predict(file("wrong", content));
      assert.equal(code, 1);
      assert.match(stderr, /row 1: column "seen_at": 1706696100 is not a plausible time/);
    }
  }));
