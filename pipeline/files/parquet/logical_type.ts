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

/** Types that have no more to them than their name, by the number of their field. */
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
 * Reads a column's logical type, which is a union: one field says which type it is, and holds what belongs to it.
 *
 * @returns undefined for a type that is not known: then the physical type holds.
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

/** By the number of its field: an integer, a boolean as 0 or 1, of a union which of its fields is there. */
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
