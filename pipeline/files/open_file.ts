import { openSource } from "./byte_source.ts";
import type { SelectSources } from "./columns/column_source.ts";
import { openCsv } from "./text/csv.ts";
import { Failure, fileInvalid } from "../failure.ts";
import { openNdjson } from "./text/ndjson.ts";
import { openParquet } from "./parquet/reader.ts";
import { isParquet } from "./parquet/footer.ts";
import type { RowReader } from "./columns/row_run.ts";
import { rejectOtherFlags, type TextFormat } from "./text/text_format.ts";
import { headOf } from "./text/text_input.ts";
import { decodeHead } from "./text/transcode.ts";

export type FileFormat = "parquet" | "csv" | "ndjson";

/** First bytes of other file formats, and the remedy for each. */
const otherKinds: readonly { readonly begins: readonly number[]; readonly is: string }[] = [
  { begins: [0x28, 0xb5, 0x2f, 0xfd], is: "compressed by zstd as a whole: decompress it" },
  { begins: [0x50, 0x4b, 0x03, 0x04], is: "a zip archive or a spreadsheet: save its table as CSV" },
  { begins: [0x41, 0x52, 0x52, 0x4f, 0x57], is: "an Arrow file: write it as parquet" },
  { begins: [0x4f, 0x52, 0x43], is: "an ORC file: write it as parquet" },
  { begins: [0x4f, 0x62, 0x6a, 0x01], is: "an Avro file: write it as parquet" },
  { begins: [0x5b], is: "a JSON array: write one object per line" },
];

const headBytes = 4_096;

/**
 * Opens a file of any supported format, which is detected from its content.
 *
 * @param format Describes a text file.
 * @throws {Failure} as the readers of the formats do; `usage-invalid` for options that the format does not have.
 */
export function openFile(path: string, selectSources: SelectSources, format: TextFormat = {}): RowReader {
  switch (formatOf(path, format)) {
    case "parquet":
      return openParquet(path, selectSources);
    case "csv":
      return openCsv(path, selectSources, format);
    case "ndjson":
      return openNdjson(path, selectSources, format);
  }
}

/**
 * Returns the format for the files of a table: that of the text files among all that are loaded. Parquet files have none, unless they are
 * alone: then a format is a mistake, which reading them reports.
 *
 * @param paths The files of the table.
 * @param loaded All files that are loaded.
 */
export function formatAmong(
  paths: readonly string[],
  loaded: readonly string[],
  format: TextFormat | undefined,
): TextFormat | undefined {
  const areParquet = (some: readonly string[]) => some.length > 0 && some.every(isParquetFile);
  return format && areParquet(paths) && !areParquet(loaded) ? undefined : format;
}

/** Returns false for a file that cannot be read: reading it reports why. */
function isParquetFile(path: string): boolean {
  try {
    const source = openSource(path);
    try {
      return isParquet(headOf(source, headBytes).head);
    } finally {
      source.close();
    }
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

const webPage = /^\s*<(!doctype|html|\?xml)\b/i;

/** Whether the head is text but for zero bytes after its first line: other files have them earlier, beside other control characters. */
function isTextWithZeros(head: Uint8Array): boolean {
  const first = head.indexOf(0x0a);
  if (first < 1 || head.indexOf(0) < first) return false;
  return head.every((byte) => byte >= 0x20 || byte === 0 || (byte >= 0x09 && byte <= 0x0d));
}

/**
 * @throws {Failure} `file-missing`; `file-invalid` for an empty file, or one that is neither parquet nor text; `usage-invalid`
 *   for options that the format does not have.
 */
export function formatOf(path: string, format: TextFormat = {}): FileFormat {
  const source = openSource(path);
  let found: { head: Uint8Array; isGzip: boolean };
  try {
    found = headOf(source, headBytes);
  } finally {
    source.close();
  }
  const kind = formatOfHead(path, found, format);
  if (kind !== "csv") rejectOtherFlags(path, kind, format);
  return kind;
}

function formatOfHead(
  path: string,
  { head, isGzip }: { head: Uint8Array; isGzip: boolean },
  { encoding = "utf-8" }: TextFormat,
): FileFormat {
  const invalid = (detail: string) => fileInvalid(`Cannot read ${path}: it is ${detail}.`);
  if (head.length === 0) throw invalid("empty");
  if (isParquet(head)) {
    if (isGzip) throw invalid("parquet, compressed by gzip as a whole: decompress it");
    return "parquet";
  }
  const other = otherKinds.find(({ begins }) => begins.every((byte, i) => head[i] === byte));
  if (other) throw invalid(other.is);
  if (/\.parquet(\.|$)/i.test(path)) throw invalid("not a parquet file, despite its name");
  // UTF-16 has zero bytes, too: the reader of text checks it.
  const isUtf16 = encoding === "utf-16" || head[0] === 0xff || head[0] === 0xfe;
  if (!isUtf16 && head.includes(0)) {
    if ((head[0] === 0) !== (head[1] === 0)) throw invalid("probably UTF-16: use --encoding utf-16");
    // A row with such a character is named by the reader.
    if (!isTextWithZeros(head)) {
      throw invalid("neither parquet nor text: write it as parquet, CSV or newline-delimited JSON");
    }
  }
  if (webPage.test(decodeHead(head, encoding, path))) {
    throw invalid("a web page or XML, not a table: a download may have answered with an error in its place");
  }
  return decodeHead(head, encoding, path).trimStart().startsWith("{") ? "ndjson" : "csv";
}
