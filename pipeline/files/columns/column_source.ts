import { Failure } from "../../failure.ts";
import { printable } from "./printable.ts";
import { nearestName } from "../../did_you_mean.ts";
import type { Table, TableColumn } from "../../store/table.ts";
import type { TextFormat } from "../text/text_format.ts";

/** A column of a table, and what it is called in a file. */
export interface ColumnSource {
  readonly column: TableColumn;
  readonly name: string;
}

/**
 * Chooses the columns that are loaded from a file.
 *
 * @param fileColumns Names of the file's columns.
 * @param remark What whoever misses a key should know of the file.
 */
export type SelectSources = (fileColumns: readonly string[], remark?: string) => readonly ColumnSource[];

export interface ColumnMapping {
  /** What columns are called in the files, where it is not their own name. */
  readonly names: Readonly<Record<string, string>>;
  /** Load a column that a file lacks as NULL, or as its default, where the table allows it. */
  readonly allowMissing: boolean;
  /** What text files cannot say of themselves; absent where nothing of it was named. */
  readonly format?: TextFormat;
}

/**
 * Which columns of a table are loaded from a file.
 *
 * @param fileColumns Names of the file's columns.
 * @param fileName The file, as messages name it.
 * @param remark What whoever misses a key should know of the file.
 * @throws {Failure} `file-invalid` for a file without a column that the table needs, or without one of its others unless
 *   that is allowed: a column whose name is misspelt must not become NULL in silence.
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
  for (const column of table.columns) {
    const name = Object.hasOwn(names, column.name) ? names[column.name] : column.name;
    if (fileColumns.includes(name)) sources.push({ column, name });
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
  return sources;
}

/** A key is never made up, whatever its default. */
function isNeeded({ key }: Table, { name, required, hasDefault }: TableColumn): boolean {
  return key.includes(name) || (required && !hasDefault);
}

interface Lacking {
  readonly fileColumns: readonly string[];
  readonly fileName: string;
  readonly mayAllow: boolean;
  /** A column that numbers or names the rows is more likely it than one whose name is alike. */
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
    ? ` Name it with --column ${table.name}.${column.name}=NAME, or write it: ${remark}`
    : !isNear && rowNames !== undefined
    ? ` It has ${
      rowNames || "one without a name"
    }: --column ${table.name}.${column.name}=${rowNames} takes that`
    : near !== undefined
    ? ` It has "${near}": --column ${table.name}.${column.name}=${near} takes that`
    : ` Name it with --column ${table.name}.${column.name}=NAME` +
      (mayAllow ? ", or load NULL with --allow-missing" : "");
  return new Failure(
    "file-invalid",
    `Cannot load ${fileName}: it has no column "${name}"${meaning}, which ${table.name} ${
      mayAllow ? "has" : "needs"
    }; it has ${list(fileColumns)}.${remedy}`,
  );
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 20).map(printable).join(", ");
  return names.length === 0 ? "none" : names.length > 20 ? `${shown} and ${names.length - 20} more` : shown;
}
