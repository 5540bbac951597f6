import assert from "node:assert/strict";
import fc from "fast-check";
import { createByteCodes } from "../../../pipeline/engine/byte_codes.ts";
import { createIdOrder } from "../../../pipeline/engine/id_order.ts";

Deno.test("ids of copied rows: their order is that of 64-bit integers, equal ones as they came", () => {
  const id = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -3n, max: 3n }),
  );
  fc.assert(fc.property(fc.array(id), (values) => {
    const ids = createIdOrder();
    for (const value of values) ids.add(Number(value >> 32n), Number(value & 0xffffffffn));
    const sorted = [...values.keys()].sort((a, b) =>
      values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : a - b
    );
    const isSorted = sorted.every((row, place) => row === place);
    const { order, repeated } = ids.sorted();
    assert.deepEqual(order, isSorted ? undefined : Uint32Array.from(sorted));
    const first = sorted.find((row, place) => place > 0 && values[row] === values[sorted[place - 1]]);
    assert.equal(repeated, first === undefined ? undefined : values[first]);
  }));
  const many = createIdOrder();
  for (let i = 200_000; i > 0; i--) many.add(0, i);
  assert.deepEqual(many.sorted().order, Uint32Array.from({ length: 200_000 }, (_, i) => 199_999 - i));
});

Deno.test("levels of copied rows: each text has one code, whatever its length and however many there are", () => {
  const encoder = new TextEncoder();
  const read = (texts: readonly string[]) => {
    const codes = createByteCodes();
    const found = texts.map((text) => {
      const bytes = encoder.encode(`..${text}.`);
      return codes.codeOf(bytes, 2, bytes.length - 1);
    });
    assert.deepEqual(found.map((code) => codes.levels[code]), texts);
    assert.equal(codes.levels.length, 1 + new Set(texts).size);
  };
  const text = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.constantFrom("", "a", "b".repeat(24), "c".repeat(25)),
  );
  fc.assert(fc.property(fc.array(text.filter((own) => own.isWellFormed())), read));
  read(Array.from({ length: 30_000 }, (_, i) => `level ${i % 20_000}`));
});
