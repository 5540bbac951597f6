import { Failure } from "../../pipeline/failure.ts";
import type { Field } from "../../pipeline/model/signature.ts";
import { fieldNameOf, pointerTo } from "../../pipeline/model/findings.ts";
import type { LoadedModel } from "../models/loaded_model.ts";
import { fieldNames, rowNames } from "./names.ts";
import { kindOf } from "./protocol_body.ts";
import { decodedUtf8 } from "../http/utf8.ts";
import { isObject } from "../../pipeline/exact_json.ts";

/** Rows of raw fields in any format, and the position of each value in the body. */
export interface ProtocolRows {
  readonly count: number;
  /**
   * Creates a row. Creating all at once would take long, and many times the body's memory.
   *
   * @throws {Failure} `input-invalid`
   */
  readonly rowAt: (row: number) => unknown;
  /** @param pointer Pointer of the field in its row, for example `#/apr`. @returns Its pointer in the body. */
  readonly bodyPointer: (row: number, pointer: string) => string;
}

type Row = Record<string, unknown>;

/**
 * Reads a list of rows: objects by field, or lists in the order of the model's fields. For a model with one field, entries
 * may also be that field's values.
 *
 * @param at Pointer of the list, for example `#/instances`.
 * @throws {Failure} `input-invalid`
 */
export function rowsOfList(
  { predictor: { fields } }: LoadedModel,
  list: unknown,
  at: string,
): ProtocolRows {
  if (!Array.isArray(list)) throw invalid(at, `must be a list of rows, not ${kindOf(list)}`);
  return {
    count: list.length,
    rowAt(i) {
      const entry: unknown = list[i];
      if (isObject(entry)) return plainRow(entry);
      if (Array.isArray(entry)) return positionalRow(fields, entry, `${at}/${i}`);
      return fields.length === 1 ? { [fields[0].name]: entry } : entry;
    },
    bodyPointer: (row, pointer) => `${at}/${row}${pointer.slice(1)}`,
  };
}

/**
 * Reads rows sent as columns: an object of lists of the same length, or of single values, which are one row.
 *
 * @param at Pointer of the object, for example `#/inputs`.
 * @throws {Failure} `input-invalid`
 */
export function rowsOfColumns(
  model: LoadedModel,
  columns: Readonly<Record<string, unknown>>,
  at: string,
): ProtocolRows {
  const entries = Object.entries(columns);
  const count = lengthOf(entries, at);
  const known = rowNames(model);
  for (const [name] of entries) {
    if (!known.has(name)) {
      throw invalid(
        `${at}${pointerTo(name).slice(1)}`,
        `is not a field of this model; its fields are ${[...fieldNames(model)].join(", ")}`,
      );
    }
  }
  return {
    count,
    rowAt(i) {
      const row: Row = {};
      for (const [name, column] of entries) {
        row[name] = plainValue(Array.isArray(column) ? column[i] : column);
      }
      return row;
    },
    bodyPointer: (row, pointer) =>
      `${at}${pointer.slice(1)}${Array.isArray(columns[fieldNameOf(pointer)]) ? `/${row}` : ""}`,
  };
}

/**
 * Reads rows sent as lists, each in the order of the named columns. Columns that the model does not have are ignored.
 *
 * @param table.columns Default: the model's fields in order.
 * @param options.at Pointer of the list of rows.
 * @throws {Failure} `input-invalid`
 */
export function rowsOfTable(
  model: LoadedModel,
  table: { readonly columns: readonly string[] | undefined; readonly data: readonly unknown[] },
  { at }: { readonly at: string },
): ProtocolRows {
  const known = fieldNames(model);
  const columns = table.columns ?? [...known];
  const present = columns.flatMap((name, i) => known.has(name) ? [{ name, i }] : []);
  return {
    count: table.data.length,
    rowAt(i) {
      const entry = table.data[i];
      if (!Array.isArray(entry)) {
        throw invalid(`${at}/${i}`, `must be a list of values, not ${kindOf(entry)}`);
      }
      if (entry.length !== columns.length) {
        throw invalid(
          `${at}/${i}`,
          `has ${entry.length} values, expected ${columns.length}: ${columns.join(", ")}`,
        );
      }
      const row: Row = {};
      for (const { name, i } of present) row[name] = plainValue(entry[i]);
      return row;
    },
    bodyPointer(row, pointer) {
      const index = columns.indexOf(fieldNameOf(pointer));
      return `${at}/${row}/${index < 0 ? fieldNameOf(pointer) : index}`;
    },
  };
}

function positionalRow(fields: readonly Field[], values: readonly unknown[], at: string): Row {
  if (values.length !== fields.length) {
    const names = fields.map(({ name }) => name).join(", ");
    throw invalid(at, `has ${values.length} values, expected ${fields.length}: ${names}`);
  }
  const row: Row = {};
  for (let i = 0; i < fields.length; i++) row[fields[i].name] = plainValue(values[i]);
  return row;
}

/** Returns the row itself if all its values are plain, which is nearly always the case. */
function plainRow(row: Readonly<Row>): Readonly<Row> {
  for (const name in row) {
    if (typeof row[name] !== "object" || row[name] === null) continue;
    return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value)]));
  }
  return row;
}

/** Unwraps a list of one value, and decodes the text in `{"b64": …}`; returns anything else unchanged. */
function plainValue(value: unknown): unknown {
  let inner = value;
  while (Array.isArray(inner) && inner.length === 1) inner = inner[0];
  if (Array.isArray(inner) || typeof inner !== "object" || inner === null) return inner;
  return "b64" in inner && Object.keys(inner).length === 1 ? textOfBase64(inner.b64) ?? inner : inner;
}

function textOfBase64(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  try {
    return decodedUtf8(Uint8Array.fromBase64(value));
  } catch {
    return undefined;
  }
}

/** @throws {Failure} `input-invalid` if columns differ in length. */
function lengthOf(columns: readonly (readonly [name: string, column: unknown])[], at: string): number {
  let length: number | undefined;
  for (const [name, column] of columns) {
    const own = Array.isArray(column) ? column.length : 1;
    length ??= own;
    if (own !== length) {
      const detail = `has ${own} values, expected ${length} as in the first column`;
      throw invalid(`${at}${pointerTo(name).slice(1)}`, detail);
    }
  }
  return length ?? 0;
}

/** Returns the failure of one invalid part of the body. */
export function invalid(pointer: string, detail: string): Failure {
  return new Failure("input-invalid", "A part of the request is not valid.", [{ pointer, detail }]);
}
