import { isBeyondExact, parseReal } from "../../../pipeline/files/text/number_text.ts";
import { Failure } from "../../../pipeline/failure.ts";
import { emptyRecord, readRecord } from "../../../pipeline/files/text/csv_record.ts";
import { windowOver } from "../../../pipeline/files/text/text_window.ts";
import type { Field } from "../../../pipeline/model/signature.ts";
import { pointerTo } from "../../../pipeline/model/findings.ts";
import { runToEnd } from "../../../pipeline/runtime/steps.ts";
import { heavyBodyBytes } from "../../http/body.ts";
import type { LoadedModel } from "../../models/loaded_model.ts";
import { noteParsed, runSlices } from "../../runtime/time_slices.ts";
import { type Content, protocolRowsMax, textOf } from "../protocol_body.ts";
import { oncePerModel } from "../names.ts";
import { indexOfRepeated } from "./request.ts";
import { invalid, type ProtocolRows } from "../protocol_rows.ts";

const format = { delimiter: ",".charCodeAt(0), name: "the body" };
const decoder = new TextDecoder();

/**
 * Answers rows of comma-separated values. With a header, as `DataFrame.to_csv` writes it, columns may be in any order, and
 * unknown ones are ignored; without one, as SageMaker sends them, the values are in the order of the model's fields.
 *
 * @throws {Failure} `body-malformed` if the body is not CSV; `input-invalid`
 */
export function withCsvRows(
  model: LoadedModel,
  content: Content,
  answer: (rows: ProtocolRows) => Response | Promise<Response>,
): Response | Promise<Response> {
  const text = textOf(content);
  noteParsed(text.length);
  // Hardly any body has quotes, or lines that end in CR alone; without them a record is a line.
  const isPlain = !text.includes('"') && !/\r(?!\n)/.test(text);
  const reading = isPlain ? linesOf(text) : readQuotedRecords(new TextEncoder().encode(text));
  if (text.length <= heavyBodyBytes) return answer(rowsOfRecords(model, runToEnd(reading)));
  return runSlices(reading).then((records) => answer(rowsOfRecords(model, records)));
}

/** Records of a body, each created on access. */
interface Records {
  readonly count: number;
  recordAt(index: number): readonly string[];
}

function rowsOfRecords(model: LoadedModel, { count, recordAt }: Records): ProtocolRows {
  const { columns, hasHeader } = layoutOf(model, count > 0 ? recordAt(0) : []);
  const first = hasHeader ? 1 : 0;
  const missing = hasHeader && count === 1 ? missingFields(model, columns) : [];
  if (missing.length > 0) {
    throw invalid("#", `is only a header, without ${missing.join(", ")}: a row has a value for each field`);
  }
  return {
    count: count - first,
    rowAt(i) {
      const record = recordAt(first + i);
      if (record.length !== columns.length) {
        const names = columns.map(({ name }) => name).join(", ");
        throw invalid(`#/${i}`, `has ${record.length} values, expected ${columns.length}: ${names}`);
      }
      const row: Record<string, unknown> = {};
      for (let j = 0; j < columns.length; j++) {
        const { name, read } = columns[j];
        if (read) row[name] = read(record[j]);
      }
      return row;
    },
    bodyPointer(row, pointer) {
      const index = columns.findIndex(({ name }) => pointerTo(name) === pointer);
      return `#/${row}/${index < 0 ? pointer.slice(2) : index}`;
    },
  };
}

function missingFields({ predictor: { fields } }: LoadedModel, columns: Layout["columns"]): string[] {
  return fields.map(({ name }) => name).filter((name) => columns.every((column) => column.name !== name));
}

interface Layout {
  readonly hasHeader: boolean;
  /** `read` is undefined for a column that the model does not have. */
  readonly columns: readonly { readonly name: string; readonly read?: Reader | undefined }[];
}

type Reader = (text: string) => unknown;

/** Layout of the last header per model, since clients send the same header each time. */
const lastLayouts = oncePerModel((): { first: string; layout: Layout | undefined } => ({
  first: "",
  layout: undefined,
}));

/**
 * @throws {Failure} `input-invalid` for a first record that is neither a header nor a row, `body-malformed` for a header with two
 *   columns of one name.
 */
function layoutOf(model: LoadedModel, record: readonly string[]): Layout {
  requireValues(record.length);
  const last = lastLayouts(model);
  const first = record.join("\n");
  if (last.first === first && last.layout?.hasHeader) return last.layout;
  const readers = readersOf(model);
  const names = record.map((text) => readers.has(text) ? text : text.trim());
  const filled = names.filter((name) => name !== "");
  const repeatedName: string | undefined = filled[indexOfRepeated(filled)];
  // At least half of the fields, because a category of a row may equal the name of a field.
  const hasHeader = 2 * names.filter((name) => readers.has(name)).length >= readers.size;
  if (!hasHeader && record.length !== readers.size) {
    throw invalid("#", `must begin with a header of the fields ${[...readers.keys()].join(", ")}`);
  }
  if (hasHeader && repeatedName !== undefined) {
    throw malformed(`it has two columns ${JSON.stringify(repeatedName.slice(0, 80))}. Rename or remove one`);
  }
  const columns = (hasHeader ? names : [...readers.keys()]).map((name) => ({
    name,
    read: readers.get(name),
  }));
  const layout = { hasHeader, columns };
  Object.assign(last, { first, layout });
  return layout;
}

/**
 * Finds the lines that are not empty.
 *
 * @throws {Failure} `body-oversized` if there are more lines than one request may have rows.
 */
function* linesOf(text: string): Generator<void, Records> {
  const starts: number[] = [];
  const ends: number[] = [];
  let lineCount = 0;
  for (let start = 0; start < text.length;) {
    const feed = text.indexOf("\n", start);
    const next = feed < 0 ? text.length : feed;
    const end = next > start && text[next - 1] === "\r" ? next - 1 : next;
    if (end > start) {
      requireRowCount(starts.length);
      starts.push(start);
      ends.push(end);
    }
    start = next + 1;
    if (++lineCount % linesPerYield === 0) yield;
  }
  return { count: starts.length, recordAt: (index) => text.slice(starts[index], ends[index]).split(",") };
}

/** Maximum number of values per record, above the number of fields of any model. */
const valuesMax = 10_000;
/** Records read, or lines found, between two checks of the clock. */
const recordsPerYield = 64;
const linesPerYield = 8_192;

/** Reads records that may be quoted, and yields every few records. @see RFC 4180 */
function* readQuotedRecords(bytes: Uint8Array): Generator<void, Records> {
  const records: string[][] = [];
  try {
    const window = windowOver(format.name, bytes);
    const record = emptyRecord();
    while (readRecord(window, record, format)) {
      const { bytes } = window;
      if (record.isMalformed) throw malformed("text follows the closing quote of a field");
      requireRowCount(records.length);
      requireValues(record.fieldCount);
      records.push(Array.from(
        { length: record.fieldCount },
        (_, i) => decoder.decode(bytes.subarray(record.starts[i], record.ends[i])),
      ));
      if (records.length % recordsPerYield === 0) yield;
    }
  } catch (error) {
    if (error instanceof Failure && error.kind === "file-invalid") throw malformed(error.message);
    throw error;
  }
  return { count: records.length, recordAt: (index) => records[index] };
}

/** Rejects more records than rows and a header. Rows are counted again once the header is known. */
function requireRowCount(count: number): void {
  if (count <= protocolRowsMax) return;
  throw new Failure(
    "body-oversized",
    `The body has more than the ${protocolRowsMax.toLocaleString("en")} rows that one request may have.`,
  );
}

function requireValues(count: number): void {
  if (count <= valuesMax) return;
  throw invalid("#", `has a record of ${count} values, expected at most ${valuesMax.toLocaleString("en")}`);
}

function malformed(reason: string): Failure {
  return new Failure("body-malformed", `The body is not valid CSV: ${reason}.`);
}

const readersOf = oncePerModel(({ predictor: { fields } }) => {
  const isUntyped = fields.some(({ type, values }) => type === "categorical" && values === undefined);
  return new Map(fields.map((field) => [field.name, isUntyped ? untypedReaderOf(field) : readerOf(field)]));
});

/** The notation of nearly every number. */
const plainNumber = /^-?[0-9]+(?:\.[0-9]+)?$/;

/**
 * Returns the reader of a field's values. CSV has no types, so the field determines them. An empty text, quoted or not, is a
 * missing value, as in every CSV that clickwell reads. An invalid value is left unchanged, so that scoring rejects it.
 */
function readerOf({ type }: Field): Reader {
  if (type === "categorical") return (text) => text === "" ? null : text;
  if (type === "time") {
    return (text) => plainNumber.test(text) ? Number(text) : text.trim() === "" ? null : text;
  }
  return (text) => {
    if (plainNumber.test(text)) return Number(text);
    if (text.trim() === "") return null;
    const value = parseReal(text);
    return value === undefined ? text : Number.isNaN(value) ? null : value;
  };
}

/** Texts that pandas reads as missing, and so do models that do not record their columns' types. */
const missingTexts = new Set([
  ...["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"],
  ...["N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"],
]);

function untypedReaderOf(field: Field): Reader {
  if (field.type === "numeric") {
    return (text) => {
      if (plainNumber.test(text)) return Number(text);
      return missingTexts.has(text.trim()) ? null : parseReal(text) ?? text;
    };
  }
  const levels = new Set(field.levels);
  return (text) => {
    // A known level always is that level, even if it looks like a number or a missing value.
    if (levels.has(text)) return text;
    if (missingTexts.has(text)) return null;
    if (/^(?:true|false)$/i.test(text)) return text.toLowerCase() === "true";
    const value = text === text.trim() ? parseReal(text) : undefined;
    // 12.0 is 12, since pandas writes a column of integers with a missing value as floats. Beyond 2^53 only the text is exact.
    return value === undefined || isBeyondExact(value) ? text : value;
  };
}
