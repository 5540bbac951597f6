import type { SchemaElement } from "hyparquet";
import {
  CompressionCodecs,
  ConvertedTypes,
  FieldRepetitionTypes,
  ParquetTypes,
} from "./hyparquet_internals.ts";
import { readLogicalType } from "./logical_type.ts";
import {
  readInteger,
  readStruct,
  readStructs,
  readText,
  requireStruct,
  skipStruct,
  type ThriftField,
  type Walk,
} from "./thrift.ts";

/** The unchecked content of a footer; of column chunks only the position of their list. */
export interface FileMetadata {
  readonly schema: readonly SchemaElement[];
  readonly rowCount: number;
  readonly rowGroups: readonly RowGroupMetadata[];
  readonly createdBy: string | undefined;
  /** The JSON of pandas. */
  readonly pandas: string | undefined;
}

export interface RowGroupMetadata {
  readonly rowCount: number;
  /** The offset of its list of column chunks in the footer; undefined if it has none. */
  readonly chunksAt: ThriftPlace | undefined;
}

interface ThriftPlace {
  readonly offset: number;
  readonly field: ThriftField;
}

export interface ChunkMetadata {
  codec: string;
  valueCount: number;
  compressedSize: number;
  dataPageOffset: number;
  /** 0 if there is none. */
  dictionaryPageOffset: number;
  isElsewhere: boolean;
  isEncrypted: boolean;
  /** Whether it has an offset index. */
  isDescribed: boolean;
}

/**
 * Reads the structure of a footer. Statistics and other unneeded fields are skipped.
 *
 * @param limits Maximum numbers of schema entries and row groups.
 * @throws {Error} if it is not such a structure; the error of `limits.exceeded` beyond a limit.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */
export function readMetadata(
  bytes: Uint8Array,
  limits: { elementsMax: number; rowGroupsMax: number; exceeded(what: string): Error },
): FileMetadata {
  const walk: Walk = { bytes, offset: 0 };
  const schema: SchemaElement[] = [];
  const rowGroups: RowGroupMetadata[] = [];
  const found = {
    rowCount: NaN,
    createdBy: undefined as string | undefined,
    pandas: undefined as string | undefined,
  };
  readStruct(walk, (field) => {
    if (field.id === 2) {
      readStructs(walk, field, (i) => {
        if (i >= limits.elementsMax) throw limits.exceeded("columns");
        schema.push(readElement(walk));
      });
    } else if (field.id === 3) found.rowCount = readInteger(walk, field);
    else if (field.id === 4) {
      readStructs(walk, field, (i) => {
        if (i >= limits.rowGroupsMax) throw limits.exceeded("row groups");
        rowGroups.push(readRowGroup(walk));
      });
    } else if (field.id === 5) {
      readStructs(walk, field, () => found.pandas = readPandas(walk) ?? found.pandas);
    } else if (field.id === 6) found.createdBy = readText(walk, field);
  });
  return { schema, rowGroups, ...found };
}

/**
 * Reads some column chunks of a row group.
 *
 * @param wanted Their indices in the group.
 * @returns By index, without those that the group lacks.
 */
export function readChunks(
  bytes: Uint8Array,
  { chunksAt }: RowGroupMetadata,
  wanted: ReadonlySet<number>,
): Map<number, ChunkMetadata> {
  const chunks = new Map<number, ChunkMetadata>();
  if (!chunksAt) return chunks;
  const walk: Walk = { bytes, offset: chunksAt.offset };
  readStructs(walk, chunksAt.field, (place) => {
    if (wanted.has(place)) chunks.set(place, readChunk(walk));
    else skipStruct(walk);
  });
  return chunks;
}

function readRowGroup(walk: Walk): RowGroupMetadata {
  let rowCount = NaN;
  let chunksAt: ThriftPlace | undefined;
  readStruct(walk, (field) => {
    if (field.id === 1) chunksAt = { offset: walk.offset, field };
    else if (field.id === 3) rowCount = readInteger(walk, field);
  });
  return { rowCount, chunksAt };
}

function readPandas(walk: Walk): string | undefined {
  let key = "";
  let value: string | undefined;
  readStruct(walk, (field) => {
    if (field.id === 1) key = readText(walk, field);
    else if (field.id === 2 && key === "pandas") value = readText(walk, field);
  });
  return value;
}

function readChunk(walk: Walk): ChunkMetadata {
  const chunk: ChunkMetadata = {
    codec: "",
    valueCount: NaN,
    compressedSize: NaN,
    dataPageOffset: NaN,
    dictionaryPageOffset: 0,
    isElsewhere: false,
    isEncrypted: false,
    isDescribed: false,
  };
  readStruct(walk, (field) => {
    if (field.id === 1) chunk.isElsewhere = readText(walk, field) !== "";
    else if (field.id === 3) readDescription(walk, field, chunk);
    else if (field.id === 8 || field.id === 9) chunk.isEncrypted = true;
  });
  return chunk;
}

function readDescription(walk: Walk, of: ThriftField, chunk: ChunkMetadata): void {
  requireStruct(of);
  chunk.isDescribed = true;
  readStruct(walk, (field) => {
    if (field.id === 4) {
      const codec = readInteger(walk, field);
      chunk.codec = CompressionCodecs[codec] ?? `number ${codec}`;
    } else if (field.id === 5) chunk.valueCount = readInteger(walk, field);
    else if (field.id === 7) chunk.compressedSize = readInteger(walk, field);
    else if (field.id === 9) chunk.dataPageOffset = readInteger(walk, field);
    else if (field.id === 11) chunk.dictionaryPageOffset = readInteger(walk, field);
  });
}

function readElement(walk: Walk): SchemaElement {
  const element: Partial<SchemaElement> = {};
  let name: string | undefined;
  readStruct(walk, (field) => {
    if (field.id === 4) name = readText(walk, field);
    else if (field.id === 10) {
      const type = readLogicalType(walk, field);
      if (type) element.logical_type = type;
    } else if (field.id >= 1 && field.id <= 8) assign(element, field.id, readInteger(walk, field));
  });
  if (name === undefined) throw new Error("a column without a name");
  return { ...element, name };
}

function assign(element: Partial<SchemaElement>, id: number, value: number): void {
  if (id === 1 && ParquetTypes[value] !== undefined) element.type = ParquetTypes[value];
  else if (id === 2) element.type_length = value;
  else if (id === 3 && FieldRepetitionTypes[value] !== undefined) {
    element.repetition_type = FieldRepetitionTypes[value];
  } else if (id === 5) element.num_children = value;
  else if (id === 6 && ConvertedTypes[value] !== undefined) element.converted_type = ConvertedTypes[value];
  else if (id === 7) element.scale = value;
  else if (id === 8) element.precision = value;
}
