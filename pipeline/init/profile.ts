import { basename } from "node:path";
import { type FileFormat, formatOf } from "../files/open_file.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import { ownTableNames } from "../store/table.ts";
import type { ColumnKind, ColumnProfile } from "./column_profile.ts";
import {
  faultNotes,
  faultyColumns,
  headerNote,
  isFaulty,
  standInNotes,
  strayTextNotes,
  timeNotes,
  titleNote,
  unitNotes,
} from "./file_notes.ts";
import { lookAtParquet } from "./parquet_look.ts";
import { withCheckedKey } from "./key_check.ts";
import { textColumns } from "./typed_columns.ts";
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
  /** Says that the first line looks like a title, if it does. */
  readonly title?: string;
  /** What is odd about the file, in sentences. */
  readonly notes: readonly string[];
}

export interface ProfileOptions {
  /** Describes a text file; what is absent is detected. */
  readonly format?: TextFormat;
  readonly signal?: AbortSignal;
  /** Called while a column is read in all rows. */
  readonly observe?: LookObserver | undefined;
  /** Share the look at a parquet file. */
  readonly threads?: Threads | undefined;
}

/** An observer of long looks at a file. @param rowsTotal The number of its rows, maybe an estimate. */
export type LookObserver = (look: { path: string; rows: number; rowsTotal: number }) => void;

/**
 * Looks at a file: the kinds of its columns, their values and the format of its texts.
 *
 * @throws {Failure} `file-missing`; `file-invalid` for a file that is empty, damaged or neither parquet nor text; the reason of an
 *   aborted signal.
 */
export async function profileFile(path: string, options: ProfileOptions = {}): Promise<TableProfile> {
  const { format: given = {}, signal, observe, threads } = options;
  const encoding = given.encoding ?? detectEncoding(path);
  const format: TextFormat = { ...given, ...encoding === undefined ? {} : { encoding } };
  const fileFormat = formatOf(path, format);
  const { sample, columns, ...found } = fileFormat === "parquet"
    ? { ...await lookAtParquet(path, { threads, signal }), format, notes: [] }
    : await lookAtText(path, format, signal);
  const named = withoutUnusableNames(columns.filter((_, i) => !isFaulty(sample.columns[i])));
  const isPart = sample.rows < sample.rowCount;
  const title = titleNote(sample, fileFormat);
  const file = {
    paths: [path],
    format: found.format,
    isParquet: fileFormat === "parquet",
    signal,
    observe: observe && ((path: string, rows: number) => observe({ path, rows, rowsTotal: sample.rowCount })),
  };
  return {
    name: tableNameOf(path),
    path,
    fileFormat,
    rowCount: sample.rowCount,
    isCounted: sample.isWhole || fileFormat === "parquet",
    rowsLookedAt: sample.rows,
    ...found,
    columns: isPart ? await withCheckedKey(named.columns, file) : named.columns,
    ...title === undefined ? {} : { title },
    unreadable: [...sample.unreadable, ...faultyColumns(sample), ...named.unreadable],
    notes: [
      ...found.notes,
      ...headerNote(sample, fileFormat),
      ...faultNotes(sample),
      ...timeNotes(named.columns),
      ...unitNotes(named.columns),
      ...standInNotes(named.columns, fileFormat),
      ...fileFormat === "parquet" ? [] : strayTextNotes(named.columns),
    ],
  };
}

async function lookAtText(path: string, format: TextFormat, signal?: AbortSignal) {
  const sample = await sampleText(path, format, signal);
  return { sample, ...textColumns(sample, format) };
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
