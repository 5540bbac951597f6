import assert from "node:assert/strict";
import { parquetWriteBuffer } from "hyparquet-writer";
import { bufferCell } from "../../../pipeline/files/columns/batch.ts";
import { addNullEntry, appendCodes, expandCodes } from "../../../pipeline/files/columns/coded_rows.ts";
import {
  appendFault,
  appendInteger,
  appendNull,
  type ColumnBuffer,
  createBuffer,
} from "../../../pipeline/files/columns/column_buffer.ts";
import { clearRowRun, createRowRun } from "../../../pipeline/files/columns/row_run.ts";
import { openParquet } from "../../../pipeline/files/parquet/reader.ts";
import type { ColumnType, TableColumn } from "../../../pipeline/store/table.ts";
import { listFiles } from "../../support/source_graph.ts";
import { root } from "../../support/program.ts";

function columnOf(name: string, type: ColumnType): TableColumn {
  return { name, type, isTime: false, required: false, hasDefault: false, comment: "" };
}

/** Cells and faults of a buffer, whose codes are replaced by the values. */
function contentOf(
  buffer: ColumnBuffer,
): { cells: unknown[]; faults: [number, string][]; nullCount: number } {
  expandCodes(buffer);
  const cells = Array.from({ length: buffer.length }, (_, row) => bufferCell(buffer, row));
  return { cells, faults: [...buffer.faults], nullCount: buffer.nullCount };
}

/** Reads all rows of a column. @param counted Called with whether a batch has codes. */
function read(
  path: string,
  column: TableColumn,
  { mayBeCoded, rowsMax, counted }: {
    mayBeCoded: boolean;
    rowsMax: number;
    counted?: (isCoded: boolean) => void;
  },
): unknown[] {
  const reader = openParquet(path, () => [{ name: column.name, column, mayBeCoded }]);
  const run = createRowRun([column]);
  const batches: unknown[] = [];
  try {
    while (reader.read(run, rowsMax) > 0) {
      counted?.(run.buffers[0].coded !== undefined);
      batches.push(contentOf(run.buffers[0]));
      clearRowRun(run);
    }
  } finally {
    reader.close();
  }
  return batches;
}

function attempt(use: () => unknown): unknown {
  try {
    return use();
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
}

Deno.test("coded rows: columns of all kinds of files have the values, NULLs and faults that they have when read at once", () => {
  const paths = listFiles().filter((path) => /^tests\/fixtures\/parquet\/.*\.parquet$/.test(path));
  assert.ok(paths.length > 50, `${paths.length} files`);
  let codedCount = 0;
  for (const path of paths) {
    for (const name of ["id", "whole", "part", "word"]) {
      for (const type of ["INTEGER", "REAL", "TEXT"] as const) {
        const [column, file] = [columnOf(name, type), `${root}/${path}`];
        const counted = (isCoded: boolean) => codedCount += Number(isCoded);
        for (const rowsMax of [7, 4_096]) {
          const [coded, plain] = [true, false].map((mayBeCoded) =>
            attempt(() => read(file, column, { mayBeCoded, rowsMax, counted }))
          );
          assert.deepEqual(coded, plain, `${path}, ${name} as ${type}`);
        }
      }
    }
  }
  assert.ok(codedCount > 100, `${codedCount} batches of codes`);
});

Deno.test("coded rows: row groups with their own dictionaries, one without, and NULLs read as their values", () => {
  const texts = Array.from(
    { length: 3_000 },
    (_, i) => i % 7 === 0 ? null : `text ${i % (i < 1_000 ? 5 : 9)}`,
  );
  const distinct = Array.from({ length: 3_000 }, (_, i) => i % 11 === 0 ? null : `${i}`);
  const columnData = [
    { name: "texts", data: texts, type: "STRING" as const, nullable: true },
    { name: "distinct", data: distinct, type: "STRING" as const, nullable: true },
  ];
  const bytes = new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 1_000 }));
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/rows.parquet`;
    Deno.writeFileSync(path, bytes);
    for (
      const [name, data, expected] of [["texts", texts, [true]], ["distinct", distinct, [false]]] as const
    ) {
      const seen = new Set<boolean>();
      const options = {
        mayBeCoded: true,
        rowsMax: 300,
        counted: (isCoded: boolean) => void seen.add(isCoded),
      };
      const batches = read(path, columnOf(name, "TEXT"), options) as { cells: unknown[] }[];
      assert.deepEqual(batches.flatMap(({ cells }) => cells), data);
      assert.deepEqual([...seen], expected);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

function integers(values: readonly number[]): ColumnBuffer {
  const buffer = createBuffer("INTEGER");
  for (const value of values) if (buffer.type === "INTEGER") appendInteger(buffer, value);
  return buffer;
}

Deno.test("coded rows: rows of another dictionary, after values, or of entries without a value are not coded", () => {
  const [dictionary, other] = [integers([5, 6]), integers([7])];
  const buffer = createBuffer("INTEGER");
  const rows = { indices: Int32Array.of(1, 0, 1), count: 3, levels: undefined };
  assert.ok(appendCodes(buffer, dictionary, rows));
  assert.ok(
    appendCodes(buffer, dictionary, { ...rows, indices: Int32Array.of(0), levels: Uint8Array.of(0, 1, 0) }),
  );
  assert.equal(appendCodes(buffer, other, { ...rows, count: 0 }), false);
  assert.deepEqual(contentOf(buffer), { cells: [6, 5, 6, null, 5, null], faults: [], nullCount: 2 });
  assert.equal(appendCodes(buffer, dictionary, rows), false);
  for (const spoil of [appendNull, (bad: ColumnBuffer) => appendFault(bad, "no value")]) {
    const bad = integers([5]);
    spoil(bad);
    assert.equal(appendCodes(createBuffer("INTEGER"), bad, rows), false);
  }
});

Deno.test("coded rows: the entry after the last one of a dictionary is NULL, however large the dictionary is", () => {
  for (const count of [0, 3, 1_024]) {
    const dictionary = integers(Array.from({ length: count }, (_, i) => i));
    assert.equal(addNullEntry(dictionary), count + 1);
    assert.equal(dictionary.nulls[count], 1);
    assert.equal(dictionary.length, count);
  }
});
