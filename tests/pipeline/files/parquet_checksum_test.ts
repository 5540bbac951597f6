import assert from "node:assert/strict";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { readOffsetIndex } from "hyparquet/src/indexes.js";
import { join } from "node:path";
import zlib from "node:zlib";
import { createParquetFile } from "../../../pipeline/files/parquet/writer.ts";
import { structEnd } from "../../../pipeline/files/parquet/thrift.ts";
import { inFolder } from "../../support/program.ts";

const rowCount = 40_000;
const rows = (group: number) => ({
  id: Array.from({ length: rowCount }, (_, i) => BigInt(group * rowCount + i)),
  word: Array.from({ length: rowCount }, (_, i) => i % 7 === 0 ? null : `word ${i % 40}`),
  long: Array.from({ length: rowCount }, (_, i) => `${group}/${i}/${"x".repeat(i % 60)}`),
});

/** A file of two row groups, with dictionaries and columns of several pages. */
function write(path: string): Uint8Array<ArrayBuffer> {
  const text = { type: "BYTE_ARRAY", converted_type: "UTF8" } as const;
  const file = createParquetFile(path, {
    createdBy: "test",
    columns: [
      { name: "id", type: "INT64" },
      { name: "word", ...text, repetition_type: "OPTIONAL" },
      { name: "long", ...text },
    ],
  });
  for (const group of [0, 1]) file.append(Object.values(rows(group)));
  file.end();
  file.publish();
  return Deno.readFileSync(path);
}

Deno.test("parquet: each written page has its checksum, and is where the footer and the page index locate it", () =>
  inFolder((folder) => {
    const bytes = write(join(folder, "written.parquet"));
    const metadata = parquetMetadata(bytes.buffer);
    let [end, pages, indexed] = [4, 0, 0];
    for (const group of metadata.row_groups) {
      for (const { meta_data: chunk, offset_index_offset, offset_index_length } of group.columns) {
        assert.ok(chunk);
        const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
        assert.equal(start, end, "a column begins where the one before it ends");
        end = start + Number(chunk.total_compressed_size);
        const places: number[] = [];
        for (let at = start; at < end;) {
          const view = new DataView(bytes.buffer, at);
          const header = parquetHeader({ view, offset: 0 });
          const headerEnd = structEnd(bytes, at);
          assert.ok(headerEnd);
          const page = bytes.subarray(headerEnd, headerEnd + header.compressed_page_size);
          assert.equal(header.crc, zlib.crc32(page) | 0);
          places.push(at);
          at = headerEnd + page.length;
          assert.ok(at <= end, "no page extends past its column");
        }
        assert.ok(places.includes(Number(chunk.data_page_offset)));
        pages += places.length;
        if (offset_index_offset === undefined || offset_index_length === undefined) continue;
        const view = new DataView(bytes.buffer, Number(offset_index_offset), offset_index_length);
        const { page_locations } = readOffsetIndex({ view, offset: 0 });
        const dataPlaces = places.filter((place) => place >= Number(chunk.data_page_offset));
        assert.deepEqual(page_locations.map(({ offset }) => Number(offset)), dataPlaces);
        const ends = [...dataPlaces.slice(1), end];
        const sizes = page_locations.map(({ compressed_page_size }) => compressed_page_size);
        assert.deepEqual(sizes, ends.map((next, i) => next - dataPlaces[i]));
        indexed++;
      }
    }
    assert.ok(pages > 8 && indexed > 0, `${pages} pages, ${indexed} columns with a page index`);
    return Promise.resolve();
  }));

Deno.test("parquet: a file written with checksums is read back unchanged", () =>
  inFolder(async (folder) => {
    const { buffer } = write(join(folder, "written.parquet"));
    const found = await parquetReadObjects({ file: buffer });
    const expected = [0, 1].flatMap((group) => {
      const { id, word, long } = rows(group);
      return id.map((key, i) => ({ id: key, word: word[i], long: long[i] }));
    });
    assert.deepEqual(found, expected);
  }));
