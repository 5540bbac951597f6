import { Failure } from "../../pipeline/failure.ts";
import type { ByteSource } from "../../pipeline/files/byte_source.ts";
import { emptyRecord, readRecord } from "../../pipeline/files/csv_record.ts";
import { openWindow } from "../../pipeline/files/text_window.ts";
import { parseReal } from "../../pipeline/files/value_text.ts";
import type { Field } from "../../pipeline/model/predictor.ts";
import type { LoadedModel } from "../serving_model.ts";
import { type Content, textOf } from "./foreign_body.ts";
import { oncePerModel } from "./field_names.ts";
import { type ForeignRows, invalid, rowsOfTable } from "./foreign_rows.ts";

const format = { delimiter: ",".charCodeAt(0), name: "the body" };
const decoder = new TextDecoder();

/** What pandas reads as missing. */
const missingTexts = new Set([
  ...["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"],
  ...["N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"],
]);

/**
 * Rows of comma-separated values. With a header, as `DataFrame.to_csv` writes it, its columns may be in any order, and
 * others among them are passed over; without one, as SageMaker sends them, the values are in the order of the model's
 * fields.
 *
 * @throws {Failure} `body-malformed` for what is no CSV; `input-invalid`
 */
export function rowsOfCsv(model: LoadedModel, content: Content): ForeignRows {
  const known = readersOf(model);
  const records = readRecords(textOf(content));
  const first = records.at(0)?.map((text) => text.trim()) ?? [];
  const hasHeader = first.some((name) => known.has(name));
  if (!hasHeader && first.length !== known.size) {
    throw invalid("#", `must begin with a header of the fields ${[...known.keys()].join(", ")}`);
  }
  const columns = hasHeader ? first : [...known.keys()];
  const readers = columns.map((name) => known.get(name) ?? ((text: string) => text));
  const data = (hasHeader ? records.slice(1) : records).map((record) =>
    record.map((text, i) => readers[i]?.(text) ?? null)
  );
  return rowsOfTable(model, { columns, data }, { at: "#" });
}

function readRecords(text: string): string[][] {
  // Nearly no body has quotes; without them a record is a line.
  if (text.includes('"')) return readQuotedRecords(new TextEncoder().encode(text));
  return text.split("\n").map((line) => line.endsWith("\r") ? line.slice(0, -1) : line)
    .filter((line) => line !== "").map((line) => line.split(","));
}

/** @see RFC 4180 */
function readQuotedRecords(bytes: Uint8Array<ArrayBuffer>): string[][] {
  const source: ByteSource = {
    name: format.name,
    size: bytes.length,
    read: (offset, length) => bytes.slice(offset, offset + length),
    close() {},
  };
  const records: string[][] = [];
  try {
    const window = openWindow(source);
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
  return new Failure("body-malformed", `The body is not valid CSV: ${reason}`);
}

const readersOf = oncePerModel(({ predictor: { fields } }) =>
  new Map(fields.map((field) => [field.name, readerOf(field)]))
);

/** Texts have no types: the field says how to take them. What is no value of the field stays as it is, to be refused. */
function readerOf(field: Field): (text: string) => unknown {
  if (field.type === "numeric") {
    return (text) => missingTexts.has(text.trim()) ? null : parseReal(text.trim()) ?? text;
  }
  const levels = new Set(field.levels);
  return (text) => {
    // A category may look like anything.
    if (levels.has(text)) return text;
    if (missingTexts.has(text)) return null;
    if (/^(?:true|false)$/i.test(text)) return text.toLowerCase() === "true";
    // 12.0 is 12: a column of integers with a gap in it comes as such.
    return parseReal(text) ?? text;
  };
}
