import type { ByteSource } from "../byte_source.ts";
import { Failure } from "../../failure.ts";
import { type ChunkMetadata, readChunks, type RowGroupMetadata } from "./metadata.ts";

export type ParquetRowGroup = ReturnType<typeof checkRowGroup>;

/** The location of the pages of a column of a row group. */
export interface ColumnChunk {
  readonly codec: string;
  readonly offset: number;
  readonly byteCount: number;
}

/** Length of the magic at the start of a file. */
const magicBytes = 4;
/** Maximum number of bytes that old writers omit from the length of a column. */
const dictionaryHeaderBytesMax = 100;

export type Invalid = (detail: string) => Failure;

/** Runs `read`; missing or invalid required fields become a failure. */
export function damageOf<T>(read: () => T, invalid: Invalid): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw invalid(`its footer is damaged (${error instanceof Error ? error.message : error}).`);
  }
}

/** Returns the message about an encrypted part. */
export function encrypted(what: string): string {
  return `${what}, expected a file without encryption. Decrypt it with its key, in the program that wrote it, and write it again.`;
}

/** The file that contains a row group. */
export interface RowGroupFile {
  /** Its footer. */
  readonly bytes: Uint8Array;
  readonly source: ByteSource;
  readonly invalid: Invalid;
  /** Number of bytes that may be missing from the length of a column. */
  readonly paddingBytes: number;
}

export function checkRowGroup(group: RowGroupMetadata, file: RowGroupFile) {
  const { rowCount } = group;
  if (!(rowCount >= 0)) throw new Error("a row group without a count of rows");
  return {
    rowCount,
    /**
     * @param places Indices of the wanted columns.
     * @returns A function that locates the column with an index. It throws a `Failure`, `file-invalid`, for a column that is
     *   encrypted or in another file, and an `Error` for a damaged one.
     * @throws {Failure} `file-invalid` for a damaged list of columns.
     */
    openChunks(places: readonly number[]): (place: number) => ColumnChunk {
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
  // Writers give 0 as the offset of pages that do not exist.
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

/** Returns the number of bytes that may be missing from the length of a column, by writer. */
export function missingBytesOf(createdBy = ""): number {
  return leavesOutDictionaryHeader(createdBy) ? dictionaryHeaderBytesMax : 0;
}

/**
 * Returns whether the writer omits dictionary headers from the length of a column, as parquet-mr before 1.2.9 did.
 *
 * @see https://issues.apache.org/jira/browse/PARQUET-816
 */
function leavesOutDictionaryHeader(createdBy: string): boolean {
  const match = /^parquet-mr(?: version (\d+)\.(\d+)(?:\.(\d+))?)?/.exec(createdBy);
  if (!match) return false;
  const [major, minor, patch] = match.slice(1).map((part) => Number(part ?? 0));
  return major < 1 || (major === 1 && (minor < 2 || (minor === 2 && patch < 9)));
}
