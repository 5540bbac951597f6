import assert from "node:assert/strict";
import { leaksOf } from "../../../support/leak_input.ts";
import { createRandom, type Random } from "../../../../pipeline/math/random.ts";
import { cleanShapes } from "../../../support/clean_shapes.ts";
import {
  cleanTables,
  largeTable,
  type MadeTable,
  normal,
  planted,
  plants,
} from "../../../support/made_tables.ts";

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

Deno.test("leaks: clean tables whose outcome is easily told, or that are small or panels, lose no column and hardly give a warning", () => {
  for (let seed = 1; seed <= 4; seed++) {
    const found = cleanShapes(seed).flatMap((table) =>
      leaksOf(table).map(({ text, isWeak = false }) => ({ text: `${table.name}: ${text}`, isWeak }))
    );
    assert.ok(found.length <= 1, `seed ${seed}:\n${found.map(({ text }) => text).join("\n")}`);
    assert.ok(found.every(({ isWeak }) => isWeak), `seed ${seed}: ${found[0]?.text}`);
  }
});

/** Shapes in which other columns, too, tell the outcome nearly as well as a leak, or whose rows are too few. */
const told = ["ordered scores", "ratings", "measures", "flowers", "program", "states"];

type Leak = readonly [
  name: string,
  kinds: readonly string[],
  cellOf: (label: number, random: Random) => number | string | null,
  unseen: readonly string[],
];

const variants: readonly Leak[] = [
  ["the label copied as text", ["label-copy"], (label) => label === 1 ? "yes" : "no", []],
  ["the label copied as a number", ["label-copy"], (label) => 5 * label, []],
  [
    "the label with a tenth of the rows flipped",
    ["label-copy"],
    (label, random) => random.uniform() < 0.1 ? 1 - label : label,
    told,
  ],
  [
    "the label with noise",
    ["label-copy"],
    (label, random) => 3 * label + normal(random),
    told,
  ],
  [
    "a number that is there only where clicked",
    ["missing-by-label", "label-copy"],
    (label, random) => label === 1 ? normal(random) : null,
    ["flowers"],
  ],
  [
    "NULL only where not clicked, in half of the rows",
    ["missing-by-label"],
    (label, random) => label === 0 && random.uniform() < 0.5 ? null : normal(random),
    [...told, "treatments"],
  ],
  [
    "a count that includes the row itself",
    ["value-by-label"],
    (label, random) => label + random.below(3),
    [...told, "treatments", "panel", "sorted rows", "rare"],
  ],
];

for (const [name, kinds, cellOf, unseen] of variants) {
  Deno.test(`leaks: ${name}, in panels, small tables, of rare labels and of many columns`, () => {
    for (const table of cleanShapes(11).filter((shape) => !unseen.includes(shape.name))) {
      const random = createRandom(7);
      const cells = table.labels.map((label) => cellOf(label, random));
      const withLeak: MadeTable = { ...table, columns: { ...table.columns, planted: cells } };
      const found = leaksOf(withLeak).map(({ kind, columns }) => ({ kind, columns: columns.join() }));
      const wanted = found.filter(({ kind, columns }) => columns === "planted" && kinds.includes(kind));
      assert.equal(wanted.length, 1, `${table.name}: ${JSON.stringify(found)}`);
      assert.equal(found.length, 1, `${table.name}: ${JSON.stringify(found)}`);
    }
  });
}
