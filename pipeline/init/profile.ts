import { basename } from "node:path";
import { timeOfInteger } from "../files/columns/field_value.ts";
import { type FileFormat, formatOf } from "../files/open_file.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { ownTableNames } from "../store/table.ts";
import { type ColumnKind, type ColumnProfile, profileColumn } from "./column_profile.ts";
import type { ColumnValues } from "./column_values.ts";
import { faultNotes, faultyColumns, headerNote, isFaulty, timeNotes } from "./file_notes.ts";
import { type FileSample, sampleParquet } from "./parquet_sample.ts";
import { withCheckedKey } from "./key_check.ts";
import { kindOfIntegers, kindOfTexts, numbersOfTexts, type TextKind } from "./text_kind.ts";
import { detectEncoding, sampleText } from "./text_sample.ts";

export type { ColumnKind, ColumnProfile, LevelCount, NumberRange, TextLength } from "./column_profile.ts";
export type { ColumnValues } from "./column_values.ts";

/** A file as a table, as far as it was looked at: at least 100,000 rows spread over it, fewer of thousands of columns. */
export interface TableProfile {
  /** A name for the table, made of the file's name. */
  readonly name: string;
  readonly path: string;
  readonly fileFormat: FileFormat;
  readonly rowCount: number;
  /** Whether `rowCount` is exact and not estimated. */
  readonly isCounted: boolean;
  readonly rowsLookedAt: number;
  /** What was detected of a text file, and what was given; without what is default. */
  readonly format: TextFormat;
  /** The columns that a table can have, in the order of the file. */
  readonly columns: readonly ColumnProfile[];
  /** The other columns, and why no table can have them. */
  readonly unreadable: readonly { readonly column: string; readonly why: string }[];
  /** What is odd about the file, in sentences. */
  readonly notes: readonly string[];
}

export interface ProfileOptions {
  /** Describes a text file; what is absent is detected. */
  readonly format?: TextFormat;
  readonly signal?: AbortSignal;
}

/**
 * Looks at a file: the kinds of its columns, their values and the format of its texts.
 *
 * @throws {Failure} `file-missing`; `file-invalid` for a file that is empty, damaged or neither parquet nor text; the reason of an
 *   aborted signal.
 */
export async function profileFile(path: string, options: ProfileOptions = {}): Promise<TableProfile> {
  const { format: given = {}, signal } = options;
  const encoding = given.encoding ?? detectEncoding(path);
  const format: TextFormat = { ...given, ...encoding === undefined ? {} : { encoding } };
  const fileFormat = formatOf(path, format);
  const sample = fileFormat === "parquet"
    ? await sampleParquet(path, signal)
    : await sampleText(path, format, signal);
  const { columns, ...found } = fileFormat === "parquet"
    ? { columns: typedColumns(sample), format, notes: [] }
    : readTexts(sample, format);
  const named = withoutUnusableNames(columns.filter((_, i) => !isFaulty(sample.columns[i])));
  const isPart = sample.rows < sample.rowCount;
  const file = { paths: [path], format: found.format, isParquet: fileFormat === "parquet", signal };
  return {
    name: tableNameOf(path),
    path,
    fileFormat,
    rowCount: sample.rowCount,
    isCounted: sample.isWhole || fileFormat === "parquet",
    rowsLookedAt: sample.rows,
    ...found,
    columns: isPart ? await withCheckedKey(named.columns, file) : named.columns,
    unreadable: [...sample.unreadable, ...faultyColumns(sample), ...named.unreadable],
    notes: [
      ...found.notes,
      ...headerNote(sample, fileFormat),
      ...faultNotes(sample),
      ...timeNotes(named.columns),
    ],
  };
}

/** Extensions of the files that are read. */
const extensions = /(\.(parquet|csv|tsv|txt|ndjson|jsonl|json|gz|gzip|snappy|zstd))+$/i;
/** Names that a table cannot have: that of the view, and those of the program's records. */
const takenNames: ReadonlySet<string> = new Set(["examples", ...ownTableNames]);

/** Returns a name for the table of a file: its name, of letters, digits and underscores. */
export function tableNameOf(path: string): string {
  const stem = basename(path).replace(extensions, "").normalize("NFC");
  const name = stem.replace(/[^\p{L}\p{N}_]+/gu, "_").replace(/^_+|_+$/g, "") || "rows";
  const isFree = !takenNames.has(name.toLowerCase()) && !/^\d|^sqlite_/i.test(name);
  return isFree ? name : `table_${name}`;
}

/** Returns the columns of a file that has types. Texts that are all times are times. */
function typedColumns({ read, columns }: FileSample): ColumnProfile[] {
  return read.map(({ column: { name }, kind }, i) => {
    const { values } = columns[i];
    if (values.is === "texts") {
      const found = kind === "text" ? kindOfTexts(name, values) : undefined;
      const isTime = (found?.kind === "time" || found?.kind === "date") && found.nulls.length === 0;
      if (isTime) return profileColumn(name, found.kind, numbersOfTexts(values, found));
      return profileColumn(name, kind, values);
    }
    const profile = profileColumn(name, kind, values);
    return kind === "integer" ? asTimes(profile, values) : profile;
  });
}

/** Reads integers like 20240131 as dates, if all of a column are. */
function asTimes(profile: ColumnProfile, values: ColumnValues & { is: "numbers" }): ColumnProfile {
  const { min, max } = profile.range ?? { min: 0, max: 0 };
  const isDate = min > 19_000_100 && max < 21_991_232;
  if (!isDate && !(min >= 1e14 && max < 1e16)) return profile;
  const present = values.numbers.filter((value) => value === value);
  const kind = kindOfIntegers(profile.name, [...new Set(present)]);
  if (kind === "integer") return profile;
  const numbers = values.numbers.map((value) => value === value ? Number(timeOfInteger(value)) : NaN);
  return profileColumn(profile.name, kind, { is: "numbers", numbers });
}

type TextColumn = ColumnValues & { readonly is: "texts" };

/** Finds the kinds of the columns of a text file, and with them its decimal comma and the texts that mean no value. */
function readTexts({ read, columns }: FileSample, given: TextFormat) {
  const texts = columns.map(({ values }) => values).filter((values): values is TextColumn =>
    values.is === "texts"
  );
  const found = texts.map((values, i) => kindOfTexts(read[i].column.name, withoutNulls(values, given.nulls)));
  const decimalComma = given.decimalComma ?? hasDecimalComma(found);
  const kinds = found.map((kind) =>
    kind.hasComma && !decimalComma ? { ...kind, kind: "text" as const } : kind
  );
  const nulls = given.nulls ?? [...new Set(kinds.flatMap((kind) => kind.kind === "text" ? [] : kind.nulls))];
  const format: TextFormat = {
    ...given,
    ...decimalComma ? { decimalComma } : {},
    ...nulls.length === 0 ? {} : { nulls },
  };
  const notes = decimalComma
    ? []
    : found.flatMap(({ hasComma, mayBeThousands }, i) =>
      hasComma ? [commaNote(read[i].column.name, mayBeThousands)] : []
    );
  const profiles = texts.map((values, i) => {
    const present = withoutNulls(values, nulls);
    const { kind } = kinds[i];
    const isText = kind === "text" || kind === "empty";
    return profileColumn(read[i].column.name, kind, isText ? present : numbersOfTexts(present, kinds[i]));
  });
  return { columns: profiles, format, notes };
}

function commaNote(name: string, mayBeThousands: boolean): string {
  const is = mayBeThousands
    ? "its numbers have a comma that may separate thousands. If it is a decimal comma, use --decimal-comma; else write them " +
      "without it"
    : "its numbers have a comma, and those of another column have a point. Write all with one of the two";
  return `${name} is read as text: ${is}.`;
}

function hasDecimalComma(found: readonly TextKind[]): boolean {
  return found.some(({ hasComma, mayBeThousands }) => hasComma && !mayBeThousands) &&
    !found.some(({ hasPoint }) => hasPoint);
}

function withoutNulls(values: TextColumn, nulls: readonly string[] = []): TextColumn {
  if (nulls.length === 0) return values;
  const isNull = values.texts.map((text) => nulls.includes(text) || nulls.includes(text.trim()));
  if (!isNull.includes(true)) return values;
  return { ...values, codes: values.codes.map((code) => code >= 0 && isNull[code] ? -1 : code) };
}

const nameBytesMax = 256;
/** The name that pandas gives to an index without one. */
const pandasIndex = /^__index_level_\d+__$/;

/** Takes out columns whose names SQLite does not keep apart, or that a line of SQL cannot have. */
function withoutUnusableNames(columns: readonly ColumnProfile[]) {
  const seen = new Map<string, string>();
  const unreadable: { column: string; why: string }[] = [];
  const usable = columns.filter(({ name, kind }) => {
    const folded = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    const other = seen.get(folded);
    const why = other !== undefined
      ? `its name differs from ${other} only in case`
      : /\p{Cc}/u.test(name)
      ? "its name has a control character"
      : new TextEncoder().encode(name).length > nameBytesMax
      ? `its name is longer than ${nameBytesMax} bytes`
      : kind === "integer" && pandasIndex.test(name)
      ? "pandas wrote it: the numbers of its rows"
      : undefined;
    if (why === undefined) seen.set(folded, name);
    else unreadable.push({ column: name, why });
    return why === undefined;
  });
  return { columns: usable, unreadable };
}

/** Returns whether a column holds numbers, times and booleans among them. */
export function isNumberKind(kind: ColumnKind): boolean {
  return kind !== "text" && kind !== "empty";
}
