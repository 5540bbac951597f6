import assert from "node:assert/strict";
import { join } from "node:path";
import { existsSync } from "node:fs";
import { inFolder, run } from "../support/program.ts";

const lines = Array.from(
  { length: 300 },
  (_, i) => `${i},${["red", "green", "blue"][i % 3]},${(i * 7) % 50},${(i * 13) % 19 < 6 ? 1 : 0}`,
);
const csv = ["visit_id,colour,seconds,clicked", ...lines].join("\n");

Deno.test("clickwell init writes schema, spec and settings, and says what it took for what", () =>
  inFolder(async (cwd) => {
    await Deno.writeTextFile(join(cwd, "visits.csv"), csv);
    const { code, stderr, stdout } = await run(["init", "visits.csv", "--out", "mine", "--json"], { cwd });
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      schema: join("mine", "schema.sql"),
      spec: join("mine", "features.json"),
      config: join("mine", "clickwell.json"),
      label: "clicked",
      tables: { visits: "visits.csv" },
      features: [
        { name: "colour", type: "categorical", minCount: 2 },
        { name: "seconds", type: "numeric" },
      ],
      left_out: [],
    });
    assert.match(
      stderr,
      /^visits\.csv: CSV; 300 rows, 4 columns\n {2}key +visit_id, an integer that no two rows share\n/,
    );
    assert.match(stderr, /\n {2}label +clicked: 3\d\.\d % of the rows\n/);
    assert.match(stderr, /next: clickwell train --config mine\/clickwell\.json\n$/);
    const settings = JSON.parse(await Deno.readTextFile(join(cwd, "mine", "clickwell.json")));
    assert.deepEqual(settings.table, [`visits=${join("..", "visits.csv")}`]);
  }));

Deno.test("clickwell init leaves files alone that exist, unless --replace is given", () =>
  inFolder(async (cwd) => {
    await Deno.writeTextFile(join(cwd, "visits.csv"), csv);
    await Deno.mkdir(join(cwd, "visits"));
    await Deno.writeTextFile(join(cwd, "visits", "features.json"), "mine");
    const refused = await run(["init", "visits.csv"], { cwd });
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /visits\/features\.json exists\. Write over it with --replace, or to another folder with --out/,
    );
    assert.equal(await Deno.readTextFile(join(cwd, "visits", "features.json")), "mine");
    assert.equal(existsSync(join(cwd, "visits", "schema.sql")), false);
    const replaced = await run(["init", "visits.csv", "--replace"], { cwd });
    assert.equal(replaced.code, 0, replaced.stderr);
    assert.match(await Deno.readTextFile(join(cwd, "visits", "features.json")), /"colour"/);
  }));

Deno.test("clickwell init --dry-run prints the files, and neither it nor a failure writes anything", () =>
  inFolder(async (cwd) => {
    await Deno.writeTextFile(join(cwd, "visits.csv"), csv);
    const { code, stdout } = await run(["init", "visits.csv", "--dry-run"], { cwd });
    assert.equal(code, 0);
    assert.match(stdout, /^visits\/schema\.sql\n-- [^]*CREATE VIEW examples[^]*\nvisits\/clickwell\.json\n/);
    const refused = await run(["init", "visits.csv", "--label", "seconds", "--json"], { cwd });
    assert.equal(refused.code, 1);
    assert.equal(JSON.parse(refused.stdout).error.kind, "examples-invalid");
    assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name), ["visits.csv"]);
  }));
