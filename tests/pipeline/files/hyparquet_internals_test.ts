import assert from "node:assert/strict";
import configuration from "../../../deno.json" with { type: "json" };
import * as internals from "../../../pipeline/files/parquet/hyparquet_internals.ts";
import { listFiles, readSource } from "../../support/source_graph.ts";

const version = "1.31.5";
const names = [
  "CompressionCodecs",
  "ConvertedTypes",
  "FieldRepetitionTypes",
  "ParquetTypes",
  "byteStreamSplit",
  "deltaBinaryUnpack",
  "parquetHeader",
];

Deno.test("hyparquet internals: the version that they were tried with is the one that is pinned", () => {
  assert.equal(configuration.imports.hyparquet, `npm:hyparquet@${version}`);
  assert.deepEqual(Object.keys(internals).sort(), names);
});

Deno.test("hyparquet internals: no other file imports them by path", () => {
  const importers = listFiles("pipeline").filter((path) => path.endsWith(".ts")).map(readSource)
    .filter(({ edges }) => edges.some(({ specifier }) => specifier.startsWith("hyparquet/")));
  assert.deepEqual(importers.map(({ path }) => path), ["pipeline/files/parquet/hyparquet_internals.ts"]);
});

Deno.test("hyparquet internals: a page header, deltas and split streams are decoded", () => {
  // Thrift's compact protocol: type 0 (DATA_PAGE), sizes 20 and 10.
  const header = Uint8Array.of(0x15, 0, 0x15, 40, 0x15, 20, 0);
  const { type, uncompressed_page_size, compressed_page_size } = internals.parquetHeader({
    view: new DataView(header.buffer),
    offset: 0,
  });
  assert.deepEqual([type, uncompressed_page_size, compressed_page_size], ["DATA_PAGE", 20, 10]);
  // Blocks of 128 values with 4 miniblocks, one value, the first is 7.
  const deltas = Uint8Array.of(0x80, 1, 4, 1, 14);
  const values = new Int32Array(1);
  internals.deltaBinaryUnpack({ view: new DataView(deltas.buffer), offset: 0 }, 1, values);
  assert.deepEqual([...values], [7]);
  const split = Uint8Array.of(0, 0, 0x80, 0x3f);
  const reals = internals.byteStreamSplit(
    { view: new DataView(split.buffer), offset: 0 },
    1,
    "FLOAT",
    undefined,
  );
  assert.deepEqual([...reals], [1]);
});
