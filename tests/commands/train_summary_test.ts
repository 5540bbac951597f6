import assert from "node:assert/strict";
import { join } from "node:path";
import { filesOfPages } from "../end_to_end/recipes/recipe_files.ts";
import { inFolder, run } from "../support/program.ts";
import { type MadeTable, planted, plants } from "../support/made_tables.ts";

/** Writes a table as CSV. */
async function writeTable(path: string, { columns, labels }: MadeTable): Promise<void> {
  const lines = labels.map((label, i) =>
    [...Object.values(columns).map((cells) => cells[i] ?? ""), label].join(",")
  );
  await Deno.writeTextFile(path, `${[...Object.keys(columns), "clicked"].join(",")}\n${lines.join("\n")}\n`);
}

const schema = `
  CREATE TABLE customers (
    n INTEGER PRIMARY KEY, tenure REAL, charges REAL, total REAL, contract TEXT, planted TEXT, clicked INTEGER
  ) STRICT;
  CREATE VIEW examples AS SELECT * FROM customers;
`;
const features = [
  { name: "tenure", type: "numeric" },
  { name: "contract", type: "categorical" },
  { name: "planted", type: "categorical" },
];

/** Trains on customers with a copy of their label, in which a sixth of the rows is wrong. */
function withTraining(
  test: (train: (...words: string[]) => ReturnType<typeof run>, folder: string) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    const plant = plants.find(({ name }) => name.endsWith("a sixth of the rows flipped, as text"));
    assert.ok(plant);
    await writeTable(join(folder, "customers.csv"), planted(plant, 4));
    await Deno.writeTextFile(join(folder, "schema.sql"), schema);
    const spec = { id: "n", label: "clicked", group: "n", features };
    await Deno.writeTextFile(join(folder, "features.json"), JSON.stringify(spec));
    const words = [
      "train",
      "--schema",
      "schema.sql",
      "--spec",
      "features.json",
      "--table",
      "customers=customers.csv",
    ];
    await test((...more) => run([...words, "--quiet", ...more], { cwd: folder }), folder);
  });
}

Deno.test("clickwell train warns of a leak, says what to do, and has it in --json and in the artifact", () =>
  withTraining(async (train) => {
    const { code, stderr, stdout } = await train("--json");
    assert.equal(code, 0, stderr);
    const { warnings, notes, effects } = JSON.parse(stdout);
    assert.equal(warnings.length, 1, JSON.stringify(warnings));
    const [{ kind, columns, text }] = warnings;
    assert.deepEqual([kind, columns], ["label-copy", ["planted"]]);
    assert.ok(notes.includes(text));
    assert.equal(effects[0].feature, "planted");
    assert.ok(effects[0].effect > effects[1].effect && effects[1].effect > 0, JSON.stringify(effects));
    assert.match(stderr, /^ {2}warning: planted alone tells the outcome, .* take it out of the features\.$/m);
    assert.match(stderr, /^ {2}next: decide about the columns warned of, then train again/m);
    assert.match(stderr, /^ {2}what matters most: planted \d\.\d\d, /m);
  }));

Deno.test("clickwell train advises --split time if groups that last were left out, and the probabilities are off", () =>
  inFolder(async (folder) => {
    const { "months.csv": months } = filesOfPages["docs/recipes/churn.md"]();
    await Deno.writeTextFile(join(folder, "months.csv"), months);
    const { code, stderr } = await run(["train", "months.csv", "--label", "churned", "--data", "mine"], {
      cwd: folder,
    });
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      / % (better|worse) than the rate of churned = 1 alone .*: of a row with churned = 1 and another/,
    );
    assert.match(stderr, /mean probability 0\.\d{4}, rate of churned = 1: 0\.\d{4};/);
    assert.doesNotMatch(stderr, /click rate|clicked/);
    assert.match(
      stderr,
      /next: try --split time, since .*: 1,130 earlier rows left the training because their group is held out/,
    );
  }));
