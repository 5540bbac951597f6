import assert from "node:assert/strict";
import { join } from "node:path";
import { createRandom } from "../../pipeline/math/random.ts";
import { inFolder, run } from "../support/program.ts";

/** Writes mails as CSV, compressed: only the first rows of such a file are looked at. @param last The last rows. */
async function writeMails(
  folder: string,
  last: readonly string[],
  { name = "mails.csv.gz", firstId = 0 } = {},
): Promise<void> {
  const random = createRandom(5);
  const lines = Array.from({ length: 160_000 }, (_, i) => {
    const hour = random.below(24);
    return `${firstId + i},${hour},${(random.below(50) / 2).toFixed(2)},${
      random.uniform() < 0.2 + hour / 60 ? 1 : 0
    }\n`;
  });
  const text = `mail_id,hour,price,opened\n${lines.join("")}${last.map((line) => `${line}\n`).join("")}`;
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  await Deno.writeFile(join(folder, name), packed);
}

const train = ["train", "mails.csv.gz", "--label", "opened", "--data", "mine", "--json", "--quiet"];

Deno.test("train FILE: a row that was not looked at widens the types of columns, in the files, the store and the features", () =>
  inFolder(async (cwd) => {
    await writeMails(cwd, ["160000,7.5,2,1", "160001,8,free,0"]);
    const outcome = await run(train, { cwd });
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.match(outcome.stderr, /mails\.hour is REAL, since a row that was not looked at has another value/);
    const report = JSON.parse(outcome.stdout);
    assert.deepEqual([report.loaded.mails.inserted, report.examples], [160_002, 160_002]);
    const types = report.features.map(({ name, type }: { name: string; type: string }) => [name, type]);
    assert.deepEqual(types, [["hour", "numeric"], ["price", "categorical"]]);
    const schema = Deno.readTextFileSync(join(cwd, "mine/schema.sql"));
    assert.match(schema, /hour +REAL, +--/);
    assert.match(schema, /price +TEXT, +--/);
    const again = await run(train, { cwd });
    assert.equal(again.code, 0, again.stderr);
    assert.equal(JSON.parse(again.stdout).model_id, report.model_id);
    assert.equal(JSON.parse(again.stdout).loaded.mails.unchanged, 160_002);
    const byConfig = await run(["train", "--config", "mine/clickwell.json", "--json", "--quiet"], { cwd });
    assert.equal(JSON.parse(byConfig.stdout).model_id, report.model_id, byConfig.stderr);
  }));

Deno.test("train FILE: texts that mean no value, in rows that were not looked at, widen no type", () =>
  inFolder(async (cwd) => {
    await writeMails(cwd, ["160000,n/a,2,1", "160001,8,-,0", "160002,n/a,free,0"]);
    const outcome = await run(train, { cwd });
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.match(
      outcome.stderr,
      /^"n\/a" means no value, in a row that was not looked at\nmails\.price is TEXT/m,
    );
    const report = JSON.parse(outcome.stdout);
    const types = report.features.map(({ name, type }: { name: string; type: string }) => [name, type]);
    assert.deepEqual(types, [["hour", "numeric"], ["price", "categorical"]]);
    assert.deepEqual(JSON.parse(Deno.readTextFileSync(join(cwd, "mine/clickwell.json"))).null, ["n/a"]);
    const again = await run(train, { cwd });
    assert.equal(again.code, 0, again.stderr);
    assert.equal(JSON.parse(again.stdout).model_id, report.model_id);
  }));

Deno.test("train --config of init's files: the same, in the files that init wrote and someone edited", () =>
  inFolder(async (cwd) => {
    await writeMails(cwd, ["160000,7.5,2,1", "160001,8,free,0"]);
    const init = await run(["init", "mails.csv.gz", "--label", "opened", "--out", "mine"], { cwd });
    assert.equal(init.code, 0, init.stderr);
    const [schemaPath, specPath] = ["mine/schema.sql", "mine/features.json"].map((path) => join(cwd, path));
    Deno.writeTextFileSync(schemaPath, `${Deno.readTextFileSync(schemaPath)}-- A remark.\n`);
    const words = ["train", "--config", "mine/clickwell.json", "--json", "--quiet"];
    const outcome = await run(words, { cwd });
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.match(
      outcome.stderr,
      /mails\.price is TEXT, since .*\nchanged .*schema\.sql and .*features\.json\n/,
    );
    assert.equal(JSON.parse(outcome.stdout).loaded.mails.inserted, 160_002);
    assert.match(Deno.readTextFileSync(schemaPath), /hour REAL, .*\n.*price TEXT, [\s\S]*-- A remark\.\n$/);
    const { features } = JSON.parse(Deno.readTextFileSync(specPath));
    assert.deepEqual(features.map(({ type }: { type: string }) => type), ["numeric", "categorical"]);
    const again = await run(words, { cwd });
    assert.equal(JSON.parse(again.stdout).model_id, JSON.parse(outcome.stdout).model_id, again.stderr);
  }));

Deno.test("train FILE: a label is not widened: the failure names the row and the value", () =>
  inFolder(async (cwd) => {
    await writeMails(cwd, ["160000,7,2,perhaps"]);
    const { code, stderr } = await run(train, { cwd });
    assert.equal(code, 1);
    assert.match(stderr, /row 160,001, column "opened": "perhaps" is not a 64-bit integer/);
    assert.throws(() => Deno.statSync(join(cwd, "mine/tables.db")), Deno.errors.NotFound);
  }));

Deno.test("train FILE: a file that was loaded before its table is widened is read again, as its values are spelled", () =>
  inFolder(async (cwd) => {
    await writeMails(cwd, [], { name: "mails-1.csv.gz" });
    await writeMails(cwd, ["400000,8,free,0"], { name: "mails-2.csv.gz", firstId: 200_000 });
    const files = ["mails-1.csv.gz", "mails-2.csv.gz"];
    const outcome = await run(["train", ...files, ...train.slice(2)], { cwd });
    assert.equal(outcome.code, 0, outcome.stderr);
    const [table] = Object.values<{ read: number; inserted: number }>(JSON.parse(outcome.stdout).loaded);
    assert.deepEqual([table.read, table.inserted], [320_001, 320_001]);
  }));
