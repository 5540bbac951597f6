import assert from "node:assert/strict";
import {
  appendFault,
  appendInteger,
  appendNull,
  appendReal,
  type ColumnBuffer,
  createBuffer,
} from "../../../pipeline/files/columns/column_buffer.ts";
import { appendNumbers, copierOf } from "../../../pipeline/files/columns/copied_rows.ts";

function numbers(type: "INTEGER" | "REAL", values: readonly number[]): ColumnBuffer {
  const buffer = createBuffer(type);
  for (const value of values) {
    if (buffer.type === "INTEGER") appendInteger(buffer, value);
    if (buffer.type === "REAL") appendReal(buffer, value);
  }
  return buffer;
}

/** Returns what a reader can see of a buffer. */
function contentOf(buffer: ColumnBuffer): unknown {
  const { length, nullCount } = buffer;
  const values = buffer.type === "INTEGER"
    ? buffer.words.slice(0, 2 * length)
    : buffer.type === "REAL"
    ? buffer.values.slice(0, length)
    : undefined;
  return { length, nullCount, values, nulls: buffer.nulls.slice(0, length) };
}

for (const type of ["INTEGER", "REAL"] as const) {
  Deno.test(`copied rows: numbers copied together are those copied one by one, ${type}`, () => {
    const source = numbers(type, [5, -3, 2 ** 40, 7]);
    const indices = Int32Array.from({ length: 5_000 }, (_, i) => (i * 7) % 4);
    const [together, alone] = [numbers(type, [1, 2]), numbers(type, [1, 2])];
    // A buffer that is used again has marks of nulls that were there before.
    for (const buffer of [together, alone]) buffer.nulls.fill(1, 2);
    assert.ok(appendNumbers(together, source, indices, 4_999));
    const copy = copierOf(alone, source);
    for (const index of indices.subarray(0, 4_999)) copy(index);
    assert.deepEqual(contentOf(together), contentOf(alone));
  });
}

Deno.test("copied rows: nulls, faults and texts are not copied together", () => {
  const [buffer, indices] = [numbers("REAL", [1]), Int32Array.of(0)];
  const withNull = numbers("REAL", [1]);
  appendNull(withNull);
  const withFault = numbers("REAL", [1]);
  appendFault(withFault, "no number");
  for (const source of [withNull, withFault, numbers("INTEGER", [1])]) {
    assert.equal(appendNumbers(buffer, source, indices, 1), false);
  }
  assert.equal(appendNumbers(createBuffer("TEXT"), createBuffer("TEXT"), indices, 0), false);
  assert.equal(buffer.length, 1);
});
