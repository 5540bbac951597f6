import type { DecodedArray } from "hyparquet";
import { ByteWriter, ParquetWriter, type SchemaElement, type Writer } from "hyparquet-writer";
import { Failure } from "../../failure.ts";
import { release } from "../columns/column_buffer.ts";
import { writeRowGroup } from "./row_group_writer.ts";
import { addChecksums } from "./page_checksums.ts";
import { snappyBytes } from "./snappy_writer.ts";
import { removeIfThere, writing } from "../written_file.ts";

/** A parquet file that is being written by row groups, under a temporary name until it is published. */
export type ParquetFile = ReturnType<typeof createParquetFile>;

export interface ParquetFileOptions {
  readonly columns: readonly SchemaElement[];
  /** Name of the writing program, stored in the file. */
  readonly createdBy: string;
  /** Further metadata of the file, by key. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** See `RowGroupOptions`. */
  readonly isQuick?: boolean;
}

/** Returns the name of a file until it is published. */
export function partialPathOf(path: string): string {
  return `${path}.partial`;
}

/**
 * Starts a parquet file, compressed by Snappy. An existing file at `path` is replaced when the new one is published.
 *
 * @throws {Failure} `file-unwritable`, as `append`, `end` and `publish` do.
 */
export function createParquetFile(path: string, options: ParquetFileOptions) {
  const { columns, createdBy, metadata = {}, isQuick = false } = options;
  const partialPath = partialPathOf(path);
  const file = writing(path, () => Deno.openSync(partialPath, { write: true, create: true, truncate: true }));
  let published = false;
  const parquet: ParquetWriter = new ParquetWriter({
    writer: fileWriter(file, () => parquet),
    schema: [{ name: "schema", num_children: columns.length }, ...columns],
    createdBy,
    compressors: { SNAPPY: snappyBytes },
    kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  });

  return {
    path,
    /** Number of rows written so far. */
    get rows(): number {
      return Number(parquet.num_rows);
    },
    /** Writes a row group: columns in the order of the schema, of equal length. */
    append(data: readonly DecodedArray[]): void {
      writing(path, () => writeRowGroup(parquet, data, { isQuick }));
    },
    /** Writes the footer and syncs the file to disk. */
    end(): void {
      writing(path, () => {
        parquet.finish();
        file.syncSync();
      });
      file.close();
    },
    /** Renames the finished file. */
    publish(): void {
      writing(path, () => Deno.renameSync(partialPath, path));
      published = true;
    },
    /** Removes the file unless it is published. */
    discard(): void {
      if (published) return;
      try {
        file.close();
      } catch { /* it was ended */ }
      removeIfThere(partialPath);
    },
  };
}

/** @throws {Failure} `file-unwritable` if `path` is a file of another program than `createdBy`. */
export function requireReplaceable(path: string, createdBy: string): void {
  const end = writing(path, () => readEnd(path, 512));
  if (end === undefined || end.includes(createdBy)) return;
  throw new Failure(
    "file-unwritable",
    `Cannot write ${path}: a file of that name exists that ${createdBy} did not write. ` +
      "Move it away, or write to another folder.",
  );
}

/** Returns the last bytes of a file as text, where parquet files name their writer; undefined if it does not exist. */
function readEnd(path: string, byteCount: number): string | undefined {
  try {
    using file = Deno.openSync(path, { read: true });
    const { size } = file.statSync();
    file.seekSync(Math.max(0, size - byteCount), Deno.SeekMode.Start);
    const bytes = new Uint8Array(byteCount);
    const length = file.readSync(bytes) ?? 0;
    return new TextDecoder("latin1").decode(bytes.subarray(0, length));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Collects a row group in memory, adds the page checksums and writes it. The file writer of the library reopens its file for every
 * megabyte.
 *
 * @param written The footer so far.
 */
function fileWriter(file: Deno.FsFile, written: () => ParquetWriter): Writer {
  const bytes = new ByteWriter();
  let groupCount = 0;
  const write = (part: Uint8Array): void => {
    for (let offset = 0; offset < part.length;) offset += file.writeSync(part.subarray(offset));
    bytes.index = 0;
  };
  const flush = (): void => {
    const { row_groups: groups, pendingIndexes } = written();
    const group = groups[groupCount++];
    const offset = bytes.offset - bytes.index;
    const pageIndexes = new Map(
      pendingIndexes.flatMap(({ chunk, offsetIndex }) => offsetIndex ? [[chunk, offsetIndex]] : []),
    );
    const part = addChecksums({ bytes: bytes.getBytes(), offset, group, pageIndexes });
    bytes.offset = offset + part.length;
    write(part);
    // The garbage collector, which does not count this memory, would let many accumulate.
    release(part);
  };
  return Object.assign(bytes, { flush, finish: () => write(bytes.getBytes()) });
}
