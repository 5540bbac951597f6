import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, run, spawn } from "../support/program.ts";

const schema = `
  CREATE TABLE people (name TEXT NOT NULL PRIMARY KEY, age INTEGER) STRICT, WITHOUT ROWID;
  CREATE TABLE calls (
    id     INTEGER NOT NULL PRIMARY KEY,
    name   TEXT NOT NULL,
    cost   REAL CHECK (cost >= 0),
    bought INTEGER
  ) STRICT;
  CREATE VIEW examples AS
  SELECT calls.id, calls.name, people.age, calls.cost, calls.bought
  FROM calls
  JOIN people ON people.name = calls.name;
`;

const spec = {
  id: "id",
  group: "name",
  label: "bought",
  features: [{ name: "age", type: "numeric" }, { name: "cost", type: "numeric" }],
};

interface Shop {
  write(name: string, text: string): string;
  predict(words: readonly string[]): ReturnType<typeof run>;
  /** Predicts, and returns the rows of the output. */
  rowsOf(words: readonly string[]): Promise<string[][]>;
  readonly folder: string;
}

const ages = Array.from({ length: 60 }, (_, i) => `p${i},${20 + i % 50}\n`).join("");
const label = (i: number) => i % 10 === 0 ? "" : Number((i * 7) % 11 < 4);
const callLines = Array.from({ length: 600 }, (_, i) => `${i + 1},p${i % 60},${(i % 17) / 2},${label(i)}\n`);

/** Returns the lines of all calls; without a label, they are 0 in a table that requires one. */
function callsOf(tables: string): string {
  return tables === schema
    ? callLines.join("")
    : callLines.map((line) => line.replace(/,\n$/, ",0\n")).join("");
}

/** Trains on 540 of 600 calls; the others have no label. */
function withShop(test: (shop: Shop) => Promise<void>, tables = schema): Promise<void> {
  return inFolder(async (folder) => {
    const write = (name: string, text: string) => {
      Deno.writeTextFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const data = ["--data", join(folder, "data"), "--models", join(folder, "models")];
    const files = [
      ...["--table", `people=${write("people.csv", `name,age\n${ages}`)}`],
      ...["--table", `calls=${write("calls.csv", `id,name,cost,bought\n${callsOf(tables)}`)}`],
    ];
    const loaded = await run(["ingest", ...data, "--schema", write("shop.sql", tables), ...files]);
    assert.equal(loaded.code, 0, loaded.stderr);
    const trained = await run(["train", ...data, "--spec", write("shop.json", JSON.stringify(spec))]);
    assert.equal(trained.code, 0, trained.stderr);
    const predict = (words: readonly string[]) => run(["predict", ...data, ...words]);
    await test({
      folder,
      write,
      predict,
      async rowsOf(words) {
        const { code, stdout, stderr } = await predict([...words, "--out", "-"]);
        assert.equal(code, 0, stderr);
        return stdout.trim().split("\n").map((line) => line.split(","));
      },
    });
  });
}

Deno.test("predict --unlabelled: the rows without a label, as their fields in a file are predicted", () =>
  withShop(async ({ rowsOf, write }) => {
    const found = await rowsOf(["--unlabelled"]);
    assert.deepEqual(found[0], ["id", "name", "probability"]);
    const open = callLines.flatMap((_, i) => label(i) === "" ? [i] : []);
    assert.deepEqual(
      found.slice(1).map(([id, name]) => [id, name]),
      open.map((i) => [`${i + 1}`, `p${i % 60}`]),
    );
    const flat = open.map((i) => `${i + 1},p${i % 60},${20 + (i % 60) % 50},${(i % 17) / 2}\n`).join("");
    const expected = await rowsOf([write("flat.csv", `id,name,age,cost\n${flat}`)]);
    assert.deepEqual(found, expected);
  }));

Deno.test("predict --table: new rows are joined, also to the store's, get what the same rows in the store get, and are not stored", () =>
  withShop(async ({ rowsOf, write, folder }) => {
    const before = Deno.readFileSync(join(folder, "data", "tables.db"));
    const stored = await rowsOf(["--unlabelled"]);
    // Out of order, and one call of a person that is new.
    const lines = callLines.filter((_, i) => label(i) === "").map((line) => line.replace(/,[^,]*$/, ""))
      .reverse();
    const calls = write("new.csv", `id,name,cost\n${lines.join("\n")}\n9001,zoe,2.5\n9002,nobody,1\n`);
    const people = write("zoe.csv", `name,age\n${ages}zoe,33\n`);
    const both = await rowsOf(["--table", `people=${people}`, "--table", `calls=${calls}`]);
    assert.deepEqual(both.slice(0, -1), stored);
    assert.deepEqual(both.at(-1)?.slice(0, 2), ["9001", "zoe"]);
    // The people of the store, and a cost that the table would not hold.
    const other = write("other.csv", "id,name,cost\n5,p3,-4\n");
    const kept = await rowsOf(["--table", `calls=${other}`, "--keep", "age"]);
    assert.deepEqual(kept.map((cells) => cells.slice(0, -1)), [["id", "name", "age"], ["5", "p3", "23"]]);
    assert.deepEqual(Deno.readFileSync(join(folder, "data", "tables.db")), before);
    assert.deepEqual([...Deno.readDirSync(join(folder, "data"))].map(({ name }) => name).sort(), [
      "clickwell.db",
      "tables.db",
    ]);
  }));

Deno.test("predict --table: the label's column may be absent although the table requires it", () =>
  withShop(
    async ({ rowsOf, write }) => {
      const [, row] = await rowsOf(["--table", `calls=${write("new.csv", "id,name,cost\n5,p3,4\n")}`]);
      assert.equal(row[0], "5");
    },
    schema.replace("bought INTEGER", "bought INTEGER NOT NULL"),
  ));

Deno.test("predict --table --schema: tables and a view without a store", () =>
  withShop(async ({ rowsOf, write, predict, folder }) => {
    const calls = write("new.csv", "id,name,cost\n1,p3,4\n");
    const known = await rowsOf(["--table", `calls=${calls}`]);
    const { stdout } = await predict(["--unlabelled", "--out", join(folder, "o.csv"), "--json"]);
    const model = JSON.parse(stdout).model_id;
    const words = ["--model", model, "--schema", join(folder, "shop.sql"), "--data", join(folder, "nowhere")];
    const people = ["--table", `people=${write("p.csv", "name,age\np3,23\n")}`];
    assert.deepEqual(await rowsOf([...words, ...people, "--table", `calls=${calls}`]), known);
    const alone = await predict([
      ...words,
      "--table",
      `calls=${calls}`,
      "--out",
      join(folder, "a.csv"),
      "--json",
    ]);
    assert.deepEqual(JSON.parse(alone.stdout).tables, { calls: 1 });
    assert.match(alone.stderr, /rows of the files: calls 1; examples that the view makes of them: 0/);
  }));

Deno.test("predict --config --table: the config file's schema is that of the store, which is read", () =>
  withShop(async ({ write, folder, predict }) => {
    const calls = ["--table", `calls=${write("new.csv", "id,name,cost\n1,p3,4\n")}`];
    const config = write("clickwell.json", JSON.stringify({ schema: join(folder, "shop.sql") }));
    const out = join(folder, "out.csv");
    const { code, stderr } = await predict(["--config", config, ...calls, "--out", out]);
    assert.equal(code, 0, stderr);
    assert.match(Deno.readTextFileSync(out), /^id,name,probability\n1,p3,0\.\d+\n$/);
  }));

const refused: readonly [name: string, words: (shop: Shop) => string[], message: RegExp][] = [
  ["nothing to predict", () => [], /needs one of FILE, files of tables .* and --unlabelled/],
  ["two things to predict", ({ write }) => [write("a.csv", "id\n"), "--unlabelled"], /needs one of FILE/],
  [
    "a schema without tables",
    ({ folder }) => ["--unlabelled", "--schema", join(folder, "shop.sql")],
    /--schema is the schema of/,
  ],
  [
    "a table that is not there",
    ({ write }) => ["--table", `call=${write("a.csv", "id\n1\n")}`],
    /no table "call"\. Did you mean calls\?/,
  ],
  [
    "a column that is missing",
    ({ write }) => ["--table", `calls=${write("a.csv", "id,name,costs\n1,p1,2\n")}`],
    /Cannot predict .*a\.csv: it has no column "cost".* use it with --column calls\.cost=costs/,
  ],
  [
    "a value that is no number",
    ({ write }) => ["--table", `calls=${write("a.csv", "id,name,cost\n1,p1,cheap\n")}`],
    /Cannot predict .*a\.csv: row 1, column "cost": "cheap" is not a finite number\. Correct the file\.\n/,
  ],
  [
    "a key with two rows",
    ({ write }) => ["--table", `calls=${write("a.csv", "id,name,cost\n1,p1,2\n1,p1,3\n")}`],
    /Cannot predict .*a\.csv: row 2 has id 1, which exists in calls with other values/,
  ],
];

Deno.test("predict of tables: what is refused says what to do, and nothing is written", () =>
  withShop(async (shop) => {
    for (const [name, words, message] of refused) {
      const out = join(shop.folder, "out.csv");
      const { code, stderr } = await shop.predict([...words(shop), "--out", out]);
      assert.notEqual(code, 0, name);
      assert.match(stderr, message, name);
      assert.throws(() => Deno.statSync(out), Deno.errors.NotFound, name);
    }
  }));

Deno.test("predict of tables: Ctrl-C leaves no file behind", () =>
  withShop(async ({ folder, write }) => {
    const many = Array.from({ length: 1_000_000 }, (_, i) => `${i + 1},p${i % 60},${i % 17}\n`).join("");
    const temporary = join(folder, "temporary");
    Deno.mkdirSync(temporary);
    const child = spawn([
      ...["predict", "--data", join(folder, "data"), "--models", join(folder, "models")],
      ...["--table", `calls=${write("many.csv", `id,name,cost\n${many}`)}`, "--out", join(folder, "out.csv")],
    ], { env: { TMPDIR: temporary, SQLITE_TMPDIR: temporary } });
    setTimeout(() => child.kill("SIGINT"), 1_200);
    const { code } = await child.output();
    assert.equal(code, 130);
    assert.deepEqual([...Deno.readDirSync(temporary)], []);
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.includes("out"));
    assert.deepEqual(left, []);
  }));
