import type { SchemaElement } from "hyparquet";
import type { ByteSource } from "../byte_source.ts";
import { fileInvalid } from "../../failure.ts";
import { type FileMetadata, readMetadata } from "./metadata.ts";
import { type RangeIndex, rangeIndexOf } from "./pandas_index.ts";
import {
  checkRowGroup,
  damageOf,
  encrypted,
  type Invalid,
  missingBytesOf,
  type ParquetRowGroup,
} from "./row_group.ts";
import { printable } from "../columns/printable.ts";

/** The checked footer of a parquet file. */
export interface Footer {
  readonly rowCount: number;
  readonly columns: readonly ParquetColumn[];
  readonly rowGroups: readonly ParquetRowGroup[];
  /** Whether pandas numbers the rows by an unnamed index that is not a column of the file. */
  readonly hasUnnamedIndex: boolean;
}

/** A top-level column of the schema, or the range index of pandas. */
export interface ParquetColumn {
  readonly name: string;
  readonly element: SchemaElement;
  /** Its index among the column chunks of a row group; undefined for a list, map or group. */
  readonly index: number | undefined;
  /** Its values, if they are stored as a range. */
  readonly range?: RangeIndex;
}

const magic = "PAR1";
const encryptedMagic = "PARE";
/** Bytes after the footer: its length, in four bytes, and the magic. */
const tailBytes = 8;
const footerBytesMax = 64 * 2 ** 20;
/** Maximum number of columns of a file, counting the leaves of nested ones. */
export const fileColumnsMax = 100_000;
const rowGroupsMax = 2 ** 20;
export const rowCountMax = 1e9;
/** Returns whether the first bytes are those of a parquet file. */
export function isParquet(head: Uint8Array): boolean {
  const first = String.fromCharCode(...head.subarray(0, 4));
  return first === magic || first === encryptedMagic;
}

/** @throws {Failure} `file-invalid` if it is not a parquet file, or truncated, damaged, encrypted or beyond a limit. */
export function readFooter(source: ByteSource): Footer {
  const invalid = (detail: string) => fileInvalid(`Cannot read ${source.name}: ${detail}`);
  const bytes = footerBytes(source, invalid);
  return damageOf(() => {
    const metadata = readMetadata(bytes, {
      // A list of texts takes three.
      elementsMax: 4 * fileColumnsMax,
      rowGroupsMax,
      exceeded: (what) => invalid(`it has more ${what} than the limit: ${limits}`),
    });
    return checkFooter(metadata, bytes, source, invalid);
  }, invalid);
}

const limits = `expected at most ${fileColumnsMax.toLocaleString("en")} columns, ${
  rowGroupsMax.toLocaleString("en")
} row groups and a footer of ${footerBytesMax / 2 ** 20} MiB. Write only the columns that the store has.`;

function checkFooter(
  metadata: FileMetadata,
  bytes: Uint8Array,
  source: ByteSource,
  invalid: Invalid,
): Footer {
  const columns = topColumns(metadata.schema);
  if (columns.length > fileColumnsMax) {
    throw invalid(`it has ${columns.length.toLocaleString("en")} columns: ${limits}`);
  }
  const names = new Set<string>();
  for (const { name } of columns) {
    if (names.has(name)) throw invalid(`it has two columns named ${printable(name)}. Rename one.`);
    names.add(name);
  }
  const paddingBytes = missingBytesOf(metadata.createdBy);
  const file = { bytes, source, invalid, paddingBytes };
  const rowGroups = metadata.rowGroups.map((group) => checkRowGroup(group, file));
  const rowCount = rowGroups.reduce((sum, group) => sum + group.rowCount, 0);
  if (rowCount > rowCountMax) {
    throw invalid(`it has ${rowCount} rows, expected at most ${rowCountMax}. Split it.`);
  }
  if (rowCount !== metadata.rowCount) {
    throw new Error(`${metadata.rowCount} rows in all, ${rowCount} in its row groups`);
  }
  const range = rangeIndexOf(metadata.pandas, rowCount);
  if (range?.name === undefined || names.has(range.name)) {
    return { rowCount, columns, rowGroups, hasUnnamedIndex: range?.name === undefined && !!range };
  }
  const element: SchemaElement = { name: range.name, type: "INT64", repetition_type: "REQUIRED" };
  const index: ParquetColumn = { name: range.name, element, index: undefined, range };
  return { rowCount, columns: [...columns, index], rowGroups, hasUnnamedIndex: false };
}

function footerBytes(source: ByteSource, invalid: Invalid): Uint8Array {
  const { size } = source;
  if (size < magic.length + tailBytes) throw invalid("it is too short for a parquet file.");
  const tail = source.read(size - tailBytes, tailBytes);
  const ending = String.fromCharCode(...tail.subarray(4));
  if (ending === encryptedMagic) throw invalid(encrypted("it is encrypted"));
  if (ending !== magic) {
    throw invalid("it does not end like a parquet file: it is truncated, or of another format.");
  }
  const length = new DataView(tail.buffer).getUint32(0, true);
  if (length > footerBytesMax) {
    throw invalid(
      `its footer takes ${length} bytes, expected at most ${footerBytesMax}. Write fewer columns or larger row groups.`,
    );
  }
  if (length > size - magic.length - tailBytes) {
    throw invalid("its footer is longer than the file: it is damaged.");
  }
  return source.read(size - tailBytes - length, length);
}

/** Returns the children of the schema's root. The schema is a list of nodes in depth-first order. */
function topColumns(schema: readonly SchemaElement[]): ParquetColumn[] {
  const columns: ParquetColumn[] = [];
  let leafCount = 0;
  for (let i = 1; i < schema.length;) {
    const element = schema[i];
    const next = subtreeEnd(schema, i);
    const isFlat = isLeaf(element) && element.type !== undefined && element.repetition_type !== "REPEATED";
    columns.push({ name: element.name, element, index: isFlat ? leafCount : undefined });
    for (; i < next; i++) if (isLeaf(schema[i])) leafCount++;
  }
  return columns;
}

/** Returns whether a node is a leaf: some writers give leaves 0 children; an empty group has no type. */
function isLeaf({ num_children, type }: SchemaElement): boolean {
  return num_children === undefined || (num_children === 0 && type !== undefined);
}

function subtreeEnd(schema: readonly SchemaElement[], start: number): number {
  let open = 1;
  let i = start;
  for (; i < schema.length && open > 0; i++) open += Math.max(0, schema[i].num_children ?? 0) - 1;
  return i;
}
