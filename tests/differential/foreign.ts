import assert from "node:assert/strict";
import { cellAt, gatherColumn } from "../../pipeline/files/columns/batch.ts";
import { clearBuffer } from "../../pipeline/files/columns/column_buffer.ts";
import { openFile } from "../../pipeline/files/open_file.ts";
import { createRowRun } from "../../pipeline/files/columns/row_run.ts";
import { Failure } from "../../pipeline/failure.ts";
import {
  type ExpectedCell,
  expectedCells,
  fault,
  isCompared,
  isTaken,
  type Target,
  targets,
} from "./expected_cell.ts";
import type { WrittenTable } from "./written_table.ts";

/**
 * Reads each column of a file as each type that it can become: the result is what pyarrow reads, or a failure with the reason.
 *
 * @returns The columns that are rejected although their type is supported, with the reason.
 */
export function checkForeign({ path, columns, rows }: WrittenTable): string[] {
  const refused: string[] = [];
  for (const column of columns) {
    for (const target of targets) {
      const found = readColumn(path, column.name, target);
      if (typeof found === "string") {
        if (isTaken(column, target)) refused.push(`${column.name} (${column.kind}) as ${target}: ${found}`);
        continue;
      }
      if (!isCompared(column, target)) continue;
      assert(isTaken(column, target), `column ${column.name} (${column.kind}) is read as ${target}`);
      const expected = expectedCells(column, target);
      assert.equal(found.length, rows, `rows of column ${column.name}`);
      for (let i = 0; i < expected.length; i++) {
        const cell = expected[i];
        assert.equal(found[i], cell, `row ${i + 1} of column ${column.name} (${column.kind}) as ${target}`);
      }
    }
  }
  return refused;
}

/** Reads a file that pyarrow does not read. @returns The rejection, if it is rejected. */
export function checkUnread({ path }: WrittenTable): string[] {
  try {
    let names: readonly string[] = [];
    openFile(path, (found) => {
      names = found;
      return [];
    }).close();
    return names.flatMap((name) => {
      const found = targets.map((target) => readColumn(path, name, target));
      return found.filter((cells) => typeof cells === "string").slice(0, 1);
    });
  } catch (error) {
    return [messageOf(error)];
  }
}

/** @returns The cells of a column, or why it is rejected. */
function readColumn(
  path: string,
  name: string,
  target: Target,
): (ExpectedCell | typeof fault)[] | string {
  const type = target === "TIME" ? "INTEGER" : target;
  const column = {
    name,
    type,
    isTime: target === "TIME",
    required: false,
    hasDefault: false,
    comment: "",
  } as const;
  const cells: (ExpectedCell | typeof fault)[] = [];
  try {
    const reader = openFile(path, () => [{ column, name }]);
    try {
      const run = createRowRun([column]);
      const [buffer] = run.buffers;
      for (let count = reader.read(run, 4_096); count > 0; count = reader.read(run, 4_096)) {
        const values = gatherColumn(buffer, Uint32Array.from({ length: count }, (_, i) => i));
        for (let i = 0; i < count; i++) {
          const cell = cellAt(values, i);
          if (buffer.faults.has(i)) cells.push(fault);
          else {cells.push(
              typeof cell === "bigint" ? String(cell) : typeof cell === "number" ? cell + 0 : cell,
            );}
        }
        clearBuffer(buffer);
      }
    } finally {
      reader.close();
    }
  } catch (error) {
    return messageOf(error);
  }
  return cells;
}

function messageOf(error: unknown): string {
  assert(error instanceof Failure, `a bug: ${error instanceof Error ? error.stack : error}`);
  assert.equal(error.kind, "file-invalid");
  return error.message;
}
