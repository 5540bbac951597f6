import assert from "node:assert/strict";
import { type CodedColumn, createColumnFindings } from "../../../pipeline/model/column_findings.ts";
import { createColumnPredictor } from "../../../pipeline/model/column_predictor.ts";
import { fieldsOf } from "../../../pipeline/model/signature.ts";
import type { BatchColumn, Cell } from "../../../pipeline/files/columns/batch.ts";
import { encodeRows, specOf } from "../../support/example_rows.ts";
import { tabled } from "../../support/tabled_model.ts";
import { metadata } from "../../support/trained_model.ts";

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

/** The cells as entries of a dictionary. @param type Of the entries' values without an object each; absent for none. */
function codedColumn(cells: readonly unknown[], type?: "INTEGER" | "REAL"): CodedColumn {
  const entries = [...new Set(cells)].filter((cell) => cell !== null);
  const withNull = [...entries, null];
  const codes = Int32Array.from([...cells, null], (cell) => withNull.indexOf(cell));
  const typed = type && typedColumn(type, withNull as Cell[]);
  return { type: "CODES", codes, entries: { count: withNull.length, cells: withNull, typed } };
}

Deno.test("rows as entries of a dictionary have the log-odds and the findings of their cells, batch after batch", () => {
  const { encoder } = encodeRows(spec, training);
  const coefficients = Float64Array.from({ length: encoder.columnCount }, (_, i) => Math.sin(3 * i + 1));
  const predict = createColumnPredictor({ encoder, coefficients, intercept: -0 });
  assert.ok(predict);
  const rowCount = columns[0].length;
  const [byCells, byCodes] = [createColumnFindings(names.length), createColumnFindings(names.length)];
  const expected = predict(columns, rowCount, byCells);
  const coded = (["REAL", "INTEGER", undefined, "INTEGER", undefined] as const).map((type, i) =>
    codedColumn(columns[i], type)
  );
  assert.deepEqual(predict([], rowCount, byCodes, coded), expected);
  assert.deepEqual(byCodes, byCells);
  // Another batch of the same dictionary, in another order.
  const reversed = coded.map((column) => ({
    ...column,
    codes: column.codes.subarray(0, rowCount).toReversed(),
  }));
  const again = createColumnFindings(names.length);
  assert.deepEqual(predict([], rowCount, again, reversed), expected.toReversed());
  assert.deepEqual(again.missing, byCells.missing);
  assert.deepEqual(
    again.unseen.map((rows) => rows.length),
    byCells.unseen.map((rows) => rows.length),
  );
  const some = coded.map((column, i) => i % 2 === 0 ? column : undefined);
  assert.deepEqual(predict(columns, rowCount, createColumnFindings(names.length), some), expected);
});

Deno.test("times and texts as entries of a dictionary, and a time that needs another field, are as by their cells", () => {
  const spec = specOf([
    { name: "sent", type: "time", parts: ["hour", "weekday"] },
    { name: "text", type: "words", minCount: 1, max: 10 },
    { name: "age", type: "time", parts: ["age"], since: "sent" },
  ]);
  const day = 86_400_000_000;
  const rows = Array.from({ length: 60 }, (_, i) => ({
    sent: 1.7e15 + i * 7 * 3_600_000_000,
    text: ["red car", "blue car", "red house"][i % 3],
    age: 1.7e15 + i * day,
  }));
  const { encoder } = encodeRows(spec, rows);
  const coefficients = Float64Array.from({ length: encoder.columnCount }, (_, i) => Math.cos(2 * i + 1));
  const predict = createColumnPredictor({ encoder, coefficients, intercept: 0.1 });
  assert.ok(predict);
  const columns = [
    [1.7e15, 1.7e15 + 3 * day, null, 1.7e15, 5],
    ["red car", "unknown words here", null, "", "blue"],
    [1.7e15 + day, null, 1.7e15 + 2 * day, 1.7e15, 1.7e15],
  ];
  const [byCells, byCodes] = [createColumnFindings(3), createColumnFindings(3)];
  const expected = predict(columns, 5, byCells);
  assert.deepEqual(predict(columns, 5, byCodes, columns.map((cells) => codedColumn(cells))), expected);
  assert.deepEqual(byCodes, byCells);
});

Deno.test("tables: rows as entries of a dictionary have the log-odds and the findings of their cells", () => {
  const model = tabled(metadata);
  const predict = createColumnPredictor(model);
  assert.ok(predict);
  const fields = fieldsOf(model.encoder);
  const rowCount = 40;
  const columns = fields.map(({ type, levels = [] }, f) =>
    Array.from({ length: rowCount }, (_, i) => {
      if ((i + f) % 5 === 0) return null;
      return type === "numeric"
        ? ((i * 37) % 11) * 1_000 - 4
        : [...levels, "unseen"][i % (levels.length + 1)];
    })
  );
  const [byCells, byCodes] = [createColumnFindings(fields.length), createColumnFindings(fields.length)];
  const expected = predict(columns, rowCount, byCells);
  const coded = columns.map((cells, f) =>
    codedColumn(cells, fields[f].type === "numeric" ? "REAL" : undefined)
  );
  assert.deepEqual(predict([], rowCount, byCodes, coded), expected);
  assert.deepEqual(byCodes, byCells);
  assert.ok(byCells.unseen.some((rows) => rows.length > 0) && byCells.missing.some((count) => count > 0));
});
