import assert from "node:assert/strict";
import { ByteWriter, parquetWriteBuffer, ParquetWriter } from "hyparquet-writer";
import { join } from "node:path";
import { Failure } from "../../../pipeline/failure.ts";
import { openSource } from "../../../pipeline/files/byte_source.ts";
import { clearBuffer } from "../../../pipeline/files/columns/column_buffer.ts";
import { openFile } from "../../../pipeline/files/open_file.ts";
import { fileColumnsMax, readFooter } from "../../../pipeline/files/parquet/footer.ts";
import { structEnd } from "../../../pipeline/files/parquet/thrift.ts";
import { createRowRun } from "../../../pipeline/files/columns/row_run.ts";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { assertFailure, assertRejected } from "../../support/expected_failure.ts";
import { rowsOf, thingsSchema, withTables } from "../../support/tables.ts";
import { inFolder, root } from "../../support/program.ts";

const fixture = (name: string) => join(root, `tests/fixtures/parquet/${name}.parquet`);

for (
  const [name, message] of [
    ["encrypted", /encrypted\.parquet: it is encrypted, expected a file without encryption/],
    [
      "encrypted_columns",
      /encrypted_columns\.parquet: columns that are loaded are encrypted, expected a file/,
    ],
  ] as const
) {
  Deno.test(`parquet: ${name.replace("_", " ")} are said to be`, () =>
    withTables(async ({ store }) => {
      await assertRejected(
        ingest(store, { files: { things: [fixture(name)] }, allowMissing: true }),
        "file-invalid",
        message,
      );
    }, thingsSchema));
}

Deno.test("parquet: columns without encryption are loaded from a file that has others", () =>
  withTables(
    async ({ store }) => {
      await ingest(store, {
        files: { ids: [fixture("encrypted_columns")] },
      });
      assert.deepEqual(rowsOf(store, "ids").map(({ id }) => id), [1, 2]);
    },
    "CREATE TABLE ids (id INTEGER PRIMARY KEY, x REAL DEFAULT 0) STRICT; CREATE VIEW examples AS SELECT * FROM ids;",
  ));

Deno.test("parquet: an index of pandas without a name is mentioned if the key is missing", () =>
  withTables(async ({ store }) => {
    await assertRejected(
      ingest(store, { files: { things: [fixture("index_unnamed")] }, allowMissing: true }),
      "file-invalid",
      /no column "id", which things needs; it has word\. Give its name .*unnamed index.*df\.reset_index\(names="id"\)/,
    );
  }, thingsSchema));

function written(names: readonly string[], data: readonly number[] = [1, 2, 3]): Uint8Array {
  const columnData = names.map((name) => ({ name, data: [...data], type: "INT32" as const }));
  return new Uint8Array(parquetWriteBuffer({ columnData, statistics: false }));
}

Deno.test("parquet: two columns of ten thousand are loaded", () =>
  withTables(async ({ store, write }) => {
    const names = Array.from({ length: 10_000 }, (_, i) =>
      i === 7_000 ? "id" : i === 9_999 ? "whole" : `c${i}`);
    const path = write("wide.parquet", written(names));
    const { files } = await ingest(store, { files: { things: [path] }, allowMissing: true });
    assert.deepEqual(rowsOf(store, "things").map(({ id, whole }) => [id, whole]), [[1, 1], [2, 2], [3, 3]]);
    assert.equal(files[0].leftOut.length, 9_998);
  }, thingsSchema));

/** A footer by the numbers of Thrift's compact protocol, behind the magic. */
function withFooter(footer: readonly number[]): Uint8Array {
  const length = new Uint8Array(Uint32Array.of(footer.length).buffer);
  const magic = new TextEncoder().encode("PAR1");
  return Uint8Array.from([...magic, ...footer, ...length, ...magic]);
}

Deno.test("parquet: more columns than the limit are rejected, with the limit", () =>
  withTables(async ({ store, write }) => {
    const count = fileColumnsMax + 2;
    const element = [0x48, 1, 0x63, 0];
    const size = [count & 0x7f | 0x80, (count >> 7) & 0x7f | 0x80, count >> 14];
    const elements = Array.from({ length: count }, () => element).flat();
    const path = write(
      "wider.parquet",
      withFooter([0x15, 2, 0x19, 0xfc, ...size, ...elements, 0x16, 0, 0x19, 0x0c, 0]),
    );
    await assertRejected(
      ingest(store, { files: { things: [path] } }),
      "file-invalid",
      /it has 100,001 columns: expected at most 100,000 columns, .*Write only the columns that the store has/,
    );
  }, thingsSchema));

for (
  const [what, footer, message] of [
    ["no list of row groups", [0x15, 2, 0x19, 0x1c, 0x48, 1, 0x63, 0, 0x16, 0, 0], /no column "id"/],
    [
      "no count of rows",
      [0x15, 2, 0x19, 0x1c, 0x48, 1, 0x63, 0, 0],
      /its footer is damaged \(NaN rows in all, 0 in its row/,
    ],
    ["no fields at all", [0], /its footer is damaged/],
    ["a number for its schema", [0x15, 2, 0x15, 2, 0], /its footer is damaged \(a field is not a list\)/],
    [
      "a list of numbers for its schema",
      [0x15, 2, 0x19, 0x15, 2, 0],
      /damaged \(a list is not of structures\)/,
    ],
    [
      "columns without a name",
      [0x15, 2, 0x19, 0x1c, 0, 0],
      /its footer is damaged \(a column without a name\)/,
    ],
    ["nothing in it", [], /its footer is damaged \(it continues after its end\)/],
  ] as const
) {
  Deno.test(`parquet: a footer with ${what} is reported as a failure`, () =>
    withTables(async ({ store, write }) => {
      const path = write("odd.parquet", withFooter(footer));
      await assertRejected(ingest(store, { files: { things: [path] } }), "file-invalid", message);
    }, thingsSchema));
}

Deno.test("parquet: a footer of any bytes is read or is a failure, and never a bug", () =>
  inFolder((folder) => {
    const random = createRandom(2);
    const path = join(folder, "damaged.parquet");
    let failures = 0;
    for (const name of ["nested", "pages_v2", "index_named", "type_decimal128", "encrypted_columns"]) {
      const whole = Deno.readFileSync(fixture(name));
      const length = new DataView(whole.buffer).getUint32(whole.length - 8, true);
      for (let round = 0; round < 600; round++) {
        const bytes = whole.slice();
        for (let k = 0; k <= round % 4; k++) {
          bytes[bytes.length - 9 - random.below(length)] = random.below(256);
        }
        Deno.writeFileSync(path, bytes);
        try {
          readAll(path);
        } catch (error) {
          assert(error instanceof Failure, `a bug: ${error instanceof Error ? error.stack : error}`);
          failures++;
        }
      }
    }
    assert.ok(failures > 300, `${failures} of 3,000 failed`);
    return Promise.resolve();
  }));

const text = { type: "TEXT", isTime: false, required: false, hasDefault: false, comment: "" } as const;

/** Reads each column of a file that is for a column of text. */
function readAll(path: string): void {
  const source = openSource(path);
  try {
    for (const { name, index, range } of readFooter(source).columns) {
      if (index !== undefined || range) readColumn(path, name);
    }
  } finally {
    source.close();
  }
}

function readColumn(path: string, name: string): void {
  const column = { ...text, name };
  const reader = openFile(path, () => [{ name, column }]);
  try {
    const run = createRowRun([column]);
    while (reader.read(run, 1_000) > 0) run.buffers.forEach(clearBuffer);
  } finally {
    reader.close();
  }
}

/** A file with a dictionary, whose length leaves its header out as parquet-mr's did before 1.2.9. */
function writtenByParquetMr(createdBy: string): Uint8Array {
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({
    writer: bytes,
    schema: [{ name: "schema", num_children: 2 }, { name: "id", type: "INT64" }, {
      name: "word",
      type: "BYTE_ARRAY",
      converted_type: "UTF8",
      repetition_type: "OPTIONAL",
    }],
    createdBy,
  });
  writer.write({
    columnData: [
      { name: "id", data: Array.from({ length: 30 }, (_, i) => BigInt(i)) },
      { name: "word", data: Array.from({ length: 30 }, (_, i) => ["one", "two", "three"][i % 3]) },
    ],
  });
  const { meta_data: description } = writer.row_groups[0].columns[1];
  assert(description?.dictionary_page_offset);
  const start = Number(description.dictionary_page_offset);
  const headerEnd = structEnd(bytes.getBytes(), start);
  assert(headerEnd);
  description.total_compressed_size -= BigInt(headerEnd - start);
  writer.finish();
  return bytes.getBytes();
}

Deno.test("parquet: files of parquet-mr before 1.2.9 leave a header out of a column's length, and are read", () =>
  withTables(async ({ store, write }) => {
    for (const [i, createdBy] of ["parquet-mr version 1.2.8 (build abc)", "parquet-mr"].entries()) {
      const path = write(`old-${i}.parquet`, writtenByParquetMr(createdBy));
      await ingest(store, { files: { things: [path] }, allowMissing: true, onConflict: "replace" });
      const words = rowsOf(store, "things").map(({ word }) => word);
      assert.deepEqual(words, Array.from({ length: 30 }, (_, k) => ["one", "two", "three"][k % 3]));
    }
    for (const createdBy of ["parquet-mr version 1.2.9", "parquet-mr version 1.10.0 (build x)", "other"]) {
      const path = write("new.parquet", writtenByParquetMr(createdBy));
      await assertRejected(
        ingest(store, { files: { things: [path] }, allowMissing: true }),
        "file-invalid",
        /column "word", row group 1: a page extends past its column/,
      );
    }
  }, thingsSchema));

Deno.test("parquet: a column with more rows than its row group is damaged, and none of them are lost in silence", () =>
  inFolder((folder) => {
    const bytes = new ByteWriter();
    const writer = new ParquetWriter({
      writer: bytes,
      schema: [{ name: "schema", num_children: 1 }, { name: "id", type: "INT64" }],
    });
    writer.write({ columnData: [{ name: "id", data: [1n, 2n, 3n] }] });
    writer.row_groups[0].num_rows = 2n;
    writer.num_rows = 2n;
    writer.finish();
    const path = join(folder, "short.parquet");
    Deno.writeFileSync(path, bytes.getBytes());
    assertFailure(
      () => readColumn(path, "id"),
      "file-invalid",
      /column "id", row group 1: 3 values, expected the 2 of the row group/,
    );
    return Promise.resolve();
  }));
