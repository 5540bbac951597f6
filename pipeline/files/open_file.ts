import { openSource } from "./byte_source.ts";
import type { SelectSources } from "./column_source.ts";
import { openCsv } from "./csv.ts";
import { Failure } from "../failure.ts";
import { openNdjson } from "./ndjson.ts";
import { openParquet } from "./parquet.ts";
import { isParquet } from "./parquet_footer.ts";
import type { RowReader } from "./run.ts";

export type FileFormat = "parquet" | "csv" | "ndjson";

type Open = (path: string, selectSources: SelectSources) => RowReader;

const openers: Readonly<Record<FileFormat, Open>> = {
  parquet: openParquet,
  csv: openCsv,
  ndjson: openNdjson,
};

/** How files of other kinds begin, and what to do about them. */
const foreignKinds: readonly { readonly begins: readonly number[]; readonly is: string }[] = [
  { begins: [0x1f, 0x8b], is: "gzip-compressed as a whole: unpack it" },
  { begins: [0x28, 0xb5, 0x2f, 0xfd], is: "zstd-compressed as a whole: unpack it" },
  { begins: [0x50, 0x4b, 0x03, 0x04], is: "a zip archive or a spreadsheet: save its table as CSV" },
  { begins: [0x41, 0x52, 0x52, 0x4f, 0x57], is: "an Arrow file: write it as parquet" },
  { begins: [0x4f, 0x52, 0x43], is: "an ORC file: write it as parquet" },
  { begins: [0x4f, 0x62, 0x6a, 0x01], is: "an Avro file: write it as parquet" },
  { begins: [0x5b], is: "a JSON array: write one object per line" },
];

const headBytes = 4_096;

/**
 * Opens a file of any format that can be loaded; its content says which, whatever its name.
 *
 * @throws {Failure} as the readers of the formats do.
 */
export function openFile(path: string, selectSources: SelectSources): RowReader {
  return openers[formatOf(path)](path, selectSources);
}

/** @throws {Failure} `file-missing`; `file-invalid` for an empty file and what is neither parquet nor text. */
export function formatOf(path: string): FileFormat {
  const source = openSource(path);
  let head: Uint8Array;
  try {
    head = source.read(0, Math.min(headBytes, source.size));
  } finally {
    source.close();
  }
  const invalid = (detail: string) => new Failure("file-invalid", `Cannot read ${path}: it is ${detail}.`);
  if (head.length === 0) throw invalid("empty");
  if (isParquet(head)) return "parquet";
  const foreign = foreignKinds.find(({ begins }) => begins.every((byte, i) => head[i] === byte));
  if (foreign) throw invalid(foreign.is);
  if (/\.parquet(\.|$)/i.test(path)) throw invalid("no parquet file, whatever its name says");
  // UTF-16 has zeros too: the readers of text say so themselves.
  const isUtf16 = head[0] === 0xff || head[0] === 0xfe;
  if (!isUtf16 && head.includes(0)) {
    throw invalid("neither parquet nor text: write it as parquet, CSV or newline-delimited JSON");
  }
  const text = new TextDecoder().decode(head).trimStart();
  return text.startsWith("{") ? "ndjson" : "csv";
}
