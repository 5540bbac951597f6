import type { ColumnChunk, DecodedArray } from "hyparquet";
import type { ParquetWriter, SchemaElement, Writer } from "hyparquet-writer";
import { useDictionary, writeColumn, writePageHeader } from "./hyparquet_writer_internals.ts";
import { snappyBytes } from "./snappy_writer.ts";

/** The library's default: a column of more bytes has several pages. */
const pageBytes = 2 ** 20;

/**
 * Writes a row group as the library does, byte for byte. Columns of numbers in typed arrays take a tenth of the time: the library
 * makes an object of each value, and goes over it ten times.
 *
 * @param data Shape (rows) each, in the order of the schema, which has no nested columns.
 */
export function writeRowGroup(parquet: ParquetWriter, data: readonly DecodedArray[]): void {
  const { schema: [root, ...elements], writer } = parquet;
  const rowCount = data[0].length;
  if (!data.some(isNumbers) || elements.some(({ repetition_type: type }) => type !== "OPTIONAL")) {
    const columnData = elements.map(({ name }, i) => ({ name, data: data[i] }));
    parquet.write({ columnData, rowGroupSize: Math.max(1, rowCount) });
    return;
  }
  const start = writer.offset;
  const written = elements.map((element, i) => {
    const values = data[i];
    const chunk = isNumbers(values) ? writeNumbers(writer, element, values) : undefined;
    return chunk ? { chunk } : writeAny(parquet, [root, element], values);
  });
  parquet.pendingIndexes.push(...written);
  const columns = written.map(({ chunk }) => chunk);
  const bytes = columns.reduce(
    (sum, { meta_data }) => sum + (meta_data?.total_uncompressed_size ?? 0n),
    0n,
  );
  parquet.num_rows += BigInt(rowCount);
  parquet.row_groups.push({
    columns,
    total_byte_size: bytes,
    num_rows: BigInt(rowCount),
    total_compressed_size: BigInt(writer.offset - start),
  });
  writer.flush?.();
}

function writeAny({ writer }: ParquetWriter, schemaPath: SchemaElement[], values: DecodedArray) {
  const [, element] = schemaPath;
  const definitionLevels = Array.from(values, (value) => value === null || value === undefined ? 0 : 1);
  return writeColumn({
    writer,
    column: {
      columnName: element.name,
      element,
      schemaPath,
      codec: "SNAPPY",
      compressors: { SNAPPY: snappyBytes },
      stats: true,
      pageSize: pageBytes,
      columnIndex: false,
      offsetIndex: true,
    },
    pageData: { values, definitionLevels, repetitionLevels: [], maxDefinitionLevel: 1 },
  });
}

type Numbers = BigInt64Array | Float64Array;

function isNumbers(values: DecodedArray): values is Numbers {
  return values instanceof BigInt64Array || values instanceof Float64Array;
}

/** Writes a column as one plain page. @returns undefined, without having written anything, if the library would write another. */
function writeNumbers(writer: Writer, element: SchemaElement, values: Numbers): ColumnChunk | undefined {
  const { type, name } = element;
  if (type !== (values instanceof Float64Array ? "DOUBLE" : "INT64")) return undefined;
  if (element.converted_type !== undefined || element.logical_type !== undefined) return undefined;
  if (values.length === 0 || values.byteLength >= pageBytes) return undefined;
  const statistics = values instanceof Float64Array
    ? statisticsOfReals(values)
    : statisticsOfIntegers(values);
  if (statistics === undefined) return undefined;
  if (useDictionary(values, type, undefined, undefined, undefined, false).dictionary) return undefined;
  const levels = definedRun(values.length);
  const plain = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const compressed = snappyBytes(plain);
  const start = writer.offset;
  writePageHeader(writer, {
    type: "DATA_PAGE_V2",
    uncompressed_page_size: levels.length + plain.length,
    compressed_page_size: levels.length + compressed.length,
    data_page_header_v2: {
      num_values: values.length,
      num_nulls: 0,
      num_rows: values.length,
      encoding: "PLAIN",
      definition_levels_byte_length: levels.length,
      repetition_levels_byte_length: 0,
      is_compressed: true,
    },
  });
  const headerBytes = writer.offset - start;
  writer.appendBytes(levels);
  writer.appendBytes(compressed);
  return {
    meta_data: {
      type,
      encodings: ["PLAIN"],
      path_in_schema: [name],
      codec: "SNAPPY",
      num_values: BigInt(values.length),
      total_compressed_size: BigInt(writer.offset - start),
      total_uncompressed_size: BigInt(headerBytes + levels.length + plain.length),
      data_page_offset: BigInt(start),
      statistics,
      encoding_stats: [{ page_type: "DATA_PAGE_V2", encoding: "PLAIN", count: 1 }],
    },
    file_offset: BigInt(start),
  };
}

/** One run of definition levels 1: no value is null. @see https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE */
function definedRun(count: number): Uint8Array {
  // Below 8, the library packs bits.
  if (count < 8) return Uint8Array.of(1 << 1 | 1, 2 ** count - 1);
  const bytes: number[] = [];
  let rest = count << 1;
  for (; rest >= 0x80; rest >>>= 7) bytes.push(rest & 0x7f | 0x80);
  return Uint8Array.of(...bytes, rest, 1);
}

/** @returns undefined for a value that is no number. */
function statisticsOfReals(values: Float64Array) {
  let [min, max] = [values[0], values[0]];
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== values[i]) return undefined;
    if (values[i] < min) min = values[i];
    if (values[i] > max) max = values[i];
  }
  // Zeros of both signs are equal: the least is −0, the greatest +0.
  return { min_value: min === 0 ? -0 : min, max_value: max === 0 ? 0 : max, null_count: 0n, nan_count: 0n };
}

/** By 32-bit halves, the low one first: reading an entry makes a BigInt. */
function statisticsOfIntegers(values: BigInt64Array) {
  const halves = new Int32Array(values.buffer, values.byteOffset, 2 * values.length);
  let [least, leastLow, leastHigh] = [0, halves[0] >>> 0, halves[1]];
  let [greatest, greatestLow, greatestHigh] = [0, leastLow, leastHigh];
  for (let i = 1; i < values.length; i++) {
    const low = halves[2 * i] >>> 0;
    const high = halves[2 * i + 1];
    if (high < leastHigh || (high === leastHigh && low < leastLow)) {
      least = i;
      leastLow = low;
      leastHigh = high;
    } else if (high > greatestHigh || (high === greatestHigh && low > greatestLow)) {
      greatest = i;
      greatestLow = low;
      greatestHigh = high;
    }
  }
  return { min_value: values[least], max_value: values[greatest], null_count: 0n };
}
