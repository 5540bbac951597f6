import assert from "node:assert/strict";
import { readExamples } from "../../../pipeline/examples/examples.ts";
import { chunkRowsOf } from "../../../pipeline/examples/id_ranges.ts";
import { strideOf } from "../../../pipeline/examples/ordered_chunk.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { loadEach } from "../../../pipeline/chunks/chunk_store.ts";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { assertFailure, assertRejected } from "../../support/expected_failure.ts";
import { allTrain, alone, encodeExamples } from "../../support/example_rows.ts";
import { withTables } from "../../support/tables.ts";

/** As many columns as SQLite allows, and so many features less the id and the label. */
const columnCount = 2_000;
const fields = Array.from({ length: columnCount - 2 }, (_, i) => `field ${i}`);
const isNumeric = (i: number) => i % 2 === 0;

const schema = `
  CREATE TABLE wide (id INTEGER NOT NULL PRIMARY KEY, y INTEGER NOT NULL, ${
  fields.map((name, i) => `"${name}" ${isNumeric(i) ? "REAL" : "TEXT"}`).join(", ")
}) STRICT;
  CREATE VIEW examples AS SELECT * FROM wide;
`;

const spec = parseSpec({
  id: "id",
  label: "y",
  group: "id",
  features: fields.map((name, i) => ({ name, type: isNumeric(i) ? "numeric" : "categorical" })),
}, "the test's spec");

const valueOf = (row: number, i: number) => isNumeric(i) ? (row * 31 + i) % 17 : `level ${(row + i) % 3}`;

function csvOf(rows: readonly number[], change: (row: number, i: number) => unknown = valueOf): string {
  const lines = rows.map((row) => [row, row % 2, ...fields.map((_, i) => change(row, i))].join(","));
  return [["id", "y", ...fields].join(","), ...lines].join("\n");
}

Deno.test("a table of 2,000 columns is loaded, compared with the store, read, encoded and served", () =>
  withTables(async ({ store, write }) => {
    const load = (text: string) => ingest(store, { files: { wide: [write("rows.csv", text)] } });
    const rows = Array.from({ length: 40 }, (_, row) => row);
    assert.equal((await load(csvOf(rows))).tables.wide.inserted, 40);
    assert.equal((await load(csvOf(rows.slice(0, 9)))).tables.wide.unchanged, 9);
    const last = fields.length - 1;
    await assertRejected(
      load(csvOf([3, 7], (row, i) => row === 7 && i === last ? "other" : valueOf(row, i))),
      "row-conflict",
      new RegExp(`id 7,.*\\(${fields[last]} is "other" in the file, "level .*" in the store\\)`),
    );

    const raw = await readExamples(store, spec, alone);
    assert.deepEqual(
      [...loadEach(raw.chunks)].filter(({ rowCount }) => rowCount > 0).map(strideOf),
      Array(40).fill(999),
    );
    const { encoder } = encodeExamples(raw, spec, allTrain, { poolPure: false });
    const coefficients = Float64Array.from({ length: encoder.columnCount }, (_, i) => i / 1e4);
    const predictor = createPredictor({ encoder, coefficients, intercept: 0 });
    const findings = createFindings();
    const row = Object.fromEntries(fields.map((name, i) => [name, valueOf(5, i)]));
    assert.ok(Number.isFinite(predictor.logit(row, findings)));
    assert.deepEqual(findings.errors, []);
  }, schema));

Deno.test("examples of many columns are read in chunks of fewer rows, that take no more memory", () => {
  assert.deepEqual([1, 256].map(chunkRowsOf), [16_384, 16_384]);
  for (const count of [257, 1_000, 2_000, 4_096]) {
    assert.ok(chunkRowsOf(count) * count <= 16_384 * 256 && chunkRowsOf(count) >= 512, String(count));
  }
});

Deno.test("a spec may have 4,096 features and 1,024 crosses, and no more", () => {
  const features = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ name: `f${i}`, type: "categorical" }));
  const crosses = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ of: [`f${i}`, `f${i + 1}`] }));
  const parse = (more: object) => parseSpec({ id: "id", label: "y", group: "id", ...more }, "spec.json");
  parse({ features: features(4_096), crosses: crosses(1_024) });
  assertFailure(() => parse({ features: features(4_097) }), "spec-invalid", /is not valid/);
  assertFailure(
    () => parse({ features: features(2_000), crosses: crosses(1_025) }),
    "spec-invalid",
    /is not valid/,
  );
});
