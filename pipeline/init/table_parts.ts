import { basename } from "node:path";
import { type Failure, usageInvalid } from "../failure.ts";
import { printable } from "../files/columns/printable.ts";
import { shortestText } from "../files/text/number_text.ts";
import { type ColumnKind, type ColumnProfile, profileColumn } from "./column_profile.ts";
import type { ColumnValues } from "./column_values.ts";
import { joinedFormat } from "./joined_format.ts";
import { listed } from "./names.ts";
import { tableNameOf, type TableProfile } from "./profile.ts";
import { rowsToLookAt } from "./sampled_rows.ts";

/** The kinds of columns, each of which can hold the values of those before it. */
const kindOrder: readonly ColumnKind[] = ["empty", "boolean", "integer", "real", "text"];

/**
 * Returns the profile of a table of several files: with the rows that were looked at in each of them, and columns that can hold the
 * values of all.
 *
 * @returns undefined if they are different tables.
 * @throws {Failure} `usage-invalid` if most of their columns are the same, but not all; as `joinedFormat`.
 */
export function joinedParts(stem: string, parts: readonly TableProfile[]): TableProfile | undefined {
  const [first] = parts;
  if (parts.some(({ fileFormat }) => fileFormat !== first.fileFormat)) return undefined;
  for (const part of parts) {
    const [missing, added] = [namesWithout(first, part), namesWithout(part, first)];
    const [only, file] = missing.length > 0 ? [missing, first] : [added, part];
    if (only.length === 0) continue;
    const common = first.columns.length - missing.length;
    if (common < commonShareMin * Math.max(first.columns.length, part.columns.length)) return undefined;
    throw partsDiffer(first, part, `only ${basename(file.path)} has ${listed(only, 8)}`);
  }
  const ofParts = (name: string) =>
    parts.flatMap(({ columns }) => columns.find((column) => column.name === name) ?? []);
  const columns = first.columns.map(({ name, kind }) => {
    const found = widestOf(ofParts(name));
    if (found) return found;
    const other = parts.find(({ columns }) =>
      columns.some((column) => column.name === name && column.kind !== kind)
    );
    throw partsDiffer(first, other ?? first, `${printable(name)} has values of different kinds`);
  });
  const rows = parts.reduce((sum, { rowsLookedAt }) => sum + rowsLookedAt, 0);
  const step = Math.ceil(rows / (2 * rowsToLookAt(columns.length)));
  const joined = columns.map((column) => joinedColumn(column, ofParts(column.name), step));
  return {
    ...first,
    name: tableNameOf(stem),
    columns: joined,
    rowsLookedAt: joined[0]?.rows ?? first.rowsLookedAt,
    rowCount: parts.reduce((sum, { rowCount }) => sum + rowCount, 0),
    isCounted: parts.every(({ isCounted }) => isCounted),
    format: first.fileFormat === "parquet" ? first.format : joinedFormat(parts),
  };
}

/** Files with fewer columns in common are different tables. */
const commonShareMin = 0.6;

function namesWithout({ columns }: TableProfile, other: TableProfile): string[] {
  return columns.filter(({ name }) => !other.columns.some((column) => column.name === name)).map(({ name }) =>
    name
  );
}

function partsDiffer(first: TableProfile, other: TableProfile, how: string): Failure {
  return usageInvalid(
    `${basename(first.path)} and ${
      basename(other.path)
    } look like parts of one table, since their names differ in numbers only, but ` +
      `${how}. Give them the same columns, or names that differ in words if they are different tables.`,
  );
}

/** Returns the column whose kind can hold the values of all, if there is one. */
function widestOf(columns: readonly ColumnProfile[]): ColumnProfile | undefined {
  const holds = (a: ColumnKind, b: ColumnKind) =>
    a === b || b === "empty" || (a === "time" && b === "date") ||
    kindOrder.indexOf(a) > kindOrder.indexOf(b) && b !== "boolean";
  return columns.find(({ kind }) => columns.every((other) => holds(kind, other.kind)));
}

/** Joins the values of the files, in their order. Of many rows, every second, third or so is kept. */
function joinedColumn(
  { name, kind, values }: ColumnProfile,
  parts: readonly ColumnProfile[],
  step: number,
): ColumnProfile {
  if (values.is === "numbers") {
    const numberAt = (part: ColumnValues, row: number) => part.is === "numbers" ? part.numbers[row] : NaN;
    return profileColumn(name, kind, {
      is: "numbers",
      numbers: Float64Array.from(valuesOf(parts, step, numberAt)),
    });
  }
  const codes = new Map<string, number>();
  const codeAt = (part: ColumnValues, row: number) => {
    const text = textAt(part, row);
    return text === undefined ? -1 : codes.getOrInsertComputed(text, () => codes.size);
  };
  const joined = Int32Array.from(valuesOf(parts, step, codeAt));
  return profileColumn(name, kind, { is: "texts", texts: [...codes.keys()], codes: joined });
}

/** Yields the values of every `step`th row of the parts. */
function* valuesOf(
  parts: readonly ColumnProfile[],
  step: number,
  valueAt: (values: ColumnValues, row: number) => number,
): Generator<number> {
  for (const { rows, values } of parts) {
    for (let row = 0; row < rows; row += step) yield valueAt(values, row);
  }
}

/** @returns undefined for a missing value. */
function textAt(values: ColumnValues, row: number): string | undefined {
  if (values.is === "texts") return values.texts[values.codes[row]];
  const number = values.numbers[row];
  return Number.isNaN(number) ? undefined : shortestText(number);
}
