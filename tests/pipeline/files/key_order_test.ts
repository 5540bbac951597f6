import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { bufferCell } from "../../../pipeline/files/columns/batch.ts";
import { appendExact, appendFinite, appendString } from "../../../pipeline/files/columns/checked_append.ts";
import {
  appendNull,
  type ColumnBuffer,
  createBuffer,
} from "../../../pipeline/files/columns/column_buffer.ts";
import { isUtf8 } from "../../../pipeline/files/columns/utf8.ts";
import { isAscending, orderByKey } from "../../../pipeline/files/columns/key_order.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { createIntegerKeys, createIntegerSet, integerKeys } from "../../../pipeline/ingest/integer_set.ts";
import { createKeySet } from "../../../pipeline/ingest/key_set.ts";

// The same cases in every run, so that a failure can be repeated.
fc.configureGlobal({ seed: 20260101 });

function texts(values: readonly string[]): ColumnBuffer {
  const buffer = createBuffer("TEXT");
  if (buffer.type === "TEXT") { for (const value of values) appendString(buffer, value); }
  return buffer;
}

function integers(values: readonly (number | bigint | null)[]): ColumnBuffer {
  const buffer = createBuffer("INTEGER");
  if (buffer.type === "INTEGER") {
    for (const value of values) {
      if (value === null) appendNull(buffer);
      else appendExact(buffer, value);
    }
  }
  return buffer;
}

function reals(values: readonly number[]): ColumnBuffer {
  const buffer = createBuffer("REAL");
  if (buffer.type === "REAL") { for (const value of values) appendFinite(buffer, value); }
  return buffer;
}

const ordered = (buffer: ColumnBuffer) => [...orderByKey(buffer)].map((row) => bufferCell(buffer, row));

Deno.test("rows are ordered by the first bytes of their keys behind what all begin with", () => {
  assert.deepEqual(ordered(texts(["lead-0002", "lead-0010", "lead-0001", "lead-0003"])), [
    "lead-0001",
    "lead-0002",
    "lead-0003",
    "lead-0010",
  ]);
  assert.deepEqual(ordered(texts(["b", "", "ab", "a"])), ["", "a", "ab", "b"]);
  assert.deepEqual(ordered(texts([])), []);
});

Deno.test("rows of equal keys keep their order", () => {
  assert.deepEqual([...orderByKey(integers([5, 3, 5, 3, 5]))], [1, 3, 0, 2, 4]);
  assert.deepEqual([...orderByKey(texts(["x", "x", "x"]))], [0, 1, 2]);
});

Deno.test("many rows are ordered as few are: by text, equal texts as they came", () => {
  const random = createRandom(3);
  const letters = ["", "a", "aa", "b", "z", "Ä", "東"];
  const values = Array.from({ length: 5_000 }, (_, i) => {
    const parts = Array.from({ length: random.below(9) }, () => letters[random.below(letters.length)]);
    return i % 3 === 0 ? "lead" : `lead-${parts.join("")}`;
  });
  const bytesOf = (row: number) => Buffer.from(values[row]);
  const expected = [...values.keys()].sort((a, b) => Buffer.compare(bytesOf(a), bytesOf(b)) || a - b);
  assert.deepEqual([...orderByKey(texts(values))], expected);
});

Deno.test("any numbers are ordered roughly: none precedes one that is smaller by a millionth of their range", () =>
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 50 }),
      (values) => {
        const span = Math.max(...values) / 2 - Math.min(...values) / 2;
        // Numbers without a normal span have no finite scale to be ordered on.
        fc.pre(!(span > 0) || span > 1e-290);
        const sorted = ordered(reals(values)).map(Number);
        assert.equal(sorted.length, values.length);
        for (let i = 1; i < sorted.length; i++) assert.ok(sorted[i - 1] / 2 - sorted[i] / 2 <= span * 1e-6);
      },
    ),
  ));

Deno.test("integers beyond 2^53 are ordered too", () => {
  assert.deepEqual(ordered(integers([2n ** 62n, -(2n ** 62n), 0])), [-(2n ** 62n), 0, 2n ** 62n]);
});

Deno.test("whether keys ascend is seen across the rows that were there before", () => {
  const buffer = texts(["a", "b", "ba"]);
  assert.equal(isAscending(buffer, 0), true);
  if (buffer.type === "TEXT") appendString(buffer, "b");
  assert.deepEqual([isAscending(buffer, 3), isAscending(buffer, 4)], [false, true]);
  assert.equal(isAscending(integers([-5, -5, 2 ** 40, 2n ** 60n]), 0), true);
  assert.equal(isAscending(integers([2 ** 40, 5]), 0), false);
});

Deno.test("a set of keys has what was added, and of what was not, nothing", () => {
  const even = texts(Array.from({ length: 120_000 }, (_, i) => `key-${2 * i}`));
  const odd = texts(Array.from({ length: 120_000 }, (_, i) => `key-${2 * i + 1}`));
  const set = createKeySet();
  set.addAll(even);
  let [found, mistaken] = [0, 0];
  for (let row = 0; row < even.length; row++) {
    if (set.has(even, row)) found++;
    if (set.has(odd, row)) mistaken++;
  }
  assert.deepEqual([found, mistaken], [even.length, 0]);
});

Deno.test("integers of a set are found, and one that was rounded to them is not", () => {
  const made = createIntegerSet();
  for (const id of [-(2 ** 53 - 1), -7, 0, 3, 2 ** 40, 2 ** 53 - 1]) made.addAll(Float64Array.of(id, 99), 1);
  const set = made.get();
  assert(set);
  const keys = integerKeys(set);
  const given = integers([-7, 0, 3, 2 ** 40, 2n ** 53n - 1n, -8, 1, 4, 99, 2n ** 53n, -(2n ** 53n)]);
  const found = Array.from({ length: given.length }, (_, row) => keys.has(given, row));
  assert.deepEqual(found, [true, true, true, true, true, false, false, false, false, false, false]);
  assert.equal(keys.has(texts(["3"]), 0), false);
});

Deno.test("a set of integers holds them in any order, and is given up if they are too far apart", () => {
  const ascending = Array.from({ length: 30_000 }, (_, i) => 1e12 + 7 * i);
  const farApart = ascending.map((value) => 10_000 * (value - 1e12) - 1e7);
  const mix = (values: number[]) => values.map((_, i) => values[(i * 7_919) % values.length]);
  for (const values of [ascending, farApart, mix(ascending), mix(farApart)]) {
    const made = createIntegerSet();
    // In runs of any length.
    for (const [from, to] of [[0, 5], [5, 20_000], [20_000, 30_000]]) {
      made.addAll(Float64Array.from(values.slice(from, to)), to - from);
    }
    const set = made.get();
    assert(set);
    const keys = integerKeys(set);
    const has = (buffer: ReturnType<typeof integers>) =>
      Array.from({ length: buffer.length }, (_, row) => keys.has(buffer, row));
    assert(has(integers(values)).every((found) => found));
    assert(!has(integers(values.map((value) => value + 3))).some((found) => found));
  }
  const sparse = createIntegerSet();
  sparse.addAll(Float64Array.of(0, 2 ** 40), 2);
  assert.equal(sparse.get(), undefined);
  assert.deepEqual(createIntegerSet().get()?.segments.length, 0);
});

Deno.test("a set of integers that lie close together takes two bytes for each, and is given up beyond its memory", () => {
  const values = Float64Array.from({ length: 2 ** 20 }, (_, i) => 5 + 100 * i);
  const bytesOf = (made: ReturnType<typeof createIntegerSet>) =>
    made.get()?.segments.reduce((sum, { lows, starts }) => sum + lows.byteLength + starts.byteLength, 0) ??
      NaN;
  const [close, apart] = [createIntegerSet(2.1 * 2 ** 20), createIntegerSet(2.1 * 2 ** 20)];
  close.addAll(values, values.length);
  assert.ok(bytesOf(close) >= 2 ** 21);
  apart.addAll(values.map((value) => 100 * value), values.length);
  assert.equal(apart.get(), undefined);
});

Deno.test("integer keys of a table are known while all are exact and there", () => {
  const known = createIntegerKeys();
  known.addAll(integers([10, 11, 12]));
  assert.deepEqual([9, 10, 12, 13].map((key) => known.has(integers([key]), 0)), [false, true, true, false]);
  known.addAll(integers([3, 2, 2]));
  assert.deepEqual([1, 2, 3, 11].map((key) => known.has(integers([key]), 0)), [false, true, true, true]);
  for (const buffer of [integers([20, 2n ** 53n]), integers([20, null]), texts(["20"])]) {
    const keys = createIntegerKeys();
    keys.addAll(integers([20]));
    keys.addAll(buffer);
    assert.equal(keys.has(integers([20]), 0), false, "looked up in the store");
  }
});

Deno.test("sets tell keys of each type apart", () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => i);
  const made = [
    (ids: number[]) => integers(ids.map((i) => i % 2 === 0 ? i : BigInt(i) << 32n)),
    (ids: number[]) => reals(ids.map((i) => i / 7)),
    (ids: number[]) => texts(ids.map((i) => "x".repeat(i % 50) + i)),
  ];
  for (const make of made) {
    const set = createKeySet(rows.length);
    set.addAll(make(rows.filter((row) => row % 2 === 0)));
    const buffer = make(rows);
    for (const row of rows) assert.equal(set.has(buffer, row), row % 2 === 0, `${buffer.type} ${row}`);
  }
});

Deno.test("text is UTF-8 if the runtime's own decoder accepts it", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const isValid = (bytes: Uint8Array) => {
    try {
      decoder.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  const byte = fc.oneof(
    fc.constantFrom(
      0x41,
      0x7f,
      0x80,
      0x8f,
      0x90,
      0x9f,
      0xa0,
      0xbf,
      0xc0,
      0xc2,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf5,
    ),
    fc.integer({ min: 0, max: 255 }),
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 6 }), (values) => {
      const bytes = Uint8Array.from(values);
      assert.equal(isUtf8(bytes, 0, bytes.length), isValid(bytes));
    }),
    { numRuns: 3_000 },
  );
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      (text) => isUtf8(new TextEncoder().encode(text), 0, new TextEncoder().encode(text).length),
    ),
  );
});
