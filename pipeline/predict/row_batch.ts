import { Failure } from "../failure.ts";
import type { Cell } from "../files/columns/batch.ts";
import { withPoint } from "../files/columns/checked_append.ts";
import { parseReal } from "../files/text/number_text.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import type { Field } from "../model/predictor.ts";
import { nearestName } from "../did_you_mean.ts";
import type { ColumnType } from "../store/table.ts";

/** Some consecutive rows of a file. */
export interface RowBatch {
  readonly rowCount: number;
  /** Values per field of the model, as JSON would have them, each of shape (rows). */
  readonly fields: readonly (readonly unknown[])[];
  /** Values per kept column, each of shape (rows). */
  readonly kept: readonly (readonly Cell[])[];
  /** What is wrong with a row, by its place in the batch, where its values could not even be read. */
  readonly faults: ReadonlyMap<number, string>;
}

/** A file of rows that is open for reading, whatever its format. */
export interface RowSource {
  /** The columns that are handed on, with the type that a file of them has. */
  readonly kept: readonly KeptColumn[];
  /** @returns undefined at the end of the file. @throws {Failure} `file-invalid` */
  next(): RowBatch | undefined;
  bytesRead(): number;
  close(): void;
}

export interface KeptColumn {
  readonly name: string;
  readonly type: ColumnType;
}

export interface RowSourceOptions {
  /** Of the model. */
  readonly fields: readonly Field[];
  /** Columns to hand on that the file must have. */
  readonly keep: readonly string[];
  /** Columns to hand on where the file has them. */
  readonly keepIfThere: readonly string[];
  /** What fields are called in the file, where it is not their own name. */
  readonly names: Readonly<Record<string, string>>;
  /** A field that the file lacks is not known, where the model lets it be. */
  readonly allowMissing: boolean;
  /** What a text file cannot say of itself. */
  readonly textFormat?: TextFormat | undefined;
  /** Fields that are times: a file may write them as an ingest reads them. */
  readonly times?: ReadonlySet<string>;
}

/** Rows that are read and scored together. */
export const batchRows = 4_096;

/**
 * What a field's value in a file is to the model: a number may be written as text and be true or false, as in a file that is
 * ingested. What is none stays as it is, to be refused.
 */
export function fieldReader(
  { type, values }: Field,
  { decimalComma = false }: TextFormat,
): (value: unknown) => unknown {
  const pointed = (text: string) => decimalComma && text.includes(",") ? withPoint(text) || text : text;
  if (type === "categorical") {
    if (!decimalComma || values === undefined || values === "text") return (value) => value;
    return (value) => typeof value === "string" ? pointed(value) : value;
  }
  return (value) => {
    if (typeof value === "boolean") return Number(value);
    if (typeof value !== "string") return value;
    const number = parseReal(pointed(value));
    return number === undefined ? value : Number.isNaN(number) ? null : number;
  };
}

/** The columns of a file that are read. */
export interface SelectedColumns {
  /** Per field of the model: the file's column; undefined where it has none. */
  readonly fields: readonly (string | undefined)[];
  readonly kept: readonly string[];
}

/** @throws {Failure} `file-invalid` for a file without a column that is needed. */
export function selectColumns(
  path: string,
  fileColumns: readonly string[],
  options: RowSourceOptions,
): SelectedColumns {
  const has = (name: string) => fileColumns.includes(name);
  const fail = (name: string, what: string, remedy: string) => {
    const near = nearestName(name, fileColumns);
    const hint = near === undefined ? "" : ` It has "${near}".`;
    return new Failure(
      "file-invalid",
      `Cannot answer ${path}: it has no column "${name}", ${what}.${hint} ${remedy}`,
    );
  };
  const fields = options.fields.map(({ name, nullable }) => {
    const column = Object.hasOwn(options.names, name) ? options.names[name] : name;
    if (has(column)) return column;
    if (options.allowMissing && nullable) return undefined;
    const allowed = nullable ? ", or take it as not known with --allow-missing" : "";
    throw fail(column, "a field of the model", `Name it with --column ${name}=NAME${allowed}.`);
  });
  for (const name of options.keep) {
    if (!has(name)) throw fail(name, "which --keep names", `It has ${fileColumns.slice(0, 20).join(", ")}.`);
  }
  const kept = [...options.keepIfThere.filter(has), ...options.keep];
  return { fields, kept: kept.filter((name, i) => kept.indexOf(name) === i) };
}
