import assert from "node:assert/strict";
import { loadEach } from "../../../pipeline/chunks/chunk_store.ts";
import { readExamples } from "../../../pipeline/examples/examples.ts";
import type { RawExamples } from "../../../pipeline/examples/raw_examples.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { alone, specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, withStore } from "../../support/temp_store.ts";

const columns = ["who", "clicked", "x", "c"];
const spec = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }]);
const good = { who: "w", clicked: 0, x: 1.5, c: "a" };

async function read(
  rows: readonly Readonly<Record<string, unknown>>[],
  options: { views?: string } = {},
): Promise<RawExamples> {
  return await withStore(options.views ?? tableOf(columns), async ({ store }) => {
    insertRows(store, rows);
    return await readExamples(store, spec, alone);
  });
}

function columnsOf(
  { chunks, levels }: RawExamples,
): { x: number[]; c: (string | null)[]; clicked: number[] } {
  const loaded = [...loadEach(chunks)];
  return {
    x: loaded.flatMap(({ numeric }) => [...numeric]),
    c: loaded.flatMap(({ codes }) => [...codes[0]].map((code) => levels[0][code])),
    clicked: loaded.flatMap(({ labels }) => [...labels]),
  };
}

function assertUnreadable(reading: Promise<unknown>, message: RegExp): Promise<void> {
  return assertRejected(reading, "examples-invalid", message);
}

Deno.test("examples: a category may be an integer beyond 2⁵³, with all digits", async () => {
  const values = [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 1n - 2n ** 63n];
  const { c } = columnsOf(await read(values.map((value, id) => ({ ...good, id, c: value }))));
  assert.deepEqual(c, values.map(String));
});

Deno.test("examples: an id may be an integer beyond 2⁵³", async () => {
  const ids = [2n ** 53n + 3n, 2n ** 53n + 1n, 2n ** 53n + 2n, 2n ** 63n - 1n, -(2n ** 63n), 12n];
  const rows = ids.map((id, i) => ({ ...good, id, x: i }));
  assert.deepEqual(columnsOf(await read(rows)).x, [4, 5, 1, 2, 0, 3]);
});

Deno.test("examples: a label, a number and a group may be in a row with integers beyond 2⁵³", async () => {
  const rows = [{ id: 1n, who: 2n ** 60n, clicked: 1n, x: 2n ** 60n, c: 5n }];
  const { x, c, clicked } = columnsOf(await read(rows));
  assert.deepEqual({ x, c, clicked }, { x: [2 ** 60], c: ["5"], clicked: [1] });
});

Deno.test("examples: an id that occurs twice is rejected, as after a join that multiplies rows", async () => {
  for (const id of [3, "three"]) {
    const views = tableOf(columns, { id: "id ANY" });
    await assertUnreadable(
      read([{ ...good, id: 1 }, { ...good, id }, { ...good, id }], { views }),
      /id (3|three) occurs more than once/,
    );
  }
});

Deno.test("examples: rows without an id are rejected with that reason", async () => {
  const views = tableOf(columns, { id: "id ANY" });
  await assertUnreadable(
    read([{ ...good, id: 1 }, { ...good, id: null }, { ...good, id: null }], { views }),
    /several rows have no id, expected one for each/,
  );
});

Deno.test("examples: repeated ids are found across batches, and no row is lost", async () => {
  // The batch of 16384 rows ends between the two.
  const ids = Array.from({ length: 16_400 }, (_, i) => i < 16_384 ? i : i - 1);
  await withStore(tableOf(columns, { id: "id INTEGER NOT NULL" }), async ({ store }) => {
    store.db.exec("CREATE INDEX by_id ON shown (id)");
    // One distant id puts all others into the first range.
    insertRows(store, [...ids, 10_000_000].map((id) => ({ ...good, id })));
    await assertUnreadable(readExamples(store, spec, alone), /id 16383 occurs more than once/);
  });
});

Deno.test("examples: a view that fails on a row reports SQLite's message", async () => {
  const views = `
    CREATE TABLE shown (id INTEGER NOT NULL PRIMARY KEY, who ANY, clicked ANY, x ANY, c ANY) STRICT;
    CREATE VIEW examples AS SELECT id, who, clicked, abs(x) AS x, c FROM shown;
  `;
  await assertUnreadable(
    read([{ ...good, id: 1, x: -(2n ** 63n) }], { views }),
    /Cannot read the view examples: integer overflow/,
  );
});
