import type { LogicalType } from "hyparquet";
import {
  readBoolean,
  readInteger,
  readStruct,
  requireStruct,
  type ThriftField,
  type Walk,
} from "./thrift.ts";

type PlainType = Exclude<LogicalType["type"], "DECIMAL" | "TIME" | "TIMESTAMP" | "INTEGER">;

/** Types without parameters, by field id. */
const plainTypes: ReadonlyMap<number, PlainType> = new Map([
  [1, "STRING"],
  [2, "MAP"],
  [3, "LIST"],
  [4, "ENUM"],
  [6, "DATE"],
  [11, "NULL"],
  [12, "JSON"],
  [13, "BSON"],
  [14, "UUID"],
  [15, "FLOAT16"],
  [16, "VARIANT"],
  [17, "GEOMETRY"],
  [18, "GEOGRAPHY"],
]);
const units = ["MILLIS", "MICROS", "NANOS"] as const;

/**
 * Reads the logical type of a column, a union: its field id determines the type and its value the parameters.
 *
 * @returns undefined for an unknown type: the physical type then applies.
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
export function readLogicalType(walk: Walk, of: ThriftField): LogicalType | undefined {
  requireStruct(of);
  let found: LogicalType | undefined;
  readStruct(walk, (field) => {
    requireStruct(field);
    const type = plainTypes.get(field.id);
    if (type) found = { type };
    else if ([5, 7, 8, 10].includes(field.id)) found = typeWithParts(field.id, readParts(walk));
  });
  return found;
}

type Parts = ReadonlyMap<number, number>;

/** Values by field id: an integer, a boolean as 0 or 1, or the field id of a union. */
function readParts(walk: Walk): Parts {
  const parts = new Map<number, number>();
  readStruct(walk, (part) => {
    if (part.type <= 2) parts.set(part.id, Number(readBoolean(part)));
    else if (part.type === 12) readStruct(walk, ({ id }) => parts.set(part.id, id));
    else parts.set(part.id, readInteger(walk, part));
  });
  return parts;
}

function typeWithParts(id: number, parts: Parts): LogicalType {
  const first = parts.get(1) ?? 0;
  const second = parts.get(2) ?? 0;
  if (id === 5) return { type: "DECIMAL", scale: first, precision: second };
  if (id === 10) return { type: "INTEGER", bitWidth: first, isSigned: second === 1 };
  const unit = units[second - 1];
  if (!unit) throw new Error("a time without a unit");
  return { type: id === 7 ? "TIME" : "TIMESTAMP", isAdjustedToUTC: first === 1, unit };
}
