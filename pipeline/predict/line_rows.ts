import { jsonText } from "../exact_json.ts";
import type { Cell } from "../files/columns/batch.ts";
import { type JsonRow, parseRow } from "../files/text/json_line.ts";
import { firstColumns, isBlank, isNull, nextLine } from "../files/text/ndjson.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { openText } from "../files/text/text_input.ts";
import { implausibleTime } from "../files/columns/plausible_time.ts";
import { parseTime, timeOfInteger } from "../files/columns/field_value.ts";
import { batchRows, fieldReader, type RowSource, type RowSourceOptions, selectColumns } from "./row_batch.ts";

/**
 * Opens newline-delimited JSON with an object per line. Categories are read as over HTTP, numbers as in an ingest. Members
 * that are neither fields of the model nor kept columns are ignored.
 */
export function openLineRows(path: string, options: RowSourceOptions): RowSource {
  const { textFormat: format = {} } = options;
  const text = openText(path, format);
  try {
    const { window } = text;
    const { fields: names, kept: keep } = selectColumns(path, firstColumns(window, path), options);
    const absent = options.allowMissing ? null : undefined;
    const isTime = options.fields.map(({ name }) => options.times?.has(name) ?? false);
    const readers = options.fields.map((field, i) => isTime[i] ? timeReader : fieldReader(field, format));
    const timeNames = new Set(names.flatMap((name, i) => name !== undefined && isTime[i] ? [name] : []));
    return {
      kept: keep.map((name) => ({ name, type: "TEXT" })),
      bytesRead: text.bytesRead,
      close: text.close,
      next() {
        const fields: unknown[][] = names.map(() => []);
        const kept: Cell[][] = keep.map(() => []);
        const faults = new Map<number, string>();
        let rowCount = 0;
        while (rowCount < batchRows) {
          const line = nextLine(window);
          if (line === undefined) break;
          if (isBlank(line)) continue;
          const row = parseRow(line);
          const fault = typeof row === "string" ? row : faultOfTimes(row, timeNames);
          if (fault !== undefined) faults.set(rowCount, fault);
          const values = typeof row === "string" ? {} : row;
          names.forEach((name, i) =>
            fields[i].push(
              name === undefined ? null : readers[i](valueOf(values, name, { absent, format })),
            )
          );
          keep.forEach((name, i) => kept[i].push(cellOf(valueOf(values, name, { absent: null, format }))));
          rowCount++;
        }
        return rowCount === 0 ? undefined : { rowCount, fields, kept, faults };
      },
    };
  } catch (error) {
    text.close();
    throw error;
  }
}

/** Describes what is wrong with a row's times. @param names The file's columns of time fields. */
function faultOfTimes(row: JsonRow, names: ReadonlySet<string>): string | undefined {
  for (const name of names) {
    const value = row[name];
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") continue;
    if (microsOf(value) === undefined) {
      return `column "${name}": ${
        implausibleTime(Number(value)) ?? `${JSON.stringify(value)} is not a time`
      }`;
    }
  }
  return undefined;
}

function microsOf(value: string | number | bigint): number | bigint | undefined {
  return typeof value === "string" ? parseTime(value) : timeOfInteger(value);
}

/** Converts a time to microseconds, as the model takes it. */
function timeReader(value: unknown): unknown {
  if (typeof value !== "string" && typeof value !== "number") return value;
  const time = microsOf(value);
  return time === undefined ? value : Number(time);
}

function valueOf(
  row: JsonRow,
  name: string,
  { absent, format }: { absent: null | undefined; format: TextFormat },
): unknown {
  if (!Object.hasOwn(row, name)) return absent;
  return isNull(row[name], format) ? null : row[name];
}

function cellOf(value: unknown): Cell {
  switch (typeof value) {
    case "string":
    case "number":
    case "bigint":
      return value;
    default:
      return value === null || value === undefined ? null : jsonText(value);
  }
}
