import assert from "node:assert/strict";
import { createRandom } from "../../../pipeline/math/random.ts";
import { createColumnValues } from "../../../pipeline/evaluate/divisions.ts";
import { recountedCurves } from "../../../pipeline/report/recounted_curves.ts";
import { packCells } from "../../../pipeline/encode/packed_table.ts";
import { normalQuantile } from "../../../pipeline/math/normal_quantile.ts";
import { packDraws } from "../../../pipeline/model/table_draws.ts";
import type { FoundRows } from "../../../pipeline/report/found_sums.ts";
import { foundParts } from "../../../pipeline/report/found_parts.ts";
import { assertClose } from "../../support/assert_close.ts";
import { denseExamples } from "../../support/dense_loss.ts";
import { specOf } from "../../support/example_rows.ts";
import { encodeByTables } from "../../support/random_tables.ts";

const random = createRandom(4);
const rows = Array.from({ length: 900 }, (_, id) => ({
  id,
  who: `w${id}`,
  weight: 1 + (id % 2),
  clicked: random.below(3) === 0 ? 1 : 0,
  x: random.below(20) === 0 ? null : Math.round(3_000 * random.uniform()) / 10,
  c: random.below(15) === 0 ? null : `level ${random.below(60)}`,
  at: Date.UTC(2024, 0, 1) * 1000 + random.below(1_000) * 3_600e6,
}));
const spec = specOf([
  { name: "x", type: "numeric" },
  { name: "c", type: "categorical" },
  { name: "at", type: "time", parts: ["weekday", "age"] },
], { weight: true });
const partition = { partCount: 3, partOf: (group: number) => group % 4 === 0 ? 1 : 0 };
const { binned, tables, encoder, positionsOfBins, design, coefficients } = encodeByTables(
  spec,
  rows,
  random,
  {
    partition,
  },
);
const foundRows: FoundRows = {
  design,
  axes: binned.axes.map(({ name, codes, range }, a) => ({
    name,
    codes,
    range,
    positions: positionsOfBins[a],
  })),
  trainParts: [0],
  evaluatedParts: [1],
  probabilityOf: (logit) => 1 / (1 + Math.exp(-logit)),
};
const { curves, crosses } = foundParts({ encoder, coefficients, intercept: -0.5 }, foundRows);
const sum = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

Deno.test("report of found features: a curve of each axis has all rows in its parts, and a mean effect of 0", () => {
  assert.deepEqual(curves.map(({ field, part }) => part === undefined ? field : `${field} ${part}`), [
    "x",
    "c",
    "at weekday",
    "at age",
  ]);
  const weights = [0, 1].map((part) => sum(denseExamples(design, part).weights));
  for (const { field, parts, more, spread } of curves) {
    assert.ok(parts.length <= 42, field);
    assert.ok(spread > 0);
    if (more !== undefined) continue;
    assertClose(sum(parts.map(({ train }) => train?.rows ?? 0)), weights[0], 1e-9, field);
    assertClose(sum(parts.map(({ evaluated }) => evaluated.rows)), weights[1], 1e-9, field);
    assertClose(sum(parts.map(({ train, effect }) => (train?.rows ?? 0) * (effect ?? 0))), 0, 1e-9, field);
  }
});

Deno.test("report of found features: rows are counted by their values as by their bins, unknown levels apart", () => {
  const fields = (["x", "c", "at"] as const).map((name) => {
    const values = createColumnValues(name, { areLevels: name === "c" });
    for (const row of rows) values.add(row[name]);
    if (name === "c") values.add("a new one");
    else values.add(null);
    return values;
  });
  const labels = Uint8Array.from([...rows.map(({ clicked }) => clicked), 1]);
  const recounted = recountedCurves(curves, encoder, {
    fields,
    labels,
    probabilities: new Float64Array(labels.length),
    weights: Float64Array.from([...rows.map(({ weight }) => weight), 1]),
    isAnswered: () => true,
  });
  for (const [i, { field, parts }] of curves.entries()) {
    const added = field === "c" ? "unseen" : "missing";
    for (const [j, { name, is, train, evaluated }] of parts.entries()) {
      const expected = (train?.rows ?? 0) + evaluated.rows + (is === added ? 1 : 0);
      assertClose(recounted[i].parts[j].evaluated.rows, expected, 1e-9, `${field} ${name}`);
    }
    const own = recounted[i].parts.find(({ is }) => is === added);
    assert.ok(own && own.evaluated.rows >= 1, field);
  }
});

Deno.test("report of found features: parts of numbers follow each other, from the least number to the greatest", () => {
  const parts = curves[0].parts.filter(({ is }) => is === undefined);
  const values = rows.flatMap(({ x }) => x === null ? [] : [x]);
  assert.ok(parts[0].from !== undefined && parts[0].from >= Math.min(...values));
  parts.slice(1).forEach(({ from }, i) => assert.equal(from, parts[i].to));
  assert.equal(curves[0].parts.at(-1)?.name, "missing");
  assert.match(parts[0].name, /^below /);
  assert.match(parts.at(-1)?.name ?? "", / or more$/);
});

Deno.test("report of found features: the pairs of the largest spread, each with the rows and columns of the most rows", () => {
  assert.equal(crosses.length, 6);
  assert.deepEqual(
    crosses.map(({ spread }) => spread),
    crosses.map(({ spread }) => spread).toSorted((a, b) => b - a),
  );
  for (const { row_names, column_names, effects, rows, clicks } of crosses) {
    assert.ok(row_names.length <= 20 && column_names.length <= 20);
    for (const grid of [effects, rows, clicks]) {
      assert.deepEqual([grid.length, grid[0].length], [row_names.length, column_names.length]);
    }
    assert.ok(clicks.every((line, i) => line.every((count, j) => count <= rows[i][j])));
  }
  assert.ok(JSON.stringify({ curves, crosses }).length < 200_000);
});

Deno.test("report of found features: the interval of a part or cell is that of its effect in each draw", () => {
  const count = 5;
  const cells = tables.map(({ cells }) =>
    Float64Array.from({ length: count * cells.length }, () => random.uniform() - 0.5)
  );
  const draws = packDraws({
    count,
    intercepts: new Float64Array(count),
    tables: cells.map((own) => ({ coefficients: new Float64Array(count), cells: own })),
  });
  const own = foundParts({ encoder, coefficients, intercept: -0.5, draws }, foundRows);
  assert.deepEqual(
    own.curves.map(({ parts }) => parts.map(({ effect }) => effect)),
    curves.map(({ parts }) => parts.map(({ effect }) => effect)),
  );
  // What a report of each draw would show.
  const drawn = Array.from({ length: count }, (_, draw) => {
    const ofDraw = encoder.tables?.map((table, t) => ({
      ...table,
      cells: packCells(tables[t].cells.map((_, k) => cells[t][k * count + draw] / coefficients[t])),
    })) ?? [];
    return foundParts({ encoder: { ...encoder, tables: ofDraw }, coefficients, intercept: 0 }, foundRows);
  });
  const z = -normalQuantile(0.05);
  const reachOf = (values: readonly number[]) => {
    const mean = sum(values) / count;
    return z * Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / (count - 1));
  };
  own.curves.forEach(({ field, parts }, c) =>
    parts.forEach(({ name, effect, low = NaN, high = NaN }, p) => {
      const expected = reachOf(drawn.map(({ curves }) => Number(curves[c].parts[p].effect)));
      assertClose((high - low) / 2, expected, 0.02 * expected, `${field} ${name}`);
      assertClose((high + low) / 2, Number(effect), 1e-12, `${field} ${name}`);
    })
  );
  for (const { of, effects, reaches = [] } of own.crosses) {
    const same = drawn.map(({ crosses }) => crosses.find((other) => other.of.join() === of.join()));
    effects.forEach((line, i) =>
      line.forEach((_, j) => {
        const expected = reachOf(same.map((heat) => Number(heat?.effects[i][j])));
        assertClose(reaches[i][j], expected, 0.02 * expected, `${of} ${i} ${j}`);
      })
    );
  }
});
