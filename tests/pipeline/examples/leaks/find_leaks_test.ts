import assert from "node:assert/strict";
import { leaksOf } from "../../../support/leak_input.ts";
import { cleanTables, largeTable, planted, plants } from "../../../support/made_tables.ts";

for (const plant of plants) {
  Deno.test(`leaks: ${plant.name}`, () => {
    for (const seed of [1, 2, 3]) {
      const found = leaksOf(planted(plant, seed));
      const seen = found.map(({ kind, columns }) => `${kind}: ${columns.join(", ")}`);
      const wanted = found.find(({ kind }) => kind === plant.kind);
      assert.ok(wanted, `seed ${seed}: found ${seen.join("; ") || "nothing"}`);
      assert.deepEqual([...wanted.columns].sort(), [...plant.columns ?? ["planted"]].sort(), `seed ${seed}`);
      assert.equal(found.length, 1, `seed ${seed}: ${seen.join("; ")}`);
    }
  });
}

const sampled = [
  "the label with a tenth of the rows flipped",
  "a time after the click",
  "a smoothed rate by group over the whole table",
  "a rate by a level over the whole table",
  "a rate by a level of very many over the whole table",
  "a rate by a number that is a key",
  "a running count that includes the row itself",
  "ids in the order of the rows, with gaps of any size",
  "the group as a feature under another name",
  "a join that multiplies rows, with a column of the joined table",
  "a join that multiplies rows, whose columns are not read",
];

for (const plant of plants.filter(({ name }) => sampled.includes(name))) {
  Deno.test(`leaks: ${plant.name}, in more rows than are looked at`, () => {
    const found = leaksOf(planted(plant, 4, 8));
    assert.deepEqual(found.map(({ kind, columns }) => [kind, columns]), [[
      plant.kind,
      plant.columns ?? ["planted"],
    ]]);
  });
}

Deno.test("leaks: clean tables of more rows than are looked at give no warning", () => {
  for (const table of Array(10).keys()) {
    const found = leaksOf(largeTable(table, 5, 8)).map(({ text }) => text);
    assert.deepEqual(found, []);
  }
});

Deno.test("leaks: the documentation has every kind", async () => {
  const source = await Deno.readTextFile(
    new URL("../../../../pipeline/examples/leaks/leak_warning.ts", import.meta.url),
  );
  const page = await Deno.readTextFile(new URL("../../../../docs/leaks.md", import.meta.url));
  const kinds = [...source.matchAll(/^ {2}\| "([\w-]+)"/gm)].map(([, kind]) => kind);
  const documented = [...page.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, kind]) => kind).filter((kind) =>
    kind !== "kind"
  );
  assert.deepEqual(documented, [...new Set(documented)]);
  assert.deepEqual([...documented].sort(), [...kinds].sort());
});

Deno.test("leaks: ten clean tables give at most one warning, ten times", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const found = cleanTables(seed).flatMap((table) =>
      leaksOf(table).map(({ text }) => `${table.name}: ${text}`)
    );
    assert.ok(found.length <= 1, `seed ${seed}:\n${found.join("\n")}`);
  }
});
