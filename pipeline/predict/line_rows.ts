import type { Cell } from "../files/batch.ts";
import { openSource } from "../files/byte_source.ts";
import { firstColumns, nextLine, parseRow } from "../files/ndjson.ts";
import { openWindow } from "../files/text_window.ts";
import { batchRows, type RowSource, type RowSourceOptions, selectColumns } from "./row_batch.ts";

type Row = Readonly<Record<string, unknown>>;

/**
 * Opens newline-delimited JSON: an object per line, whose values are taken as over HTTP. Fields that are neither the model's
 * nor kept are passed over.
 */
export function openLineRows(path: string, options: RowSourceOptions): RowSource {
  const source = openSource(path);
  try {
    const window = openWindow(source);
    const { fields: names, kept: keep } = selectColumns(path, firstColumns(window), options);
    const absent = options.allowMissing ? null : undefined;
    return {
      kept: keep.map((name) => ({ name, type: "TEXT" })),
      bytesRead: window.bytesRead,
      close: source.close,
      next() {
        const fields: unknown[][] = names.map(() => []);
        const kept: Cell[][] = keep.map(() => []);
        const faults = new Map<number, string>();
        let rowCount = 0;
        while (rowCount < batchRows) {
          const line = nextLine(window);
          if (line === undefined) break;
          if (line.length === 0) continue;
          const row = parseRow(line);
          if (typeof row === "string") faults.set(rowCount, row);
          const values = typeof row === "string" ? {} : row;
          names.forEach((name, i) =>
            fields[i].push(name === undefined ? null : valueOf(values, name, absent))
          );
          keep.forEach((name, i) => kept[i].push(cellOf(valueOf(values, name, null))));
          rowCount++;
        }
        return rowCount === 0 ? undefined : { rowCount, fields, kept, faults };
      },
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

function valueOf(row: Row, name: string, absent: null | undefined): unknown {
  return Object.hasOwn(row, name) ? row[name] : absent;
}

function cellOf(value: unknown): Cell {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  return JSON.stringify(value);
}
