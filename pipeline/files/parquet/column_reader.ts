import type { SchemaElement } from "hyparquet";
import type { ByteSource } from "../byte_source.ts";
import { appendNull, type ColumnBuffer, createBuffer } from "../columns/column_buffer.ts";
import { appendCodes, expandCodes } from "../columns/coded_rows.ts";
import { copierOf } from "../columns/copied_rows.ts";
import type { Conversion } from "./conversion.ts";
import type { ColumnChunk } from "./row_group.ts";
import { createHybridReader, type HybridReader } from "./rle_bit_packed.ts";
import { type Page, readPages } from "./page.ts";
import { createIndexReader } from "./page_kernel.ts";
import { type Append, decodeValues, type RawValues } from "./encodings.ts";

/** Reads a column chunk sequentially. */
export type ColumnCursor = ReturnType<typeof openColumn>;

interface OpenPage {
  rowsLeft: number;
  readonly levels: HybridReader | undefined;
  readonly take: Take;
}

/** Takes the next `count` non-NULL values. */
type Take = (count: number) => Taken;

/** Appends one of the values by its index. */
type Taken = Append & {
  /** Appends all of them. @returns Whether it could. */
  readonly all?: () => boolean;
  /** Appends the rows as codes. @param levels 1 for a value, 0 for NULL. @returns Whether it could. */
  readonly coded?: (count: number, levels: Uint8Array | undefined) => boolean;
};

interface ColumnTarget {
  readonly element: SchemaElement;
  readonly conversion: Conversion;
  readonly buffer: ColumnBuffer;
  /** Whether the rows may be appended as codes. */
  readonly mayBeCoded: boolean;
}

export function openColumn(
  source: ByteSource,
  chunk: ColumnChunk,
  { element, conversion, buffer, mayBeCoded }: ColumnTarget,
) {
  const skipping = { rows: 0 };
  const pages = readPages(source, chunk, element.repetition_type !== "REQUIRED", skipping);
  let dictionary: ColumnBuffer | undefined;
  let open: OpenPage | undefined;
  let levels = new Uint8Array();
  const codes = { indices: new Int32Array() };

  const nextPage = (): OpenPage => {
    for (;;) {
      const { value: page } = pages.next();
      if (!page) throw new Error("the column ends before its row group does");
      if (page.kind === "data") {
        const take = valuesOf(page, element, { buffer, dictionary, conversion, mayBeCoded, codes });
        const opened = { rowsLeft: page.valueCount, levels: page.openLevels?.(), take };
        skipWithin(opened, skipping.rows);
        skipping.rows = 0;
        return opened;
      }
      if (dictionary) throw new Error("the column has two dictionaries");
      dictionary = readDictionary(page, element, { type: buffer.type, conversion });
    }
  };
  const skipWithin = (page: OpenPage, rowCount: number): void => {
    if (levels.length < rowCount) levels = new Uint8Array(rowCount);
    const read = rowCount === 0 ? undefined : readLevels(page, levels, rowCount);
    page.take(read ? sum(read, rowCount) : rowCount);
    page.rowsLeft -= rowCount;
  };
  return {
    /** Skips rows: pages that have no other rows are not read. */
    skip(rowCount: number): void {
      const within = Math.min(open?.rowsLeft ?? 0, rowCount);
      if (open && within > 0) skipWithin(open, within);
      skipping.rows += rowCount - within;
    },
    /** Appends the next `rowCount` rows to the buffer. @throws {Error} if the chunk ends early or is damaged. */
    read(rowCount: number): void {
      if (levels.length < rowCount) levels = new Uint8Array(rowCount);
      for (let done = 0; done < rowCount;) {
        while (!open || open.rowsLeft === 0) open = nextPage();
        const taken = Math.min(open.rowsLeft, rowCount - done);
        appendRows(buffer, taken, { levels: readLevels(open, levels, taken), take: open.take });
        open.rowsLeft -= taken;
        done += taken;
      }
    },
    /** Called after the last row. @throws {Error} if the chunk has more rows. */
    end(): void {
      if (open && open.rowsLeft > 0) throw new Error("the column has more rows than its row group");
    },
  };
}

/** @param into Overwritten. @returns The levels of the next rows; undefined if none of them is NULL. */
function readLevels({ levels }: OpenPage, into: Uint8Array, count: number): Uint8Array | undefined {
  const level = levels?.skipEqual(count);
  if (level === 1) return undefined;
  if (level === undefined) levels?.read(into, count);
  else into.fill(level, 0, count);
  return levels && into;
}

/** @param levels 1 for a value, 0 for NULL; undefined if no value is NULL. */
function appendRows(
  buffer: ColumnBuffer,
  count: number,
  { levels, take }: { levels: Uint8Array | undefined; take: Take },
): void {
  const presentCount = levels ? sum(levels, count) : count;
  const append = take(presentCount);
  const absent = presentCount === count ? undefined : levels;
  if (append.coded?.(count, absent)) return;
  expandCodes(buffer);
  if (!absent) {
    if (append.all?.()) return;
    for (let i = 0; i < count; i++) append(i);
    return;
  }
  for (let i = 0, value = 0; i < count; i++) {
    if (absent[i] === 1) append(value++);
    else appendNull(buffer);
  }
}

function sum(levels: Uint8Array, count: number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += levels[i];
  return total;
}

interface Target {
  readonly buffer: ColumnBuffer;
  readonly dictionary: ColumnBuffer | undefined;
  readonly conversion: Conversion;
  readonly mayBeCoded: boolean;
  /** Memory for the indices of rows in the dictionary. */
  readonly codes: { indices: Int32Array };
}

function valuesOf(page: Page, element: SchemaElement, target: Target): Take {
  const { buffer, dictionary, conversion } = target;
  if (page.encoding === "PLAIN_DICTIONARY" || page.encoding === "RLE_DICTIONARY") {
    if (!dictionary) throw new Error("a page refers to a dictionary that the column does not have");
    return dictionaryValues(page, { ...target, dictionary });
  }
  const count = presentCountOf(page);
  if (count === 0) return noValues;
  const isRunLength = page.encoding === "RLE" && element.type === "BOOLEAN";
  const raw = isRunLength
    ? readBooleans(page, count)
    : decodeValues(page.body, page.encoding, element, count);
  const append = conversion(raw, buffer);
  let next = 0;
  return (taken) => {
    const first = next;
    next += taken;
    if (next > count) throw new Error("a page has fewer values than rows");
    const { range } = append;
    if (!range) return (i) => append(first + i);
    const all = () => {
      range(first, taken);
      return true;
    };
    return Object.assign((i: number) => append(first + i), { all });
  };
}

const levelsAtOnce = 65_536;

/** Counts the non-NULL values of a page, which encodings do not contain. */
function presentCountOf(page: Page): number {
  const reader = page.openLevels?.();
  if (!reader) return page.valueCount;
  const levels = new Uint8Array(Math.min(levelsAtOnce, page.valueCount));
  let present = 0;
  for (let done = 0; done < page.valueCount; done += levels.length) {
    const count = Math.min(levels.length, page.valueCount - done);
    const level = reader.skipEqual(count);
    if (level === undefined) reader.read(levels, count);
    present += level === undefined ? sum(levels, count) : level * count;
  }
  return present;
}

/** For a page whose rows are all NULL. */
const noValues: Take = (count) => {
  if (count > 0) throw new Error("a page has fewer values than rows");
  return () => {};
};

function readBooleans({ body }: Page, count: number): RawValues {
  const values = new Uint8Array(count);
  // A length of 4 bytes precedes the runs.
  createHybridReader(body, 4, body.length).read(values, count);
  return { kind: "booleans", values };
}

/** Reads a page of dictionary indices; the first byte is their bit width. */
function dictionaryValues(
  { body }: Page,
  { buffer, dictionary, mayBeCoded, codes }: Target & { dictionary: ColumnBuffer },
): Take {
  // A page whose rows are all NULL may have no indices.
  if (body.length === 0) return noValues;
  const reader = createIndexReader(body);
  let copier: ReturnType<typeof copierOf> | undefined;
  const copy = () => copier ??= copierOf(buffer, dictionary);
  return (count) => {
    if (codes.indices.length < count) codes.indices = new Int32Array(count);
    const { indices } = codes;
    if (reader.read(indices, count) >= dictionary.length && count > 0) {
      throw new Error("a page refers to an entry beyond its dictionary");
    }
    const all = () => copy().all(indices, count);
    const append = (i: number) => copy()(indices[i]);
    if (!mayBeCoded) return Object.assign(append, { all });
    const coded = (rowCount: number, levels: Uint8Array | undefined) =>
      appendCodes(buffer, dictionary, { indices, count: rowCount, levels });
    return Object.assign(append, { all, coded });
  };
}

/** Converts the entries of a dictionary to values of the table's column, each once. */
function readDictionary(
  page: Page,
  element: SchemaElement,
  { type, conversion }: { type: ColumnBuffer["type"]; conversion: Conversion },
): ColumnBuffer {
  const dictionary = createBuffer(type);
  if (page.valueCount === 0) return dictionary;
  const append = conversion(decodeValues(page.body, page.encoding, element, page.valueCount), dictionary);
  if (append.range) append.range(0, page.valueCount);
  else for (let i = 0; i < page.valueCount; i++) append(i);
  return dictionary;
}
