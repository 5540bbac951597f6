import assert from "node:assert/strict";
import { createColumnFindings } from "../../../pipeline/model/column_findings.ts";
import { createColumnPredictor } from "../../../pipeline/model/column_predictor.ts";
import type { BatchColumn, Cell } from "../../../pipeline/files/columns/batch.ts";
import { encodeRows, specOf } from "../../support/example_rows.ts";

const spec = specOf([
  { name: "x", type: "numeric", transform: "log1p" },
  { name: "n", type: "numeric", bins: 4 },
  { name: "c", type: "categorical", minCount: 2 },
  { name: "k", type: "categorical", minCount: 1 },
  { name: "strict", type: "numeric", nullable: false },
]);
const names = ["x", "n", "c", "k", "strict"];
const training = Array.from({ length: 40 }, (_, i) => ({
  x: i % 5 === 0 ? null : i / 3,
  n: i,
  c: ["a", "b", null][i % 3],
  k: i % 7,
  strict: i / 2,
}));
/** Beyond the integers that a double holds. */
const large = 2n ** 60n + 1n;
const columns: readonly (readonly Cell[])[] = [
  [0.5, null, -2, Infinity, 1e300, 0, 7.25, 3],
  [3, null, large, -5, 2 ** 40, 0, 39, -(2n ** 62n)],
  ["a", null, "b", "new", "", "a", "a", "b"],
  [1, 6, null, 99, large, 0, 3, 2],
  [1, 2, 3, 4, 5, null, 6, 7],
];

function typedColumn(type: "INTEGER" | "REAL" | "TERMS", cells: readonly Cell[]): BatchColumn {
  const nulls = Uint8Array.from(cells, (cell) => cell === null ? 1 : 0);
  if (type === "REAL") return { type, nulls, values: Float64Array.from(cells, (cell) => Number(cell ?? 0)) };
  if (type === "INTEGER") {
    const exact = BigInt64Array.from(cells, (cell) => BigInt(cell ?? 0));
    return { type, nulls, exact, words: new Int32Array(exact.buffer) };
  }
  const terms = [...new Set(cells.filter((cell) => cell !== null).map(String))];
  const codes = Uint16Array.from(cells, (cell) => cell === null ? 0 : terms.indexOf(String(cell)));
  return { type, nulls, terms, codes };
}

Deno.test("columns of typed values have the log-odds and the findings of their cells, to the last bit", () => {
  const { encoder } = encodeRows(spec, training);
  const coefficients = Float64Array.from({ length: encoder.columnCount }, (_, i) => Math.sin(3 * i + 1));
  const predict = createColumnPredictor({ encoder, coefficients, intercept: 0.3 });
  assert.ok(predict);
  const [byCells, byTyped] = [createColumnFindings(names.length), createColumnFindings(names.length)];
  const rowCount = columns[0].length;
  const expected = predict(columns, rowCount, byCells);
  const typed = (["REAL", "INTEGER", "TERMS", "INTEGER", "REAL"] as const).map((type, i) =>
    typedColumn(type, columns[i])
  );
  // Without cells: none may be read where there are typed values.
  assert.deepEqual(predict([], rowCount, byTyped, typed), expected);
  assert.deepEqual(byTyped, byCells);
  assert.deepEqual([...expected].map(Number.isNaN), [false, false, false, true, false, true, false, false]);
  const some = typed.map((column, i) => i % 2 === 0 ? column : undefined);
  assert.deepEqual(predict(columns, rowCount, createColumnFindings(names.length), some), expected);
});

Deno.test("more values than a column's results are kept of, some of them again, have the log-odds of their cells", () => {
  const { encoder } = encodeRows(spec, training);
  const coefficients = Float64Array.from({ length: encoder.columnCount }, (_, i) => Math.cos(5 * i + 2));
  const predict = createColumnPredictor({ encoder, coefficients, intercept: -0.1 });
  assert.ok(predict);
  const rowCount = 30_000;
  const cells = (valueAt: (i: number) => Cell) => Array.from({ length: rowCount }, (_, i) => valueAt(i));
  const many = [
    cells((i) => i % 3 === 0 ? i % 50 : i % 101 === 0 ? null : Math.sin(i) * 1e6),
    // −1 has all bits, 0 none.
    cells((i) => i % 2 === 0 ? -1 : i % 5 === 0 ? 0 : (i * 40_503) % 20_011 - 10_000),
    cells((i) => ["a", "b", "new", null][i % 4]),
    cells((i) => i % 9 === 0 ? -1 : i % 7 === 0 ? i : i % 12),
    cells((i) => i % 6 === 0 ? 0 : i / 7),
  ];
  // A file may have a column as integers, and the next one as real numbers, also of the same bits.
  for (const types of [["REAL", "INTEGER", "INTEGER", "REAL"], ["REAL", "REAL", "REAL", "REAL"]] as const) {
    const [x, n, k, strict] = types;
    const typed = ([x, n, "TERMS", k, strict] as const).map((type, i) => typedColumn(type, many[i]));
    const [byCells, byTyped] = [createColumnFindings(names.length), createColumnFindings(names.length)];
    const expected = predict(many, rowCount, byCells);
    assert.deepEqual(predict([], rowCount, byTyped, typed), expected);
    assert.deepEqual(byTyped, byCells);
  }
});
