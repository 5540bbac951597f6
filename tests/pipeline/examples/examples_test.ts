import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { loadEach } from "../../../pipeline/chunks/chunk_store.ts";
import { readExamples } from "../../../pipeline/examples/examples.ts";
import { fingerprintOf } from "../../../pipeline/examples/fingerprint.ts";
import type { RawExamples } from "../../../pipeline/examples/raw_examples.ts";
import type { FeatureSpec } from "../../../pipeline/examples/spec.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { alone, specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, type TempStore, withStore } from "../../support/temp_store.ts";

const columns = ["who", "clicked", "x", "c"];
const spec = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }]);
const good = { who: "w", clicked: 0, x: 1.5, c: "a" };

async function read(
  rows: readonly Readonly<Record<string, unknown>>[],
  options: { views?: string; spec?: FeatureSpec } = {},
): Promise<RawExamples> {
  return await withStore(options.views ?? tableOf(columns), async ({ store }) => {
    insertRows(store, rows);
    return await readExamples(store, options.spec ?? spec, alone);
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

Deno.test("examples: rows are in the order of their ids, for any order of insertion", async () => {
  const rows = [7, 1, 900, -5, 44].map((id) => ({ ...good, id, x: id }));
  assert.deepEqual(columnsOf(await read(rows)).x, [-5, 1, 7, 44, 900]);
});

Deno.test("examples: a NULL is a missing number, and a missing category", async () => {
  const { x, c } = columnsOf(await read([{ ...good, id: 1, x: null, c: null }, { ...good, id: 2 }]));
  assert.deepEqual(x, [NaN, 1.5]);
  assert.deepEqual(c, [null, "a"]);
});

Deno.test("examples: 12, 12.0 and '12' are one category, 0 and -0 too", async () => {
  const values = [12, "12", 12n, 0, -0, "0", "012"];
  const { c } = columnsOf(await read(values.map((value, id) => ({ ...good, id, c: value }))));
  assert.deepEqual(c, ["12", "12", "12", "0", "0", "0", "12"]);
});

for (
  const [what, row, message] of [
    ["a label of 2", { clicked: 2 }, /id 5 has the clicked "2", expected 0 or 1/],
    ["a label that is text", { clicked: "yes" }, /id 5 has the clicked "yes", expected 0 or 1/],
    ["text in a numeric field", { x: "12,5" }, /id 5 has the x "12,5", expected a number/],
    ["a blob in a numeric field", { x: new Uint8Array(3) }, /id 5 has the x a blob, expected a number/],
    [
      "a blob in a categorical field",
      { c: new Uint8Array(3) },
      /id 5 has the c a blob, expected a category/,
    ],
    ["an infinite number", { x: Infinity }, /id 5 has the x "Infinity", expected a number/],
    ["no group", { who: null }, /id 5 has no who/],
  ] as const
) {
  Deno.test(`examples: ${what} is rejected, with the row's id and the remedy`, async () => {
    const rows = [{ ...good, id: 4 }, { ...good, id: 5, ...row }, { ...good, id: 6 }];
    await assertUnreadable(read(rows), message);
    await assertUnreadable(
      read(rows),
      /Cannot read the view examples: .*\. Fix the row, or the view in the schema\.$/,
    );
  });
}

Deno.test("examples: a weight is 0 or a positive number, others are rejected", async () => {
  const views = tableOf([...columns, "weight"]);
  const weighted = specOf([{ name: "x", type: "numeric" }], { weight: true });
  const of = (weight: unknown) => read([{ ...good, id: 5, weight }], { views, spec: weighted });
  const [chunk] = loadEach((await of(2)).chunks);
  assert.deepEqual([...chunk.weights ?? []], [2]);
  assert.equal((await of(2n ** 60n)).rowCount, 1);
  for (const weight of [-1, null, "2", "0", Infinity, new Uint8Array(1)]) {
    await assertUnreadable(of(weight), /id 5 has the weight .*, expected 0 or a positive number/);
  }
});

Deno.test("examples: ids may be text", async () => {
  const views = tableOf(columns, { id: "id TEXT NOT NULL PRIMARY KEY" });
  const rows = ["m", "a", "z"].map((id, i) => ({ ...good, id, x: i }));
  assert.deepEqual(columnsOf(await read(rows, { views })).x, [1, 0, 2]);
});

Deno.test("examples: a chunk that is exactly full loses no row", async () => {
  const ids = Array.from({ length: 2 * 16_384 }, (_, i) => i);
  const { rowCount } = await read([...ids, 10_000_000].map((id) => ({ ...good, id })));
  assert.equal(rowCount, ids.length + 1);
});

Deno.test("examples: a view may sort, limit and join", async () => {
  const views = `
    CREATE TABLE shown (id INTEGER NOT NULL PRIMARY KEY, who ANY, clicked ANY, x ANY, c ANY) STRICT;
    CREATE VIEW examples AS SELECT * FROM shown WHERE x > 0 ORDER BY x DESC LIMIT 3;
  `;
  const rows = [5, -1, 3, 9, 7].map((x, id) => ({ ...good, id, x }));
  assert.deepEqual(columnsOf(await read(rows, { views })).x, [5, 9, 7]);
});

Deno.test("examples: the fingerprint depends on the rows, not on their order", async () => {
  const rows = Array.from({ length: 40 }, (_, id) => ({ ...good, id, x: id / 7, c: `level ${id % 5}` }));
  const fingerprint = fingerprintOf(await read(rows));
  assert.match(fingerprint, /^[0-9a-f]{64}$/);
  assert.equal(fingerprintOf(await read(rows.toReversed())), fingerprint);
  for (const change of [{ x: 99 }, { c: "other" }, { clicked: 1 }, { who: "other" }, { x: null }]) {
    const changed = rows.map((row) => row.id === 20 ? { ...row, ...change } : row);
    assert.notEqual(fingerprintOf(await read(changed)), fingerprint, JSON.stringify(change));
  }
});

Deno.test("examples: the fingerprint is of the levels as one JSON, however many there are", async () => {
  const rows = Array.from({ length: 9_000 }, (_, id) => ({ ...good, id, c: `text "${id}" \ud800` }));
  const raw = await read(rows);
  const hash = createHash("sha256").update(JSON.stringify(raw.levels));
  for (const { numeric, codes, labels, groups } of loadEach(raw.chunks)) {
    for (const column of [numeric, ...codes, labels, groups]) {
      hash.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength).slice());
    }
  }
  assert.equal(fingerprintOf(raw), hash.digest("hex"));
});

Deno.test("examples: an empty view has no rows", async () => {
  assert.equal((await read([])).rowCount, 0);
});

Deno.test("examples: a missing column or view is named, with the existing columns", async () => {
  await assertUnreadable(
    read([good], { spec: specOf([{ name: "income", type: "numeric" }]) }),
    /no column income.*it has id, who, clicked, x, c/,
  );
  await assertUnreadable(read([good], { spec: { ...spec, view: "nowhere" } }), /no view "nowhere"/);
});

/** Reads the examples while another connection inserts rows, up to `changes` attempts. */
async function readWhileChanging(made: TempStore, changes: number) {
  const { openStore } = await import("../../../pipeline/store/store.ts");
  const other = openStore(made.dataDir, { mode: "write", freeBytesMin: 0, busyTimeoutMs: 0 });
  let added = 0;
  let lockedOut = 0;
  try {
    const { rowCount } = await readExamples(made.store, spec, alone, {
      observe() {
        if (added + lockedOut === changes) return;
        try {
          insertRows(other, [{ ...good, id: 1000 + added }]);
          added++;
        } catch (error) {
          assert.match(String(error), /database is locked/);
          if (other.db.isTransaction) other.db.exec("ROLLBACK");
          lockedOut++;
        }
      },
    });
    return { rowCount, added, lockedOut };
  } finally {
    other.close();
  }
}

Deno.test("examples: a store that changes while it is read is read again", async () => {
  await withStore(tableOf(columns), async (made) => {
    insertRows(made.store, [{ ...good, id: 1 }]);
    assert.equal((await readWhileChanging(made, 1)).rowCount, 2);
  });
});

Deno.test("examples: a store that keeps changing is read under a write lock", async () => {
  await withStore(tableOf(columns), async (made) => {
    insertRows(made.store, [{ ...good, id: 1 }]);
    const { rowCount, added, lockedOut } = await readWhileChanging(made, 1000);
    assert.equal(rowCount, 1 + added);
    assert.ok(added > 0 && lockedOut > 0, `${added} rows were added, and ${lockedOut} were locked out`);
  });
});
