import type { ByteSource } from "../byte_source.ts";
import { Failure } from "../../failure.ts";
import { type ChunkMetadata, readChunks, type RowGroupMetadata } from "./metadata.ts";

export interface ParquetRowGroup {
  readonly rowCount: number;
  /**
   * @param places Those of the columns that are wanted.
   * @returns Says where the column of a place lies. It throws a `Failure`, `file-invalid`, for a column that is encrypted or in
   *   another file, and an `Error` for one that is damaged.
   * @throws {Failure} `file-invalid` for a list of columns that is damaged.
   */
  openChunks(places: readonly number[]): (place: number) => ColumnChunk;
}

/** Where the pages of a column of a row group lie. */
export interface ColumnChunk {
  readonly codec: string;
  readonly offset: number;
  readonly byteCount: number;
}

/** A file begins with its magic. */
const magicBytes = 4;
/** Writers of old leave so many bytes at most out of the length of a column. */
const dictionaryHeaderBytesMax = 100;

export type Invalid = (detail: string) => Failure;

/** What fields that every writer writes, and that are not there or are something else, make of `read`: a failure. */
export function damageOf<T>(read: () => T, invalid: Invalid): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw invalid(`its footer is damaged (${error instanceof Error ? error.message : error}).`);
  }
}

/** Why something is refused that is encrypted. */
export function encrypted(what: string): string {
  return `${what}, expected a file without encryption. Decrypt it with its key, in the program that wrote it, and write it again.`;
}

/** The file of a row group. */
export interface RowGroupFile {
  /** Its footer. */
  readonly bytes: Uint8Array;
  readonly source: ByteSource;
  readonly invalid: Invalid;
  /** What may be missing of the length of a column. */
  readonly paddingBytes: number;
}

export function checkRowGroup(group: RowGroupMetadata, file: RowGroupFile): ParquetRowGroup {
  const { rowCount } = group;
  if (!(rowCount >= 0)) throw new Error("a row group without a count of rows");
  return {
    rowCount,
    openChunks(places) {
      const chunks = damageOf(() => readChunks(file.bytes, group, new Set(places)), file.invalid);
      return (place) => {
        const chunk = chunks.get(place);
        if (!chunk) throw new Error("the row group lacks it");
        return checkChunk(chunk, rowCount, file);
      };
    },
  };
}

function checkChunk(
  chunk: ChunkMetadata,
  rowCount: number,
  { source, invalid, paddingBytes }: RowGroupFile,
): ColumnChunk {
  if (chunk.isEncrypted) throw invalid(encrypted("columns that are loaded are encrypted"));
  if (chunk.isElsewhere || !chunk.isDescribed) {
    throw invalid("its columns lie in other files. Load those, or write the table into one file.");
  }
  // Writers say of pages that they did not write that they lie at 0.
  const first = chunk.dictionaryPageOffset > 0 ? chunk.dictionaryPageOffset : chunk.dataPageOffset;
  const offset = Math.min(first, chunk.dataPageOffset);
  const end = offset + chunk.compressedSize;
  if (!(offset >= magicBytes && chunk.compressedSize >= 0 && end <= source.size)) {
    throw new Error("it lies outside of the file");
  }
  if (chunk.valueCount !== rowCount) {
    throw new Error(`${chunk.valueCount} values, expected the ${rowCount} of the row group`);
  }
  const byteCount = Math.min(end + paddingBytes, source.size) - offset;
  return { codec: chunk.codec, offset, byteCount };
}

/** How many bytes may be missing of the length of a column, by who wrote the file. */
export function missingBytesOf(createdBy = ""): number {
  return leavesOutDictionaryHeader(createdBy) ? dictionaryHeaderBytesMax : 0;
}

/**
 * Whether the file's writer forgot the header of a dictionary when it added up the bytes of a column: parquet-mr before 1.2.9 did.
 *
 * @see https://issues.apache.org/jira/browse/PARQUET-816
 */
function leavesOutDictionaryHeader(createdBy: string): boolean {
  const match = /^parquet-mr(?: version (\d+)\.(\d+)(?:\.(\d+))?)?/.exec(createdBy);
  if (!match) return false;
  const [major, minor, patch] = match.slice(1).map((part) => Number(part ?? 0));
  return major < 1 || (major === 1 && (minor < 2 || (minor === 2 && patch < 9)));
}
