import assert from "node:assert/strict";
import fc from "fast-check";
import { createRandom } from "../../../pipeline/math/random.ts";
import {
  assertSame,
  plainRows,
  spec,
  tables,
  weighing,
  type WeightedRow,
  writtenOut,
} from "../../support/weighted_tables.ts";
import { encodeRows, specOf } from "../../support/example_rows.ts";

// The same cases in every run, so that failures are reproducible.
fc.configureGlobal({ seed: 20260101 });

Deno.test("weights: imputations, scales, bins, levels and crosses equal those of repeated rows", () => {
  fc.assert(
    fc.property(tables, fc.integer({ min: 1, max: 30 }), fc.boolean(), (rows, chunkRows, poolPure) => {
      const [weighted, repeated] = [weighing(rows), writtenOut(rows)].map((rows) =>
        encodeRows(spec, rows, { chunkRows, poolPure })
      );
      assertSame(weighted.encoder, repeated.encoder, "the encoder");
      const pooledOf = ({ pooled }: typeof weighted) => pooled.map(({ rows: _rows, ...rest }) => rest);
      assertSame(pooledOf(weighted), pooledOf(repeated), "pooled levels");
    }),
    { numRuns: 200 },
  );
});

Deno.test("weights: fractions count by their sum, in any unit", () => {
  const rows = plainRows(120, 9).map((row, i) => ({
    ...row,
    c: i < 9 ? "rare" : row.c,
    weight: row.weight / 10,
  }));
  const rare = rows.slice(0, 9).reduce((sum, { weight }) => sum + weight, 0);
  const levelsWith = (minCount: number, rows: readonly WeightedRow[]) => {
    const features = [{ name: "x", type: "numeric", bins: 5 }, { name: "c", type: "categorical", minCount }];
    const { encoder: { features: [x, c] } } = encodeRows(specOf(features, { weight: true }), rows);
    assert(x.type === "numeric" && c.type === "categorical");
    return { levels: c.levels, edges: x.edges, impute: x.impute };
  };
  const whole = rows.map((row) => ({ ...row, weight: Math.round(10 * row.weight) }));
  assert(levelsWith(Math.floor(rare), rows).levels.includes("rare"));
  assert(!levelsWith(Math.floor(rare) + 1, rows).levels.includes("rare"));
  assert(
    levelsWith(1, rows.map((row) => ({ ...row, weight: 1e-3 }))).levels.includes("rare"),
    "what occurs is a level",
  );
  assert.deepEqual(levelsWith(1, rows), levelsWith(1, whole));
});

Deno.test("weights: edges from a sample equal those of repeated rows", () => {
  const random = createRandom(10);
  const features = [{ name: "x", type: "numeric", bins: 7, impute: 0 }];
  const rows = Array.from({ length: 90 }, (_, i): WeightedRow => ({
    id: i,
    x: i % 11 === 0 ? null : random.uniform(),
    weight: random.below(2) === 0 ? random.below(9) + 1 : 5000 + random.below(5000),
  }));
  const edgesOf = (rows: readonly WeightedRow[]) =>
    encodeRows(specOf(features, { weight: true }), rows, { chunkRows: 1e5 }).encoder.features
      .map((feature) => feature.type === "numeric" ? feature.edges : undefined);
  const plain = encodeRows(specOf(features), writtenOut(rows), { chunkRows: 1e5 }).encoder.features;
  assert.deepEqual(
    edgesOf(rows),
    plain.map((feature) => feature.type === "numeric" ? feature.edges : undefined),
  );
});
