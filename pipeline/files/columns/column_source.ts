import { Failure, fileInvalid } from "../../failure.ts";
import { printable } from "./printable.ts";
import { nearestName } from "../../did_you_mean.ts";
import type { Table, TableColumn } from "../../store/table.ts";
import type { TextFormat } from "../text/text_format.ts";

/** A column of a table and its name in a file. */
export interface ColumnSource {
  readonly column: TableColumn;
  readonly name: string;
  /** Whether rows that are entries of a dictionary in the file may be read as codes, see `CodedRows` of `column_buffer.ts`. */
  readonly mayBeCoded?: boolean;
}

/**
 * Selects the columns to load from a file.
 *
 * @param fileColumns Names of the file's columns.
 * @param remark A hint for the message about a missing key.
 */
export type SelectSources = (fileColumns: readonly string[], remark?: string) => readonly ColumnSource[];

export interface ColumnMapping {
  /** Names of columns in the files, if they differ. */
  readonly names: Readonly<Record<string, string>>;
  /** Load columns that a file lacks as NULL or their default, if the table allows it. */
  readonly allowMissing: boolean;
  /** Describes text files; absent if all is default. */
  readonly format?: TextFormat;
}

/**
 * Returns the columns of a table to load from a file.
 *
 * @param fileColumns Names of the file's columns.
 * @param fileName The name of the file in messages.
 * @param remark A hint for the message about a missing key.
 * @throws {Failure} `file-invalid` if a required column is missing, or another one unless that is allowed: a misspelled column
 *   must not become NULL silently.
 */
export function columnSources(
  table: Table,
  fileColumns: readonly string[],
  { names, allowMissing, fileName, remark }: ColumnMapping & {
    fileName: string;
    remark?: string | undefined;
  },
): ColumnSource[] {
  const sources: ColumnSource[] = [];
  const nameOf = ({ name }: TableColumn) => Object.hasOwn(names, name) ? names[name] : name;
  for (const column of table.columns) {
    const name = nameOf(column);
    if (fileColumns.includes(name)) sources.push({ column, name });
    else if (isNumberedBy(table, column, name, fileColumns)) continue;
    else if (isNeeded(table, column)) {
      const isKey = table.key.includes(column.name);
      throw missing(table, column, name, {
        fileColumns,
        fileName,
        mayAllow: false,
        isKey,
        remark: isKey ? remark : undefined,
      });
    } else if (!allowMissing && !column.hasDefault) {
      throw missing(table, column, name, { fileColumns, fileName, mayAllow: true });
    }
  }
  if (sources.length === 0) {
    const column = table.columns[table.columns.length - 1];
    throw missing(table, column, nameOf(column), { fileColumns, fileName, mayAllow: false });
  }
  return sources;
}

/** Whether the store numbers the rows. A key whose name in the file differs only in case was meant instead. */
function isNumberedBy(
  { isNumbered, key }: Table,
  { name: own }: TableColumn,
  name: string,
  fileColumns: readonly string[],
): boolean {
  return isNumbered && key[0] === own && name === own &&
    !fileColumns.some((candidate) => candidate.toLowerCase() === name.toLowerCase());
}

/** A key is never filled with a default. */
function isNeeded({ key }: Table, { name, required, hasDefault }: TableColumn): boolean {
  return key.includes(name) || (required && !hasDefault);
}

interface Lacking {
  readonly fileColumns: readonly string[];
  readonly fileName: string;
  readonly mayAllow: boolean;
  /** A column that numbers or names the rows is more likely the key than one with a similar name. */
  readonly isKey?: boolean;
  readonly remark?: string | undefined;
}

function missing(
  table: Table,
  column: TableColumn,
  name: string,
  { fileColumns, fileName, mayAllow, isKey = false, remark }: Lacking,
): Failure {
  const unused = fileColumns.filter((candidate) => !table.columns.some((other) => other.name === candidate));
  const near = nearestName(name, unused.filter((candidate) => printable(candidate) === candidate));
  const isNear = near !== undefined && (near.toLowerCase() === name.toLowerCase() || !isKey);
  const rowNames = ["", "__index_level_0__"].find((candidate) => fileColumns.includes(candidate));
  const meaning = column.comment ? ` (${column.comment})` : "";
  const remedy = remark !== undefined
    ? ` Give its name with clickwell ingest --column ${table.name}.${column.name}=NAME, or write it: ${remark}`
    : !isNear && rowNames !== undefined
    ? ` It has ${
      rowNames ? `"${rowNames}"` : "a column without a name"
    }: use it with clickwell ingest --column ${table.name}.${column.name}=${rowNames}`
    : near !== undefined
    ? ` It has "${near}": use it with clickwell ingest --column ${table.name}.${column.name}=${near}`
    : ` Give its name with clickwell ingest --column ${table.name}.${column.name}=NAME` +
      (mayAllow ? ", or load NULL with --allow-missing" : "");
  return fileInvalid(
    `Cannot load ${fileName}: it has no column "${name}"${meaning}, which ${table.name} ${
      mayAllow ? "has" : "needs"
    }; it has ${list(fileColumns)}.${remedy}`,
  );
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 20).map(printable).join(", ");
  return names.length === 0 ? "none" : names.length > 20 ? `${shown} and ${names.length - 20} more` : shown;
}
