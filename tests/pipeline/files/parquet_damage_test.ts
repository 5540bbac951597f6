import assert from "node:assert/strict";
import { deflateSync, gzipSync } from "node:zlib";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { openSource } from "../../../pipeline/files/byte_source.ts";
import { Failure } from "../../../pipeline/failure.ts";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { createIndexReader } from "../../../pipeline/files/parquet/page_kernel.ts";
import { createHybridReader } from "../../../pipeline/files/parquet/rle_bit_packed.ts";
import { readPages } from "../../../pipeline/files/parquet/page.ts";
import { structEnd } from "../../../pipeline/files/parquet/thrift.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { varint } from "../../support/equal_rows.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { contentOf, type LoadedStore, rowsOf, thingsSchema, withTables } from "../../support/tables.ts";
import { inFolder, root } from "../../support/program.ts";

function fixture(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(join(root, `tests/fixtures/parquet/${name}.parquet`));
}

/** Loads bytes as a file. @returns The failure; undefined if they load. */
async function failureOf({ store, write }: LoadedStore, bytes: Uint8Array): Promise<Failure | undefined> {
  const path = write("damaged.parquet", bytes);
  try {
    await ingest(store, { files: { things: [path] }, allowMissing: true });
    return undefined;
  } catch (error) {
    assert(error instanceof Failure, `a bug: ${error instanceof Error ? error.stack : error}`);
    return error;
  }
}

Deno.test("parquet: any truncation fails and leaves the store as it was", () =>
  withTables(async (loaded) => {
    const whole = fixture("codec_gzip");
    const before = contentOf(loaded.store);
    const lengths = [
      ...Array(12).keys(),
      ...Array.from({ length: 60 }, (_, i) => Math.floor(i * whole.length / 60)),
    ];
    for (let k = 1; k <= 40; k++) lengths.push(whole.length - k);
    for (const length of lengths) {
      const failure = await failureOf(loaded, whole.subarray(0, length));
      assert.equal(failure?.kind, "file-invalid", `${length} bytes`);
    }
    assert.deepEqual(contentOf(loaded.store), before);
  }, thingsSchema));

for (
  const name of [
    "codec_snappy",
    "codec_lz4",
    "pages_v2",
    "encoding_delta",
    "encoding_streams_v2",
    "type_decimal128",
  ]
) {
  Deno.test(`parquet: ${name.replaceAll("_", " ")} with any byte changed loads or fails, and is never a bug`, () =>
    withTables(async (loaded) => {
      const whole = fixture(name);
      const random = createRandom(1);
      const before = contentOf(loaded.store);
      let failures = 0;
      for (let round = 0; round < 150; round++) {
        const bytes = whole.slice();
        for (let k = 0; k <= round % 3; k++) bytes[random.below(bytes.length)] = random.below(256);
        const failure = await failureOf(loaded, bytes);
        if (failure) {
          failures++;
          assert.deepEqual(contentOf(loaded.store), before, failure.message);
        } else loaded.store.db.exec("DELETE FROM things; DELETE FROM loads");
      }
      assert.ok(failures > 20, `${failures} of 150 failed`);
    }, thingsSchema));
}

Deno.test("parquet: a page with another checksum than its bytes is rejected, with column and row group", () =>
  withTables(async ({ store, write }) => {
    const bytes = fixture("pages_checksum");
    // In the middle of the pages, in front of the footer.
    bytes[400] ^= 1;
    const path = write("flipped.parquet", bytes);
    await assertRejected(
      ingest(store, { files: { things: [path] } }),
      "file-invalid",
      /flipped\.parquet: column "\w+", row group 1: a page's checksum is not that of its bytes\. The file is damaged/,
    );
  }, thingsSchema));

Deno.test("parquet: a page that expands beyond the size in its header is stopped", () =>
  withTables(async ({ store, write }) => {
    const bomb = gzipSync(new Uint8Array(64 * 2 ** 20));
    const bytes = parquetWriteBuffer({
      columnData: [{ name: "id", data: [1, 2, 3], type: "INT32", nullable: false }],
      codec: "GZIP",
      compressors: { GZIP: () => bomb },
    });
    const path = write("bomb.parquet", new Uint8Array(bytes));
    const before = Deno.memoryUsage().external;
    await assertRejected(
      ingest(store, { files: { things: [path] }, allowMissing: true }),
      "file-invalid",
      /bomb\.parquet: column "id", row group 1: Cannot create a Buffer larger than 12 bytes/,
    );
    assert.ok(Deno.memoryUsage().external - before < 16 * 2 ** 20, "nothing was unpacked");
  }, thingsSchema));

Deno.test("parquet: pages packed by zlib in place of gzip, as some programs write, are read", () =>
  withTables(async ({ store, write }) => {
    const bytes = parquetWriteBuffer({
      columnData: [{ name: "id", data: [1, 2, 3], type: "INT32", nullable: false }],
      codec: "GZIP",
      compressors: { GZIP: (input: Uint8Array) => deflateSync(input) },
    });
    const path = write("zlib.parquet", new Uint8Array(bytes));
    await ingest(store, { files: { things: [path] }, allowMissing: true });
    assert.deepEqual(rowsOf(store, "things").map(({ id }) => id), [1, 2, 3]);
  }, thingsSchema));

Deno.test("parquet: a codec that is not supported is named, and so are those that are", () =>
  withTables(async ({ store, write }) => {
    const bytes = parquetWriteBuffer({
      columnData: [{ name: "id", data: [1, 2, 3], type: "INT32" }],
      codec: "LZO",
      compressors: { LZO: (input: Uint8Array) => input },
    });
    await assertRejected(
      ingest(store, { files: { things: [write("lzo.parquet", new Uint8Array(bytes))] }, allowMissing: true }),
      "file-invalid",
      /the codec LZO is not supported\. Write it as snappy, gzip, zstd, brotli or lz4\.$/,
    );
  }, thingsSchema));

Deno.test("parquet: NULLs in the encoding of old, which is not read, are rejected by its name", () =>
  withTables(async (loaded) => {
    const bytes = fixture("codec_none");
    // A page's header: how the NULLs are encoded, and how repetitions are.
    const at = bytes.findIndex((_, i) => [0x15, 0x06, 0x15, 0x06].every((byte, k) => bytes[i + k] === byte));
    bytes[at + 1] = 0x08;
    const failure = await failureOf(loaded, bytes);
    assert.match(
      String(failure?.message),
      /row group 1: the encoding BIT_PACKED of NULLs is not supported\. Write the file with a current version of its/,
    );
  }, thingsSchema));

for (
  const { what, change, message } of [
    {
      what: "an encrypted file",
      change: (b: Uint8Array) => b.fill(0x45, b.length - 1),
      message: /it is encrypted/,
    },
    {
      what: "a footer of four gigabytes",
      change: (b: Uint8Array) => b.fill(0xff, b.length - 8, b.length - 4),
      message: /its footer takes 4294967295 bytes, expected at most 67108864/,
    },
    {
      what: "a footer longer than its file",
      change: (b: Uint8Array) => b.fill(0xff, b.length - 8, b.length - 6),
      message: /its footer is longer than the file/,
    },
    {
      what: "another kind of file at its end",
      change: (b: Uint8Array) => b.fill(0x20, b.length - 4),
      message: /it does not end like a parquet file/,
    },
  ]
) {
  Deno.test(`parquet: ${what} is rejected`, () =>
    withTables(async (loaded) => {
      const bytes = fixture("codec_none");
      change(bytes);
      const failure = await failureOf(loaded, bytes);
      assert.equal(failure?.kind, "file-invalid");
      assert.match(failure.message, message);
    }, thingsSchema));
}

Deno.test("parquet: two columns of one name are rejected", () =>
  withTables(async (loaded) => {
    const columnData = ["id", "word", "id"].map((name) => ({ name, data: [1], type: "INT32" as const }));
    const twice = await failureOf(loaded, new Uint8Array(parquetWriteBuffer({ columnData })));
    assert.match(String(twice?.message), /it has two columns named id\. Rename one/);
  }, thingsSchema));

/** The header of a page: its kind and its sizes. */
function pageHeader(kind: number, size: number, compressedSize: number): number[] {
  return [0x15, ...varint(2 * kind), 0x15, ...varint(2 * size), 0x15, ...varint(2 * compressedSize), 0x00];
}

Deno.test("parquet: a page whose header exceeds the limit is rejected before it is read", () =>
  inFolder((folder) => {
    const path = join(folder, "page");
    const header = pageHeader(0, 257 * 2 ** 20, 10);
    Deno.writeFileSync(path, Uint8Array.from([...header, ...Array(10).fill(0)]));
    const source = openSource(path);
    try {
      const chunk = { codec: "ZSTD", offset: 0, byteCount: source.size };
      assert.throws(
        () => [...readPages(source, chunk, true)],
        /a page of 269484032 bytes is not supported/,
      );
      const short = { ...chunk, byteCount: header.length + 9 };
      assert.throws(() => [...readPages(source, short, true)], /a page extends past its column/);
    } finally {
      source.close();
    }
    return Promise.resolve();
  }));

Deno.test("parquet: a page whose length is not a count is rejected: reading it would never end", () =>
  inFolder((folder) => {
    const path = join(folder, "page");
    // A double in place of the length, of which there is always something left.
    const length = new Uint8Array(Float64Array.of(4e-260).buffer);
    Deno.writeFileSync(path, Uint8Array.from([0x15, 0, 0x15, 6, 0x17, ...length, 0, 1, 2, 3]));
    const source = openSource(path);
    try {
      const chunk = { codec: "UNCOMPRESSED", offset: 0, byteCount: source.size };
      assert.throws(
        () => [...readPages(source, chunk, true)],
        /a page's header lacks a count/,
      );
    } finally {
      source.close();
    }
    return Promise.resolve();
  }));

Deno.test("thrift: the end of a structure is found without making anything of it", () => {
  const header = Uint8Array.from(pageHeader(0, 300, 200));
  assert.equal(structEnd(header, 0), header.length);
  for (let length = 0; length < header.length; length++) {
    assert.equal(structEnd(header.subarray(0, length), 0), undefined);
  }
});

Deno.test("thrift: a list with a length of billions of entries ends after the last byte, at once", () => {
  // A field that is a list of two billion lists, and so on.
  const bytes = Uint8Array.from([
    0x19,
    ...Array.from({ length: 8 }, () => [0xf9, ...varint(2 ** 31 - 1)]).flat(),
  ]);
  assert.equal(structEnd(bytes, 0), undefined);
});

Deno.test("thrift: structures and lists that are nested too deep are rejected", () => {
  assert.throws(() => structEnd(new Uint8Array(100).fill(0x1c), 0), /nested more than 16 deep/);
  assert.throws(
    () => structEnd(Uint8Array.from([0x19, ...Array(100).fill(0x19)]), 0),
    /nested more than 16 deep/,
  );
});

Deno.test("hybrid: a run of half a billion equal values is read as far as requested", () => {
  const [ofSeven, ofOne] = [7, 1].map((value) => [...varint(2 * 500_000_000), value]);
  const reader = createIndexReader(Uint8Array.from([3, ...ofSeven]));
  const output = new Int32Array(5);
  for (let k = 0; k < 1_000; k++) assert.equal(reader.read(output, 5), 7);
  assert.deepEqual([...output], [7, 7, 7, 7, 7]);
  const levels = createHybridReader(Uint8Array.from(ofOne), 0, ofOne.length);
  const ones = new Uint8Array(5);
  for (let k = 0; k < 1_000; k++) levels.read(ones, 5);
  assert.deepEqual([...ones], [1, 1, 1, 1, 1]);
});

Deno.test("hybrid: many short runs of both kinds, read in parts of any size, come out in order", () => {
  const values: number[] = [];
  const data: number[] = [20];
  for (let k = 0; k < 60_000; k++) {
    const value = (k * 7_919) % 2 ** 20;
    if (k % 2 === 0) {
      data.push(...varint(2 * (k % 5)), value & 255, value >> 8 & 255, value >> 16);
      values.push(...Array<number>(k % 5).fill(value));
    } else {
      // Eight values in 20 bytes, of which only the first is not 0.
      data.push(3, value & 255, value >> 8 & 255, value >> 16, ...Array<number>(17).fill(0));
      values.push(value, ...Array<number>(7).fill(0));
    }
  }
  for (const part of [values.length, 1, 4_096, 100_000]) {
    const reader = createIndexReader(Uint8Array.from(data));
    const output = new Int32Array(part);
    for (let from = 0; from < values.length; from += part) {
      const expected = values.slice(from, from + part);
      const greatest = reader.read(output, expected.length);
      if (part === 1 && output[0] === expected[0] && greatest === expected[0]) continue;
      assert.deepEqual([...output.subarray(0, expected.length)], expected);
      assert.equal(greatest, expected.reduce((a, b) => Math.max(a, b)));
    }
    assert.throws(() => reader.read(output, 1), /end before their count/);
  }
});

Deno.test("hybrid: packed values of any width come out as they went in, and their end is an error", () => {
  for (let width = 1; width <= 32; width++) {
    const values = Array.from({ length: 16 }, (_, i) => (i * 2_654_435_761) % 2 ** width);
    const bytes = new Uint8Array(2 + 2 * width);
    bytes[0] = width;
    bytes[1] = 2 * 2 + 1;
    for (const [i, value] of values.entries()) {
      for (let k = 0; k < width; k++) {
        const bit = i * width + k;
        bytes[2 + (bit >> 3)] |= (Math.floor(value / 2 ** k) % 2) << (bit & 7);
      }
    }
    const reader = createIndexReader(bytes);
    const output = new Int32Array(16);
    assert.equal(reader.read(output, 16), Math.max(...values), `${width} bits`);
    assert.deepEqual([...output].map((value) => value >>> 0), values, `${width} bits`);
    assert.throws(() => reader.read(output, 1), /end before their count/);
  }
});
