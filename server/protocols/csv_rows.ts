import { isBeyondExact } from "../../pipeline/examples/level.ts";
import { Failure } from "../../pipeline/failure.ts";
import { emptyRecord, readRecord } from "../../pipeline/files/csv_record.ts";
import { parseReal } from "../../pipeline/files/number_text.ts";
import { windowOver } from "../../pipeline/files/text_window.ts";
import { type Field, pointerTo } from "../../pipeline/model/predictor.ts";
import type { LoadedModel } from "../serving_model.ts";
import { type Content, textOf } from "./foreign_body.ts";
import { oncePerModel } from "./field_names.ts";
import { type ForeignRows, invalid } from "./foreign_rows.ts";

const format = { delimiter: ",".charCodeAt(0), name: "the body" };
const decoder = new TextDecoder();

/**
 * Rows of comma-separated values. With a header, as `DataFrame.to_csv` writes it, its columns may be in any order, and
 * others among them are passed over; without one, as SageMaker sends them, the values are in the order of the model's
 * fields.
 *
 * @throws {Failure} `body-malformed` for what is no CSV; `input-invalid`
 */
export function rowsOfCsv(model: LoadedModel, content: Content): ForeignRows {
  const records = readRecords(textOf(content));
  const { columns, hasHeader } = layoutOf(model, records.at(0) ?? []);
  const rows: Record<string, unknown>[] = [];
  for (let i = hasHeader ? 1 : 0; i < records.length; i++) {
    const record = records[i];
    if (record.length !== columns.length) {
      const names = columns.map(({ name }) => name).join(", ");
      throw invalid(`#/${rows.length}`, `has ${record.length} values, expected ${columns.length}: ${names}`);
    }
    const row: Record<string, unknown> = {};
    for (let j = 0; j < columns.length; j++) {
      const { name, read } = columns[j];
      if (read) row[name] = read(record[j]);
    }
    rows.push(row);
  }
  return {
    rows,
    placeOf(row, pointer) {
      const index = columns.findIndex(({ name }) => pointerTo(name) === pointer);
      return `#/${row}/${index < 0 ? pointer.slice(2) : index}`;
    },
  };
}

interface Layout {
  readonly hasHeader: boolean;
  /** Without `read`, one that the model does not have. */
  readonly columns: readonly { readonly name: string; readonly read?: Reader | undefined }[];
}

type Reader = (text: string) => unknown;

/** What was made of the last first record: clients send the same header each time. */
const lastLayouts = oncePerModel((): { first: string; layout: Layout | undefined } => ({
  first: "",
  layout: undefined,
}));

/**
 * @throws {Failure} `input-invalid` for a first record that is neither a header nor a row, `body-malformed` for a header with two
 *   columns of one name.
 */
function layoutOf(model: LoadedModel, record: readonly string[]): Layout {
  const last = lastLayouts(model);
  const first = record.join("\n");
  if (last.first === first && last.layout?.hasHeader) return last.layout;
  const readers = readersOf(model);
  const names = record.map((text) => text.trim());
  const again = names.find((name, i) => name !== "" && names.indexOf(name) < i);
  // A category of a row may be spelled as a field is called.
  const hasHeader = 2 * names.filter((name) => readers.has(name)).length >= readers.size;
  if (!hasHeader && record.length !== readers.size) {
    throw invalid("#", `must begin with a header of the fields ${[...readers.keys()].join(", ")}`);
  }
  if (hasHeader && again !== undefined) {
    throw malformed(`it has two columns ${JSON.stringify(again.slice(0, 80))}. Rename one, or leave it out`);
  }
  const columns = (hasHeader ? names : [...readers.keys()]).map((name) => ({
    name,
    read: readers.get(name),
  }));
  const layout = { hasHeader, columns };
  Object.assign(last, { first, layout });
  return layout;
}

function readRecords(text: string): string[][] {
  // Nearly no body has quotes; without them a record is a line.
  if (text.includes('"')) return readQuotedRecords(new TextEncoder().encode(text));
  const lines = text.split(text.includes("\r") ? /\r\n?|\n/ : "\n");
  return lines.filter((line) => line !== "").map((line) => line.split(","));
}

/** @see RFC 4180 */
function readQuotedRecords(bytes: Uint8Array): string[][] {
  const records: string[][] = [];
  try {
    const window = windowOver(format.name, bytes);
    const record = emptyRecord();
    while (readRecord(window, record, format)) {
      const { bytes } = window;
      if (record.isMalformed) throw malformed("a field goes on behind its closing quote");
      records.push(Array.from(
        { length: record.fieldCount },
        (_, i) => decoder.decode(bytes.subarray(record.starts[i], record.ends[i])),
      ));
    }
  } catch (error) {
    if (error instanceof Failure && error.kind === "file-invalid") throw malformed(error.message);
    throw error;
  }
  return records;
}

function malformed(reason: string): Failure {
  return new Failure("body-malformed", `The body is not valid CSV: ${reason}.`);
}

const readersOf = oncePerModel(({ predictor: { fields } }) => {
  const isOld = fields.some(({ type, values }) => type === "categorical" && values === undefined);
  return new Map(fields.map((field) => [field.name, isOld ? oldReaderOf(field) : readerOf(field)]));
});

/** What nearly every number is written like. */
const plainNumber = /^-?[0-9]+(?:\.[0-9]+)?$/;

/**
 * Texts have no types: the field says how to take them, and an empty one is missing, in quotes or not, as everywhere. What is no
 * value of the field stays as it is, to be refused.
 */
function readerOf({ type }: Field): Reader {
  if (type === "categorical") return (text) => text === "" ? null : text;
  return (text) => {
    if (plainNumber.test(text)) return Number(text);
    if (text.trim() === "") return null;
    const value = parseReal(text);
    return value === undefined ? text : Number.isNaN(value) ? null : value;
  };
}

/** What pandas reads as missing, and models that do not keep their columns' types. */
const missingTexts = new Set([
  ...["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"],
  ...["N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"],
]);

function oldReaderOf(field: Field): Reader {
  if (field.type === "numeric") {
    return (text) => {
      if (plainNumber.test(text)) return Number(text);
      return missingTexts.has(text.trim()) ? null : parseReal(text) ?? text;
    };
  }
  const levels = new Set(field.levels);
  return (text) => {
    // A category may look like anything.
    if (levels.has(text)) return text;
    if (missingTexts.has(text)) return null;
    if (/^(?:true|false)$/i.test(text)) return text.toLowerCase() === "true";
    const value = text === text.trim() ? parseReal(text) : undefined;
    // 12.0 is 12: a column of integers with a gap in it comes as such. Beyond 2^53, only the text is exact.
    return value === undefined || isBeyondExact(value) ? text : value;
  };
}
