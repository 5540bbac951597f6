import { shortestText } from "../files/text/number_text.ts";
import { type ColumnProfile, profileColumn } from "./column_profile.ts";
import type { ColumnValues } from "./column_values.ts";
import type { TableProfile } from "./profile.ts";
import { rowsToLookAt } from "./sampled_rows.ts";

/**
 * Returns the columns of a table of several files with the values that were looked at in all of them, in the order of the files. Of
 * many rows, every second, third or so is kept.
 *
 * @param widest The part that has the kinds of the columns.
 */
export function joinedRows(
  widest: TableProfile,
  parts: readonly TableProfile[],
): Pick<TableProfile, "columns" | "rowsLookedAt"> {
  const rows = parts.reduce((sum, { rowsLookedAt }) => sum + rowsLookedAt, 0);
  const step = Math.ceil(rows / (2 * rowsToLookAt(widest.columns.length)));
  const columns = widest.columns.map((column) => {
    const found = parts.flatMap((part) => part.columns.find(({ name }) => name === column.name) ?? []);
    return joinedColumn(column, found, step);
  });
  return { columns, rowsLookedAt: columns[0]?.rows ?? widest.rowsLookedAt };
}

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
