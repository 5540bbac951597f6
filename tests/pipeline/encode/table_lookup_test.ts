import assert from "node:assert/strict";
import fc from "fast-check";
import { columnNames } from "../../../pipeline/encode/column_names.ts";
import {
  packCells,
  packPositions,
  unpackCells,
  unpackPositions,
} from "../../../pipeline/encode/packed_table.ts";
import { quantileCuts } from "../../../pipeline/encode/quantile_cuts.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { createColumnFindings } from "../../../pipeline/model/column_findings.ts";
import { createColumnPredictor } from "../../../pipeline/model/column_predictor.ts";
import { columnCountOf } from "../../../pipeline/model/encoder_shape.ts";
import { contributorsOf, createExplainer } from "../../../pipeline/model/explanation.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { jsScorer } from "../../../pipeline/export/js_scorer.ts";
import { foundEncoder } from "../../../pipeline/train/found/found_encoder.ts";
import { denseExamples } from "../../support/dense_loss.ts";
import { type ExampleRow, specOf } from "../../support/example_rows.ts";
import { encodeByTables } from "../../support/random_tables.ts";

const runs = { seed: 7, numRuns: 12 };
const hour = 3_600e6;
const noon = Date.UTC(2024, 1, 29, 12) * 1000;

/** Features of all types that are looked up, among one that is not, and one that is served as a fixed value. */
const spec = specOf([
  { name: "at", type: "time", parts: ["age", "hour", "weekday"], since: "x" },
  { name: "size", type: "ordinal", levels: ["small", "medium", "large"] },
  { name: "c", type: "categorical" },
  { name: "subject", type: "words" },
  { name: "x", type: "numeric" },
  { name: "z", type: "numeric", transform: "log1p", bins: 3 },
  { name: "k", type: "categorical", hash: 4 },
  { name: "zip", type: "rate" },
  { name: "place", type: "numeric", servedAs: 2 },
]);
const names = ["at", "x", "size", "c", "z", "k", "zip"];

const time = fc.oneof(fc.integer({ min: 0, max: 90 }).map((i) => noon + i * hour), fc.constant(null));
const row = fc.record({
  at: time,
  x: fc.oneof(fc.constantFrom(noon, noon - 26 * hour, noon + hour), fc.constant(null)),
  size: fc.constantFrom("small", "medium", "large", "huge", "", null),
  c: fc.constantFrom("a", "b", "rare", null),
  subject: fc.constantFrom("one two", "two", null),
  z: fc.oneof(fc.double({ noNaN: true, min: -1e3, max: 1e3 }), fc.constantFrom(0, -0, 7, null)),
  k: fc.constantFrom(1, 2, 12.5, 40, null),
  zip: fc.constantFrom("12", "013", null),
  place: fc.constantFrom(1, 2, 3),
  clicked: fc.integer({ min: 0, max: 1 }),
});
const rows = fc.array(row, { minLength: 30, maxLength: 120 });

function fieldsOf(row: ExampleRow, keys: readonly string[] = names): Record<string, unknown> {
  return Object.fromEntries(keys.map((name) => [name, row[name]]));
}

Deno.test("tables: serving looks a row up as training did, bit for bit, with missing, rare, unseen and odd values", () => {
  fc.assert(
    fc.property(rows, (rows) => {
      const spread = rows.map((row, i) => ({ ...row, c: i % 29 === 0 ? "rare" : row.c }));
      const { encoder, design } = encodeByTables(spec, spread, createRandom(rows.length), { chunkRows: 17 });
      assert.equal(columnCountOf(encoder), encoder.columnCount);
      assert.equal(columnNames(encoder).length, encoder.columnCount);
      const { X } = denseExamples(design);
      for (let column = 0; column < encoder.columnCount; column++) {
        const coefficients = new Float64Array(encoder.columnCount);
        coefficients[column] = 1;
        const predictor = createPredictor({ encoder, coefficients, intercept: 0 });
        const usesPlace = encoder.tables?.[column].of.includes("place");
        spread.forEach((row, i) => {
          if (usesPlace && row.place !== 2) return;
          const findings = createFindings();
          const served = predictor.logit(fieldsOf(row), findings);
          assert.deepEqual(findings.errors, []);
          assert.equal(served, X[i][column], columnNames(encoder)[column]);
        });
      }
    }),
    runs,
  );
});

Deno.test("tables: a row, its explanation and score.js have the same log-odds", async () => {
  const random = createRandom(5);
  const made = fc.sample(row, { seed: 3, numRuns: 400 });
  const { encoder, coefficients } = encodeByTables(spec, made, random);
  const model = { encoder, coefficients, intercept: -0.3 };
  const predictor = createPredictor(model);
  assert.deepEqual(predictor.fields.map(({ name }) => name), names);
  assert.deepEqual(predictor.unused, ["subject", "place"]);
  const explain = createExplainer(model);
  const contributors = contributorsOf(encoder);
  assert.ok(contributors.includes("c × z") && contributors.includes("at:hour × at:weekday"));
  const text = jsScorer({ encoder, coefficients: [...coefficients], intercept: -0.3 } as never, "a test");
  const { score } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  const odd = fc.sample(
    fc.record({
      ...Object.fromEntries(names.map((name) => [name, fc.constant(null)])),
      z: fc.constantFrom(null, 1e300, -1e300, 5e-324, 7, "7", Infinity, true, 12n),
      k: fc.constantFrom("12.5", " 40", "x", 1n, true, 1e300, null),
      at: fc.constantFrom("2024-02-29T12:00:00Z", noon, "noon", 12e8, null),
      zip: fc.constantFrom(12, "12", "013", 13, ""),
      c: fc.constantFrom("", "A", 1, false, null),
    }),
    { seed: 4, numRuns: 600 },
  );
  const byColumns = createColumnPredictor(model);
  const together = (rows: readonly Record<string, unknown>[]) => {
    const columns = names.map((name) => rows.map((row) => row[name]));
    return byColumns?.(columns, rows.length, createColumnFindings(names.length)) ?? [];
  };
  const all = [...made.map((row) => fieldsOf(row)), ...odd];
  const alone = all.map((row) => predictor.logit(row, createFindings()));
  assert.deepEqual([...together(all)], alone);
  let answered = 0;
  for (const row of all) {
    const findings = createFindings();
    const logit = predictor.logit(row, findings);
    assert.equal(Number.isNaN(logit), findings.errors.length > 0);
    const probability = score(row);
    if (Number.isNaN(logit)) {
      assert.ok(Number.isNaN(probability), Deno.inspect(row));
      continue;
    }
    answered++;
    const { logit: explained, contributions, intercept } = explain(row);
    assert.equal(explained, logit);
    assert.equal(together([row])[0], logit);
    const sum = contributions.reduce((sum, part) => sum + part, intercept);
    assert.ok(Math.abs(sum - logit) < 1e-12);
    assert.ok(Math.abs(probability - 1 / (1 + Math.exp(-logit))) < 1e-12);
  }
  assert.ok(answered > 500, `${answered} rows are answered`);
});

Deno.test("tables: edges at which no table changes are left out, and the rest give the same cells", () => {
  const made = fc.sample(row, { seed: 3, numRuns: 300 });
  const { binned, tables } = encodeByTables(spec, made, createRandom(2));
  const { encoder } = foundEncoder(binned, tables.filter(({ fields }) => fields.length === 1));
  const all = binned.features.find(({ name }) => name === "z");
  const kept = encoder.features.find(({ name }) => name === "z");
  assert.ok(all?.type === "binned" && kept?.type === "binned");
  assert.ok(kept.edges.length < all.edges.length);
  assert.ok(kept.edges.every((edge) => all.edges.includes(edge)));
});

Deno.test("tables: levels of fewer than ten training rows, and of held-out rows alone, are unseen", () => {
  const made = Array.from({ length: 60 }, (_, i) => ({
    c: i < 9 ? "nine" : i < 20 ? "eleven" : i < 50 ? "many" : "held out",
    who: `w${i}`,
  }));
  const partition = { partCount: 3, partOf: (_: number, __: number, row: number) => row < 50 ? 0 : 1 };
  const only = specOf([{ name: "c", type: "categorical" }]);
  const { binned } = encodeByTables(only, made, createRandom(2), { chunkRows: 60, partition });
  const [feature] = binned.features;
  assert.deepEqual(feature.type === "levels" && feature.levels, ["eleven", "many"]);
  assert.deepEqual(binned.pooled, [{ field: "c", levels: ["nine"], rows: 9, weight: 9, reason: "rare" }]);
  assert.deepEqual(
    [...binned.axes[0].codes].map(Number).slice(0, 52).filter((code) => code === 0).length,
    11,
  );
});

Deno.test("bins: each value has one, or they hold equally many rows; an edge is half-way to the next value", () => {
  assert.deepEqual(quantileCuts(Float64Array.from([3, 1, 1, 2, 8]), undefined, 10), [1.5, 2.5, 5.5]);
  assert.deepEqual(quantileCuts(Float64Array.from([7, 7, 7]), undefined, 10), []);
  assert.deepEqual(quantileCuts(new Float64Array(), undefined, 10), []);
  // Shares of 4 rows each: the values at 4 and 8 of 12.
  const twelve = Float64Array.from({ length: 12 }, (_, i) => i);
  assert.deepEqual(quantileCuts(twelve, undefined, 3), [3.5, 7.5]);
  // The largest double below 1, and 1: half-way is rounded up.
  const below = 1 - 2 ** -53;
  assert.deepEqual(quantileCuts(Float64Array.from([below, 1]), undefined, 3), [1]);
});

Deno.test("bins: whole-number weights give the edges of repeated rows", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 4 })), { minLength: 1 }),
      fc.integer({ min: 2, max: 12 }),
      (pairs, bins) => {
        const repeated = pairs.flatMap(([value, weight]) => new Array<number>(weight).fill(value));
        const weighted = quantileCuts(
          Float64Array.from(pairs, ([value]) => value),
          Float64Array.from(pairs, ([, weight]) => weight),
          bins,
        );
        assert.deepEqual(weighted, quantileCuts(Float64Array.from(repeated), undefined, bins));
      },
    ),
    { seed: 7, numRuns: 300 },
  );
});

Deno.test("packed tables: are read back; a text that is none, or of another length, is not", () => {
  for (const positions of [[], [0, 3, 1], [70_000, 0]]) {
    assert.deepEqual([...unpackPositions(packPositions(positions), positions.length) ?? []], positions);
  }
  assert.deepEqual([...unpackCells(packCells(Float64Array.from([0.5, -2]))) ?? []], [0.5, -2]);
  assert.equal(unpackPositions(packPositions([1, 2, 3]), 4), undefined);
  assert.equal(unpackPositions("?", 1), undefined);
  assert.equal(unpackCells("AAA="), undefined);
  assert.equal(unpackCells(packCells(Float64Array.from([NaN]))), undefined);
});

Deno.test("tables: a model.json whose tables do not fit its fields is damaged", () => {
  const made = fc.sample(row, { seed: 3, numRuns: 100 });
  const { encoder } = encodeByTables(spec, made, createRandom(2));
  const { tables = [] } = encoder;
  assert.equal(columnCountOf(encoder), tables.length);
  const changed = (change: object) => ({
    ...encoder,
    tables: [{ ...tables[0], ...change }, ...tables.slice(1)],
  });
  for (
    const broken of [
      changed({ of: ["nothing"] }),
      changed({ column: 1 }),
      changed({ cells: packCells(Float64Array.from([1])) }),
      changed({ positions: ["AAAA"] }),
      { ...encoder, tables: undefined },
    ]
  ) {
    assert.ok(Number.isNaN(columnCountOf(broken)));
  }
});
