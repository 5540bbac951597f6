import { fileInvalid } from "../failure.ts";
import type { Cell } from "../files/columns/batch.ts";
import { withPoint } from "../files/columns/checked_append.ts";
import { parseReal } from "../files/text/number_text.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import type { TypedColumns } from "../model/column_findings.ts";
import type { Field } from "../model/signature.ts";
import { nearestName } from "../did_you_mean.ts";
import type { ColumnType } from "../store/table.ts";

/** Consecutive rows of a file. */
export interface RowBatch {
  readonly rowCount: number;
  /** Values per field of the model, as in JSON, each of shape (rows). */
  readonly fields: readonly (readonly unknown[])[];
  /** Values per kept column, each of shape (rows). */
  readonly kept: readonly (readonly Cell[])[];
  /**
   * The same values without an object each, per field and kept column; undefined if there are only those above. Valid until the
   * next batch is read.
   */
  readonly typed?: { readonly fields: TypedColumns; readonly kept: TypedColumns };
  /** Errors of rows whose values could not be read, by index in the batch. */
  readonly faults: ReadonlyMap<number, string>;
}

/** A file of rows of any format, open for reading. */
export interface RowSource {
  /** The columns copied to the output, with their types in the output file. */
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
  /** Fields of the model. */
  readonly fields: readonly Field[];
  /** Columns to copy to the output; the file must have them. */
  readonly keep: readonly string[];
  /** Columns to copy to the output if the file has them. */
  readonly keepIfPresent: readonly string[];
  /** Columns of the file by field, if not named like the field. */
  readonly names: Readonly<Record<string, string>>;
  /** Treats a field that the file lacks as null, if the model allows null. */
  readonly allowMissing: boolean;
  /** Properties of a text file that cannot be detected. */
  readonly textFormat?: TextFormat | undefined;
  /** Time fields, which a file may have in any form that an ingest reads. */
  readonly times?: ReadonlySet<string>;
}

/** Number of rows read and scored together. */
export const batchRows = 4_096;

/**
 * Returns a function that converts a field's value in a file to the model's: as in an ingest, a number may be text, true or
 * false. Any other value is returned unchanged, and rejected later.
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
  if (type === "time") return (value) => value;
  return (value) => {
    if (typeof value === "boolean") return Number(value);
    if (typeof value !== "string") return value;
    const number = parseReal(pointed(value));
    return number === undefined ? value : Number.isNaN(number) ? null : number;
  };
}

/** The columns to read from a file. */
export interface SelectedColumns {
  /** Column per field of the model; undefined if the file has none. */
  readonly fields: readonly (string | undefined)[];
  readonly kept: readonly string[];
}

/** @throws {Failure} `file-invalid` if the file lacks a required column. */
export function selectColumns(
  path: string,
  fileColumns: readonly string[],
  options: RowSourceOptions,
): SelectedColumns {
  const has = (name: string) => fileColumns.includes(name);
  const fail = (name: string, what: string, remedy: string) => {
    const near = nearestName(name, fileColumns);
    const hint = near === undefined ? "" : ` It has "${near}".`;
    return fileInvalid(`Cannot predict ${path}: it has no column "${name}", ${what}.${hint} ${remedy}`);
  };
  const fields = options.fields.map(({ name, nullable }) => {
    const column = Object.hasOwn(options.names, name) ? options.names[name] : name;
    if (has(column)) return column;
    if (options.allowMissing && nullable) return undefined;
    const allowed = nullable ? ", or treat it as null with --allow-missing" : "";
    throw fail(column, "a field of the model", `Name it with --column ${name}=NAME${allowed}.`);
  });
  for (const name of options.keep) {
    if (!has(name)) throw fail(name, "which --keep names", `It has ${fileColumns.slice(0, 20).join(", ")}.`);
  }
  const kept = [...options.keepIfPresent.filter(has), ...options.keep];
  return { fields, kept: kept.filter((name, i) => kept.indexOf(name) === i) };
}
