import assert from "node:assert/strict";
import fc from "fast-check";
import { compressors } from "hyparquet-compressors";
import { snappyCompress } from "../../../pipeline/files/parquet/hyparquet_writer_internals.ts";
import { snappyIntegers, snappyUncompress } from "../../../pipeline/files/parquet/page_kernel.ts";
import { snappyBytes } from "../../../pipeline/files/parquet/snappy_writer.ts";
import { createRandom } from "../../../pipeline/math/random.ts";

function assertAsLibrary(input: Uint8Array): void {
  const bytes = snappyBytes(input).slice();
  assert.ok(compressors.SNAPPY);
  assert.deepEqual(compressors.SNAPPY(bytes, input.length), input);
  assert.deepEqual(bytes, snappyCompress(input));
}

Deno.test("snappy: any bytes are compressed as the library compresses them", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.nat(2), { maxLength: 500 }).map((values) => Uint8Array.from(values)),
  );
  fc.assert(fc.property(bytes, assertAsLibrary), { seed: 7, numRuns: 500 });
});

Deno.test("snappy: copies of any length and distance, and literals of any length, are as the library's", () => {
  const random = createRandom(7);
  const noise = (length: number) => Uint8Array.from({ length }, () => random.below(256));
  for (const length of [1, 14, 15, 16, 60, 61, 256, 257, 2_047, 2_048, 65_535, 65_536, 70_000, 300_000]) {
    assertAsLibrary(noise(length));
    const piece = noise(100);
    for (const copied of [4, 11, 12, 63, 64, 65, 67, 68, 69, 100]) {
      const input = new Uint8Array(length + 2 * piece.length);
      input.set(piece);
      input.set(noise(length), piece.length);
      input.set(piece.subarray(0, copied), piece.length + length);
      assertAsLibrary(input.subarray(0, piece.length + length + copied));
      assertAsLibrary(input);
    }
  }
  assertAsLibrary(new Uint8Array());
  assertAsLibrary(new Uint8Array(600_000));
  assertAsLibrary(new Uint8Array(BigInt64Array.from({ length: 65_536 }, (_, i) => BigInt(i * 3)).buffer));
});

function assertReadBack(values: BigInt64Array): Uint8Array {
  const bytes = snappyIntegers(values).slice();
  assert.ok(compressors.SNAPPY);
  assert.deepEqual(compressors.SNAPPY(bytes, values.byteLength), new Uint8Array(values.buffer.slice(0)));
  return bytes;
}

Deno.test("snappy: integers of any bytes are read back, whichever bytes differ from those of the one before", () => {
  const integer = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -300n, max: 300n }),
    fc.nat(4).chain((n) => fc.nat(255).map((byte) => BigInt(byte) << BigInt(8 * n))),
  );
  fc.assert(
    fc.property(
      fc.array(integer, { maxLength: 80 }),
      (values) => void assertReadBack(BigInt64Array.from(values)),
    ),
    { seed: 7, numRuns: 500 },
  );
});

Deno.test("snappy: integers in many steps are read back, and ids in order take as much as the library's", () => {
  const random = createRandom(7);
  let id = 500_000_000n;
  const ids = BigInt64Array.from({ length: 65_536 }, () => id += BigInt(1 + random.below(250)));
  const library = snappyCompress(new Uint8Array(ids.buffer)).length;
  assert.ok(assertReadBack(ids).length < 1.02 * library);
  const noise = BigInt64Array.from({ length: 10_000 }, () => BigInt(random.below(2 ** 32)) << 31n);
  assert.ok(assertReadBack(noise).length < noise.byteLength + 32 + noise.byteLength / 6);
});

Deno.test("snappy: what is compressed is decompressed, and damaged bytes are an error or other bytes of the same length", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.nat(2), { maxLength: 5_000 }).map((values) => Uint8Array.from(values)),
    // Repetitions of 1 to 40 bytes.
    fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 2, max: 100 })).map((
      [piece, times],
    ) => Uint8Array.from({ length: piece.length * times }, (_, i) => piece[i % piece.length])),
  );
  fc.assert(
    fc.property(bytes, fc.nat(), fc.nat(255), (input, place, byte) => {
      const compressed = snappyBytes(input).slice();
      assert.deepEqual(snappyUncompress(compressed, input.length), input);
      assert.throws(() => snappyUncompress(compressed, input.length + 1), /compressed by Snappy/);
      assert.throws(() => snappyUncompress(compressed.subarray(0, -1), input.length), /compressed by Snappy/);
      const damaged = compressed.slice();
      damaged[place % damaged.length] = byte;
      try {
        assert.equal(snappyUncompress(damaged, input.length).length, input.length);
      } catch (error) {
        assert.match(String(error), /compressed by Snappy/);
      }
    }),
    { seed: 8, numRuns: 2_000 },
  );
});

Deno.test("snappy: a literal and a distance that four bytes hold are read, and lengths beyond the page rejected", () => {
  // A literal of 3 bytes whose length is in four, then a copy of 4 bytes at a distance in four.
  const compressed = Uint8Array.of(7, 63 << 2, 2, 0, 0, 0, 65, 66, 67, 3 << 2 | 3, 3, 0, 0, 0);
  assert.deepEqual(snappyUncompress(compressed, 7), Uint8Array.of(65, 66, 67, 65, 66, 67, 65));
  for (const place of [5, 13]) {
    const beyond = compressed.slice();
    beyond[place] = 255;
    assert.throws(() => snappyUncompress(beyond, 7), /compressed by Snappy/);
  }
});
