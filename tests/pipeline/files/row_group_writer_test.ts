import assert from "node:assert/strict";
import { type DecodedArray, type FileMetaData, parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import fc from "fast-check";
import configuration from "../../../deno.json" with { type: "json" };
import { gatherColumn } from "../../../pipeline/files/columns/batch.ts";
import { createRowRun } from "../../../pipeline/files/columns/row_run.ts";
import { openParquet } from "../../../pipeline/files/parquet/reader.ts";
import * as internals from "../../../pipeline/files/parquet/hyparquet_writer_internals.ts";
import { createParquetFile } from "../../../pipeline/files/parquet/writer.ts";

const optional = { repetition_type: "OPTIONAL" } as const;
const columns = [
  { name: "id", type: "INT64", ...optional },
  { name: "text", type: "BYTE_ARRAY", converted_type: "UTF8", ...optional },
  { name: "p", type: "DOUBLE", ...optional },
] as const;

function written(
  path: string,
  groups: readonly (readonly DecodedArray[])[],
  options: { isQuick?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const file = createParquetFile(path, { columns: [...columns], createdBy: "test", ...options });
  for (const group of groups) file.append(group);
  file.end();
  file.publish();
  return Deno.readFileSync(path);
}

function withTempDir(use: (dir: string) => void): void {
  const dir = Deno.makeTempDirSync();
  try {
    use(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

function groupOf(rowCount: number, seed: number): [BigInt64Array, string[], Float64Array] {
  return [
    BigInt64Array.from({ length: rowCount }, (_, i) => BigInt(i * seed) - (2n ** 61n >> BigInt(i % 40))),
    Array.from({ length: rowCount }, (_, i) => `text ${i % seed}`),
    Float64Array.from({ length: rowCount }, (_, i) => Math.sin(i * seed)),
  ];
}

function asCells(group: readonly DecodedArray[]): DecodedArray[] {
  return group.map((values) => Array.from(values) as DecodedArray);
}

Deno.test("a row group of typed numbers has the bytes that the library writes of their cells", () => {
  withTempDir((dir) => {
    const groups = [groupOf(70_000, 3), groupOf(1, 2), groupOf(7, 5), groupOf(8, 7), groupOf(1_000, 11)];
    assert.deepEqual(written(`${dir}/a.parquet`, groups), written(`${dir}/b.parquet`, groups.map(asCells)));
  });
});

Deno.test("columns of another kind are left to the library: repeated numbers, none, too many, no number", () => {
  withTempDir((dir) => {
    const [ids, texts, reals] = groupOf(140_000, 3);
    const few = groupOf(100, 3);
    const groups: DecodedArray[][] = [
      [ids, texts, reals],
      [new BigInt64Array(100).fill(5n), few[1], new Float64Array(100).fill(0.5)],
      [few[0], few[1], Float64Array.from(few[2], (value, i) => i === 50 ? NaN : value)],
      [few[0], few[1], Float64Array.from(few[2], (_, i) => i % 2 === 0 ? 0 : -0)],
      [few[0], few[1], Array.from(few[2], (value, i) => i === 3 ? null : value) as DecodedArray],
    ];
    assert.deepEqual(written(`${dir}/a.parquet`, groups), written(`${dir}/b.parquet`, groups.map(asCells)));
  });
});

Deno.test("row groups of any numbers have the bytes that the library writes", () => {
  withTempDir((dir) => {
    const rows = fc.array(
      fc.record({ id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), p: fc.double() }),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(rows, (rows) => {
        const group = [
          BigInt64Array.from(rows, ({ id }) => id),
          rows.map(({ id }) => String(id)),
          Float64Array.from(rows, ({ p }) => p),
        ];
        assert.deepEqual(written(`${dir}/a.parquet`, [group]), written(`${dir}/b.parquet`, [asCells(group)]));
      }),
      { seed: 7, numRuns: 100 },
    );
  });
});

Deno.test("a quick row group has the values, the statistics and the checksums of any other, and less than plain integers", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const groups = [groupOf(70_000, 3), groupOf(1, 2), groupOf(7, 5), groupOf(9_000, 11)];
    groups[3][0] = BigInt64Array.from(groups[3][0], (_, i) => 500_000_000n + BigInt(i * 90));
    const [quick, other] = [true, false].map((isQuick) =>
      written(`${dir}/${isQuick}.parquet`, groups, { isQuick })
    );
    const [rows, expected] = await Promise.all(
      [quick, other].map(({ buffer }) => parquetReadObjects({ file: buffer, compressors })),
    );
    assert.deepEqual(rows, expected);
    const [found, known] = [quick, other].map(({ buffer }) => parquetMetadata(buffer));
    const statisticsOf = ({ row_groups }: FileMetaData) =>
      row_groups.map(({ columns }) => columns.map(({ meta_data }) => meta_data?.statistics));
    assert.deepEqual(statisticsOf(found), statisticsOf(known));
    const [ids, , reals] = found.row_groups[3].columns.map(({ meta_data }) => meta_data);
    assert.deepEqual([ids?.codec, reals?.codec], ["SNAPPY", "UNCOMPRESSED"]);
    assert.ok(Number(ids?.total_compressed_size) < 0.7 * 8 * 9_000);
    assert.deepEqual(readWhole(`${dir}/true.parquet`), readWhole(`${dir}/false.parquet`));
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

/** Reads a file by our reader, which compares the checksums. */
function readWhole(path: string): unknown[] {
  const target = columns.map(({ name, type }) => ({
    name,
    type: ({ INT64: "INTEGER", DOUBLE: "REAL", BYTE_ARRAY: "TEXT" } as const)[type],
    isTime: false,
    required: false,
    hasDefault: false,
    comment: "",
  }));
  const reader = openParquet(path, () => target.map((column) => ({ name: column.name, column })));
  const run = createRowRun(target);
  try {
    while (reader.read(run, 4_096) > 0);
  } finally {
    reader.close();
  }
  const rows = Uint32Array.from({ length: run.buffers[0].length }, (_, i) => i);
  return run.buffers.map((buffer) => gatherColumn(buffer, rows));
}

Deno.test("hyparquet-writer internals: the version that they were tried with is the one that is pinned", () => {
  assert.equal(configuration.imports["hyparquet-writer"], "npm:hyparquet-writer@0.17.0");
  const names = ["snappyCompress", "useDictionary", "writeColumn", "writePageHeader"];
  assert.deepEqual(Object.keys(internals).sort(), names);
});
