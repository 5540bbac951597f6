import type { DatabaseSync } from "node:sqlite";
import { viewColumnTypes, viewRows } from "../examples/view_rows.ts";
import { fileInvalid } from "../failure.ts";
import { nearestName } from "../did_you_mean.ts";
import type { Cell } from "../files/columns/batch.ts";
import type { Field } from "../model/signature.ts";
import { batchRows, type RowBatch, type RowSource } from "./row_batch.ts";

export interface ViewSourceOptions {
  readonly view: string;
  readonly id: string;
  readonly group: string;
  /** Only rows without this label; undefined for all rows. */
  readonly unlabelled: string | undefined;
  /** Fields of the model. */
  readonly fields: readonly Field[];
  /** Columns to copy to the output, besides id and group. */
  readonly keep: readonly string[];
}

/**
 * Opens the rows of a view, in the order of their ids. Values are what a lookup by id gets.
 *
 * @throws {Failure} `file-invalid` if the view lacks a column; `examples-invalid`.
 */
export function openViewRows(db: DatabaseSync, options: ViewSourceOptions): RowSource {
  const { view, id, group, unlabelled, fields, keep } = options;
  const types = viewColumnTypes(db, view);
  const kept = [...new Set([id, group, ...keep])];
  const columns = [...fields.map(({ name }) => name), ...kept];
  for (const name of [...columns, ...(unlabelled === undefined ? [] : [unlabelled])]) {
    if (types.has(name)) continue;
    const near = nearestName(name, [...types.keys()]);
    throw fileInvalid(
      `Cannot predict the view ${view}: it has no column ${JSON.stringify(name)}.${
        near === undefined ? "" : ` It has "${near}".`
      } Change the view with clickwell schema apply, or choose another model with --model.`,
    );
  }
  const rows = viewRows(db, { view, id, unlabelled, columns });
  return {
    kept: kept.map((name) => ({ name, type: types.get(name) ?? "TEXT" })),
    bytesRead: () => 0,
    close: () => void rows.return(undefined),
    next() {
      const batch: RowBatch & { fields: unknown[][]; kept: Cell[][]; faults: Map<number, string> } = {
        rowCount: 0,
        fields: fields.map(() => []),
        kept: kept.map(() => []),
        faults: new Map(),
      };
      let rowCount = 0;
      while (rowCount < batchRows) {
        const { value: row, done } = rows.next();
        if (done) break;
        fields.forEach((field, i) => {
          const value = row[1 + i];
          if (value instanceof Uint8Array) batch.faults.set(rowCount, `${field.name} is a blob`);
          batch.fields[i].push(fieldValue(value, field));
        });
        kept.forEach((_, i) => batch.kept[i].push(cellOf(row[1 + fields.length + i])));
        rowCount++;
      }
      return rowCount === 0 ? undefined : { ...batch, rowCount };
    },
  };
}

/** Converts an integer beyond 2^53: to the nearest number, or to its digits if it is a category. */
function fieldValue(value: unknown, { type }: Field): unknown {
  if (typeof value !== "bigint") return value;
  return type === "categorical" ? String(value) : Number(value);
}

function cellOf(value: unknown): Cell {
  return typeof value === "string" || typeof value === "number" || typeof value === "bigint" ? value : null;
}
