import { type ByteSource, openSource } from "../files/byte_source.ts";
import { fileState } from "../files/file_state.ts";
import { formatOf } from "../files/open_file.ts";
import { isParquet } from "../files/parquet/footer.ts";
import { openCsv } from "../files/text/csv.ts";
import { gunzip, isGzip, type NextPiece } from "../files/text/gunzip.ts";
import { openNdjson } from "../files/text/ndjson.ts";
import type { TextEncoding, TextFormat } from "../files/text/text_format.ts";
import { headOf, type TextInput } from "../files/text/text_input.ts";
import { openWindow } from "../files/text/text_window.ts";
import { transcode } from "../files/text/transcode.ts";
import { Failure } from "../failure.ts";
import type { FileSample } from "./parquet_sample.ts";
import { readColumn, rowsToLookAt, sampleRows } from "./sampled_rows.ts";

const headBytes = 2 ** 20;
/** Number of ranges in which a large file is looked at. */
const rangeCount = 8;
const lineFeed = 0x0a;
const quote = 0x22;

/** A range of the bytes of a file. */
interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Looks at a text file: at all of it if it is small, at its first rows if it is compressed or has line breaks in its fields, else
 * at ranges that are spread over it. All columns are read as texts.
 *
 * @throws {Failure} as the readers of CSV and newline-delimited JSON do.
 */
export async function sampleText(
  path: string,
  format: TextFormat,
  signal?: AbortSignal,
): Promise<FileSample> {
  const ranges = rangesOf(path, format);
  if (ranges.length > 1) {
    try {
      const sample = await sampleRanges(path, { format, ranges, signal });
      // A range that begins within a quoted field yields rows of another length.
      if (sample.faultyRows <= sample.rows / 1_000) return sample;
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== "file-invalid") throw error;
    }
  }
  return await sampleRanges(path, { format, ranges: [], signal });
}

interface TextSampling {
  readonly format: TextFormat;
  /** None for the file from its start. */
  readonly ranges: readonly ByteRange[];
  readonly signal: AbortSignal | undefined;
}

async function sampleRanges(path: string, { format, ranges, signal }: TextSampling): Promise<FileSample> {
  let columns: ReturnType<typeof readColumn>[] = [];
  const select = (names: readonly string[]) => {
    columns = names.filter((name) => name !== "").map((name) => readColumn(name, "TEXT"));
    return columns.map((column) => ({ column, name: column.name }));
  };
  const open = () => openRanges(path, format, ranges);
  const reader = formatOf(path, format) === "csv"
    ? openCsv(path, select, format, open)
    : openNdjson(path, select, format, open);
  try {
    const unnamed = reader.columnNames.filter((name) => name === "");
    const count = columns.length === 0 ? 0 : Math.ceil(1.5 * rowsToLookAt(columns.length));
    const sample = await sampleRows(reader, columns, {
      ranges: [{ skipped: 0, count }],
      readsNumbers: true,
      signal,
    });
    const isWhole = sample.isWhole && ranges.length === 0;
    const rowsPerByte = sample.rows / Math.max(1, reader.bytesRead());
    return {
      ...sample,
      isWhole,
      rowCount: isWhole ? sample.rows : Math.max(sample.rows, Math.round(fileState(path).size * rowsPerByte)),
      read: columns.map((column) => ({ column, kind: "text" })),
      unreadable: unnamed.map((column) => ({ column, why: "it has no name" })),
    };
  } finally {
    reader.close();
  }
}

/** Returns the ranges in which to look at a file; none for a file that is read from its start. */
function rangesOf(path: string, { encoding }: TextFormat): ByteRange[] {
  const source = openSource(path);
  try {
    const head = source.read(0, Math.min(headBytes, source.size));
    if (source.size <= head.length || isGzip(head) || encoding === "utf-16") return [];
    const lines = lineCount(head);
    const columnCount = 1 + (countUntilLineFeed(head, 0x2c) || countUntilLineFeed(head, 0x3b));
    const bytesWanted = rowsToLookAt(columnCount) * (head.length / Math.max(1, lines));
    if (lines === 0 || hasQuotedLineFeed(head) || source.size <= 1.5 * bytesWanted) return [];
    const length = Math.max(2 ** 16, Math.ceil((1.1 * bytesWanted) / rangeCount));
    return Array.from({ length: rangeCount }, (_, i) => {
      const from = Math.floor((i * (source.size - length)) / (rangeCount - 1));
      return linesWithin(source, { from, to: from + length });
    }).filter(({ from, to }) => from < to);
  } finally {
    source.close();
  }
}

function lineCount(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === lineFeed) count++;
  return count;
}

function countUntilLineFeed(bytes: Uint8Array, wanted: number): number {
  let count = 0;
  for (const byte of bytes) {
    if (byte === lineFeed) return count;
    if (byte === wanted) count++;
  }
  return count;
}

function hasQuotedLineFeed(bytes: Uint8Array): boolean {
  let isQuoted = false;
  for (const byte of bytes) {
    if (byte === quote) isQuoted = !isQuoted;
    else if (byte === lineFeed && isQuoted) return true;
  }
  return false;
}

/** Shrinks a range to the lines that lie within it. */
function linesWithin(source: ByteSource, { from, to }: ByteRange): ByteRange {
  const bytes = source.read(from, Math.min(to, source.size) - from);
  const start = from === 0 ? 0 : from + bytes.indexOf(lineFeed) + 1;
  const end = to >= source.size ? source.size : from + bytes.lastIndexOf(lineFeed) + 1;
  return { from: start, to: end };
}

/** Opens ranges of a file as if they were one file. */
function openRanges(path: string, format: TextFormat, ranges: readonly ByteRange[]): TextInput {
  const source = openSource(path);
  try {
    const { encoding = "utf-8" } = format;
    const pieces = piecesOf(source, ranges.length === 0 ? [{ from: 0, to: source.size }] : ranges);
    const isPacked = isGzip(source.read(0, Math.min(2, source.size)));
    const window = openWindow(
      path,
      transcode(isPacked ? gunzip(pieces.next, path) : pieces.next, encoding, path),
    );
    const isCounted = !isPacked && encoding !== "utf-16";
    return { window, bytesRead: isCounted ? window.bytesRead : pieces.bytesRead, close: source.close };
  } catch (error) {
    source.close();
    throw error;
  }
}

function piecesOf(
  source: ByteSource,
  ranges: readonly ByteRange[],
): { next: NextPiece; bytesRead: () => number } {
  let [range, offset, bytesRead] = [0, ranges[0].from, 0];
  return {
    next() {
      while (range < ranges.length && offset === ranges[range].to) offset = ranges[++range]?.from ?? 0;
      if (range === ranges.length) return new Uint8Array();
      const piece = source.read(offset, Math.min(headBytes, ranges[range].to - offset));
      offset += piece.length;
      bytesRead += piece.length;
      return piece;
    },
    bytesRead: () => bytesRead,
  };
}

/** Bytes of windows-1252 that are not characters. */
const undefinedBytes = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);

/** Detects the encoding of a text file by the bytes that are looked at. @returns undefined for UTF-8, and for parquet. */
export function detectEncoding(path: string): TextEncoding | undefined {
  const source = openSource(path);
  let first: Uint8Array;
  try {
    first = headOf(source, headBytes).head;
  } finally {
    source.close();
  }
  if (isParquet(first)) return undefined;
  const isMarked = (first[0] === 0xff && first[1] === 0xfe) || (first[0] === 0xfe && first[1] === 0xff);
  if (isMarked || (first[0] === 0) !== (first[1] === 0)) return "utf-16";
  const input = openRanges(path, { encoding: "utf-8" }, rangesOf(path, {}));
  try {
    return encodingOf(input);
  } finally {
    input.close();
  }
}

function encodingOf({ window }: TextInput): TextEncoding | undefined {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let isUtf8 = true;
  let is1252 = true;
  for (let bytesRead = 0; bytesRead < detectionBytesMax;) {
    const bytes = window.bytes.subarray(window.start, window.end);
    try {
      if (isUtf8) decoder.decode(bytes, { stream: true });
    } catch {
      isUtf8 = false;
    }
    if (!isUtf8) is1252 &&= !hasUndefined(bytes);
    bytesRead += bytes.length;
    window.moveTo(window.end);
    if (window.isLast) break;
    window.extend();
  }
  return isUtf8 ? undefined : is1252 ? "windows-1252" : "latin1";
}

function hasUndefined(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte > 0x80 && byte < 0x9e && undefinedBytes.has(byte)) return true;
  return false;
}

const detectionBytesMax = 64 * 2 ** 20;
