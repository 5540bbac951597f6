import { type FileMetaData, parquetMetadata, type RowGroup, type SchemaElement } from "hyparquet";
import type { ByteSource } from "./byte_source.ts";
import { Failure } from "../failure.ts";
import { structEnd } from "./parquet_thrift.ts";
import { printable } from "./printable.ts";

/** What stands at the end of a parquet file, checked. */
export interface Footer {
  readonly rowCount: number;
  readonly columns: readonly ParquetColumn[];
  readonly rowGroups: readonly ParquetRowGroup[];
}

/** A column at the top of the file's schema. */
export interface ParquetColumn {
  readonly name: string;
  readonly element: SchemaElement;
  /** Its place among the column chunks of a row group; undefined for a list, a map or a group of columns. */
  readonly index: number | undefined;
}

export interface ParquetRowGroup {
  readonly rowCount: number;
  readonly chunks: readonly ColumnChunk[];
}

/** Where the pages of a column of a row group lie. */
export interface ColumnChunk {
  readonly codec: string;
  readonly offset: number;
  readonly byteCount: number;
}

const magic = "PAR1";
/** Behind the footer: its length in four bytes, and the magic. */
const tailBytes = 8;
const footerBytesMax = 16 * 2 ** 20;
export const columnCountMax = 1_024;
export const rowCountMax = 1e9;

/** @throws {Failure} `file-invalid` for what is no parquet file, is cut off, damaged, encrypted or beyond a limit. */
export function readFooter(source: ByteSource): Footer {
  const invalid = (detail: string) => new Failure("file-invalid", `Cannot read ${source.name}: ${detail}`);
  const bytes = footerBytes(source, invalid);
  try {
    if (structEnd(bytes, 0) === undefined) throw new Error("it goes on behind its end");
    return checkFooter(parquetMetadata(bytes, { geoparquet: false }), source, invalid);
  } catch (error) {
    if (error instanceof Failure) throw error;
    // Fields that every writer writes are not there, or are something else.
    throw invalid(`its footer is damaged (${error instanceof Error ? error.message : error}).`);
  }
}

function checkFooter(metadata: FileMetaData, source: ByteSource, invalid: Invalid): Footer {
  const columns = topColumns(metadata.schema);
  if (columns.length > columnCountMax) {
    throw invalid(
      `it has ${columns.length} columns, expected at most ${columnCountMax}. Leave out those that the store does not have.`,
    );
  }
  const repeated = columns.find(({ name }, i) => columns.findIndex((other) => other.name === name) !== i);
  if (repeated) throw invalid(`it has two columns ${printable(repeated.name)}. Rename one.`);
  const rowGroups = metadata.row_groups.map((group) => checkRowGroup(group, source, invalid));
  const rowCount = rowGroups.reduce((sum, group) => sum + group.rowCount, 0);
  if (rowCount > rowCountMax) {
    throw invalid(`it has ${rowCount} rows, expected at most ${rowCountMax}. Split it.`);
  }
  if (rowCount !== Number(metadata.num_rows)) {
    throw new Error(`${metadata.num_rows} rows in all, ${rowCount} in its row groups`);
  }
  return { rowCount, columns, rowGroups };
}

type Invalid = (detail: string) => Failure;

function footerBytes(source: ByteSource, invalid: Invalid): Uint8Array {
  const { size } = source;
  if (size < magic.length + tailBytes) throw invalid("it is too short for a parquet file.");
  const tail = source.read(size - tailBytes, tailBytes);
  const ending = String.fromCharCode(...tail.subarray(4));
  if (ending === "PARE") throw invalid("it is encrypted. Write it without encryption.");
  if (ending !== magic) {
    throw invalid("it does not end as a parquet file does: it is cut off, or another kind of file.");
  }
  const length = new DataView(tail.buffer).getUint32(0, true);
  if (length > footerBytesMax) {
    throw invalid(`its footer takes ${length} bytes, expected at most ${footerBytesMax}.`);
  }
  if (length > size - magic.length - tailBytes) {
    throw invalid("its footer is longer than the file: it is damaged.");
  }
  return source.read(size - tailBytes - length, length + tailBytes);
}

/** The children of the schema's root, which is a list of a tree's nodes, each before its children. */
function topColumns(schema: readonly SchemaElement[]): ParquetColumn[] {
  const columns: ParquetColumn[] = [];
  let leafCount = 0;
  for (let i = 1; i < schema.length;) {
    const element = schema[i];
    if (typeof element.name !== "string") throw new Error("a column without a name");
    const next = subtreeEnd(schema, i);
    const isFlat = next === i + 1 && element.type !== undefined && element.repetition_type !== "REPEATED";
    columns.push({ name: element.name, element, index: isFlat ? leafCount : undefined });
    for (; i < next; i++) if (schema[i].num_children === undefined) leafCount++;
  }
  return columns;
}

function subtreeEnd(schema: readonly SchemaElement[], start: number): number {
  let open = 1;
  let i = start;
  for (; i < schema.length && open > 0; i++) open += (schema[i].num_children ?? 0) - 1;
  return i;
}

function checkRowGroup(group: RowGroup, source: ByteSource, invalid: Invalid): ParquetRowGroup {
  const rowCount = Number(group.num_rows);
  if (!(rowCount >= 0)) throw new Error("a row group without a count of rows");
  // Writers say of pages that they did not write that they lie at 0.
  if (rowCount === 0) return { rowCount, chunks: [] };
  const chunks = group.columns.map(({ meta_data: chunk, file_path }): ColumnChunk => {
    if (!chunk || file_path !== undefined) throw invalid("its columns lie in other files, or are encrypted.");
    const first = Number(chunk.dictionary_page_offset ?? 0) || Number(chunk.data_page_offset);
    const offset = Math.min(first, Number(chunk.data_page_offset));
    const byteCount = Number(chunk.total_compressed_size);
    if (!(offset >= magic.length && byteCount >= 0 && offset + byteCount <= source.size)) {
      throw new Error("a column lies outside of the file");
    }
    return { codec: String(chunk.codec), offset, byteCount };
  });
  return { rowCount, chunks };
}
