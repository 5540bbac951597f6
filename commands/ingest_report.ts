import type { IngestReport } from "../pipeline/ingest/ingest.ts";
import { printable } from "../pipeline/files/columns/printable.ts";
import type { FileReport } from "../pipeline/ingest/quality.ts";
import { counted, grouped } from "../pipeline/counted.ts";

/** Describes a load for people: a table of the files, remarks on each, and the number of examples. */
export function describeIngest({ files, orphans, examples }: IngestReport): string[] {
  return [
    ...alignColumns(fileRows(files)),
    ...files.flatMap(describeFile),
    ...orphans.filter(({ rows }) => rows > 0).map(({ table, column, parent, rows }) =>
      `${table}: ${counted(rows, "orphan")}: ${column} is not in ${parent}. Load ${parent} too.`
    ),
    `examples: ${grouped(examples)}`,
  ];
}

const numberColumns = [
  ["read", "read"],
  ["new", "inserted"],
  ["unchanged", "unchanged"],
  ["replaced", "replaced"],
  ["kept", "kept"],
  ["rejected", "rejected"],
  ["duplicate keys", "duplicates"],
] as const;

/** Maximum number of column names in a line: a file may have thousands. */
/** Columns with missing values that are listed. */
const nullsShown = 40;
const namesShown = 40;

/** Columns that are left out if all of their numbers are 0. */
const optionalColumns: ReadonlySet<string> = new Set(["replaced", "kept"]);

function fileRows(files: readonly FileReport[]): string[][] {
  const shown = numberColumns.filter(([, key]) =>
    !optionalColumns.has(key) || files.some((file) => file[key] > 0)
  );
  return [
    ["table", "file", ...shown.map(([title]) => title)],
    ...files.map((file) => [file.table, file.file, ...shown.map(([, key]) => grouped(file[key]))]),
  ];
}

/** Aligns names left and numbers right. */
function alignColumns(rows: readonly string[][]): string[] {
  const widths = rows[0].map((_, k) => Math.max(...rows.map((row) => row[k].length)));
  return rows.map((row) =>
    row.map((cell, k) => k < 2 ? cell.padEnd(widths[k]) : cell.padStart(widths[k])).join("  ")
  );
}

function describeFile(file: FileReport): string[] {
  const lines: string[] = [];
  if (file.loadedBefore) {
    const without = file.rejected > 0
      ? `, without ${counted(file.rejected, "row")} that could not be loaded`
      : "";
    lines.push(`loaded before with the same content${without}: nothing to do`);
  } else if (file.read === 0) lines.push("has columns and no rows: nothing to load");
  else lines.push(...describeNumbers(file), ...describeDuplicates(file));
  const nulls = Object.entries(file.nulls).filter(([, rows]) => rows > 0);
  if (nulls.length > 0) {
    lines.push(
      `without a value: ${
        nulls.slice(0, nullsShown).map(([column, rows]) =>
          `${column} ${grouped(rows)} (${share(rows, file.read)})`
        )
          .join(", ")
      }${nulls.length > nullsShown ? ` and ${grouped(nulls.length - nullsShown)} more columns` : ""}`,
    );
  }
  for (const [column, range] of Object.entries(file.times)) {
    if (range) lines.push(`${column}: from ${range.min} to ${range.max}`);
  }
  for (const [constraint, rows] of Object.entries(file.outOfRange)) {
    lines.push(`${counted(rows, "row")} rejected: ${constraint}`);
  }
  const unloadable = file.rejected - Object.values(file.outOfRange).reduce((sum, rows) => sum + rows, 0);
  if (unloadable > 0) lines.push(`${counted(unloadable, "row")} with a value that cannot be loaded`);
  if (file.missing.length > 0) {
    lines.push(`not in the file, loaded as NULL or its default: ${file.missing.join(", ")}`);
  }
  if (file.leftOut.length > 0) {
    const names = file.leftOut.slice(0, namesShown).map(printable).join(", ");
    const more = file.leftOut.length - namesShown;
    lines.push(
      `left out, not in the table: ${names}${more > 0 ? ` and ${more.toLocaleString("en")} more` : ""}`,
    );
  }
  return lines.map((line) => `${file.table}: ${file.file}: ${line}`);
}

/** Describes the numbers of rows without a key. */
function describeNumbers({ firstRowNumber, read }: FileReport): string[] {
  return firstRowNumber === undefined ? [] : [
    `the rows have no key: they are numbered from ${grouped(firstRowNumber)} to ${
      grouped(firstRowNumber + read - 1)
    }`,
  ];
}

/** Describes rows with repeated keys. Without `--on-conflict`, such rows are equal. */
function describeDuplicates({ duplicates, read, replaced, kept, table }: FileReport): string[] {
  if (duplicates === 0) return [];
  if (replaced + kept > 0) {
    return [`${counted(duplicates, "row")} with a key that an earlier row of the file has`];
  }
  return [
    `${grouped(duplicates)} of ${counted(read, "row")} ${
      duplicates === 1 ? "is" : "are"
    } the same, in all columns that are loaded, as an earlier row of the file: each is in ${table} ONCE. If every row counts, give ` +
    `${table} a key that distinguishes them, such as a row number, and load the file with it`,
  ];
}

function share(part: number, whole: number): string {
  const percent = 100 * part / Math.max(1, whole);
  return `${percent < 0.1 ? "< 0.1" : percent.toFixed(1)} %`;
}
