import assert from "node:assert/strict";
import {
  appendAllWords,
  appendFault,
  appendInteger,
  appendNull,
  appendReal,
  appendText,
  appendWords,
  clearBuffer,
  type ColumnBuffer,
  createBuffer,
} from "../../../pipeline/files/columns/column_buffer.ts";
import { copierOf } from "../../../pipeline/files/columns/copied_rows.ts";

function numbers(type: "INTEGER" | "REAL", values: readonly number[]): ColumnBuffer {
  const buffer = createBuffer(type);
  for (const value of values) {
    if (buffer.type === "INTEGER") appendInteger(buffer, value);
    if (buffer.type === "REAL") appendReal(buffer, value);
  }
  return buffer;
}

function texts(values: readonly string[]): ColumnBuffer {
  const buffer = createBuffer("TEXT");
  for (const value of values) {
    const bytes = new TextEncoder().encode(value);
    if (buffer.type === "TEXT") appendText(buffer, bytes, 0, bytes.length);
  }
  return buffer;
}

/** Returns what a reader can see of a buffer. */
function contentOf(buffer: ColumnBuffer): unknown {
  const { length, nullCount } = buffer;
  const rows = { length, nullCount, nulls: buffer.nulls.slice(0, length) };
  switch (buffer.type) {
    case "INTEGER":
      return { ...rows, values: buffer.words.slice(0, 2 * length) };
    case "REAL":
      return { ...rows, values: buffer.values.slice(0, length) };
    case "TEXT": {
      const { byteCount, textLength, longest, isAscii } = buffer;
      const values = [buffer.spans.slice(0, 2 * length), buffer.bytes.slice(0, byteCount)];
      return { ...rows, values, byteCount, textLength, longest, isAscii };
    }
  }
}

for (const type of ["INTEGER", "REAL"] as const) {
  Deno.test(`copied rows: numbers copied together are those copied one by one, ${type}`, () => {
    const source = numbers(type, [5, -3, 2 ** 40, 7]);
    const indices = Int32Array.from({ length: 5_000 }, (_, i) => (i * 7) % 4);
    const [together, alone] = [numbers(type, [1, 2]), numbers(type, [1, 2])];
    // A buffer that is used again has marks of nulls that were there before.
    for (const buffer of [together, alone]) buffer.nulls.fill(1, 2);
    assert.ok(copierOf(together, source).all(indices, 4_999));
    const copy = copierOf(alone, source);
    for (const index of indices.subarray(0, 4_999)) copy(index);
    assert.deepEqual(contentOf(together), contentOf(alone));
  });
}

Deno.test("copied rows: texts copied together are those copied one by one, each once, also after the buffer is cleared", () => {
  const source = texts(["", "é", "a longer text", "b"]);
  const indices = Int32Array.from({ length: 5_000 }, (_, i) => (i * 7 + (i >> 5)) % 4);
  const [together, alone] = [texts(["first"]), texts(["first"])];
  const [copyTogether, copyAlone] = [copierOf(together, source), copierOf(alone, source)];
  for (let fill = 0; fill < 2; fill++) {
    for (const part of [indices.subarray(3), indices]) {
      assert.ok(copyTogether.all(part, 4_990));
      for (const index of part.subarray(0, 4_990)) copyAlone(index);
      assert.deepEqual(contentOf(together), contentOf(alone));
    }
    for (const buffer of [together, alone]) clearBuffer(buffer);
  }
});

Deno.test("copied rows: nulls and faults are not copied together", () => {
  const [buffer, indices] = [numbers("REAL", [1]), Int32Array.of(0)];
  const withNull = numbers("REAL", [1]);
  appendNull(withNull);
  const withFault = numbers("REAL", [1]);
  appendFault(withFault, "no number");
  for (const source of [withNull, withFault]) {
    assert.equal(copierOf(buffer, source).all(indices, 1), false);
  }
  assert.throws(() => copierOf(buffer, numbers("INTEGER", [1])));
  assert.equal(buffer.length, 1);
});

Deno.test("appended integers: all at once are those one by one", () => {
  const words = Int32Array.from({ length: 6_000 }, (_, i) => (i * 0x9e3779b1) | 0);
  const [together, alone] = [numbers("INTEGER", [1, 2]), numbers("INTEGER", [1, 2])];
  together.nulls.fill(1, 2);
  assert.ok(together.type === "INTEGER" && alone.type === "INTEGER");
  appendAllWords(together, words);
  for (let i = 0; i < words.length; i += 2) appendWords(alone, words[i], words[i + 1]);
  assert.deepEqual(contentOf(together), contentOf(alone));
});
