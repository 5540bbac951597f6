import assert from "node:assert/strict";
import { leaksOf } from "../../../support/leak_input.ts";
import { cleanTables, planted, plants } from "../../../support/made_tables.ts";

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

Deno.test("leaks: ten clean tables give at most one warning, ten times", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const found = cleanTables(seed).flatMap((table) =>
      leaksOf(table).map(({ text }) => `${table.name}: ${text}`)
    );
    assert.ok(found.length <= 1, `seed ${seed}:\n${found.join("\n")}`);
  }
});
