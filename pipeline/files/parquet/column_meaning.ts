import type { SchemaElement } from "hyparquet";

/** Returns the type of a column for messages: `DOUBLE`, `BYTE_ARRAY (STRING)`. */
export function describeType({ type, converted_type, logical_type }: SchemaElement): string {
  const annotation = logical_type?.type ?? converted_type;
  return annotation === undefined ? String(type) : `${type} (${annotation})`;
}

/** The values of a column, by its logical type or its older converted type. */
export type Meaning =
  /** A column of the type null, whose values are all NULL. */
  | { readonly is: "nothing" }
  | { readonly is: "boolean" | "real" | "half" | "text" | "uuid" | "unknown" }
  | { readonly is: "integer"; readonly unsignedBits: 0 | 32 | 64 }
  | { readonly is: "decimal"; readonly scale: number; readonly precision: number }
  | { readonly is: "time"; readonly unit: TimeUnit };

export type TimeUnit = "MILLIS" | "MICROS" | "NANOS" | "DAYS" | "INT96";

export function meaningOf(element: SchemaElement): Meaning {
  const { type, converted_type: old, logical_type: logical } = element;
  if (logical?.type === "NULL") return { is: "nothing" };
  if (logical?.type === "DECIMAL") {
    return { is: "decimal", scale: logical.scale ?? 0, precision: logical.precision };
  }
  if (old === "DECIMAL") {
    return { is: "decimal", scale: element.scale ?? 0, precision: element.precision ?? 0 };
  }
  if (logical?.type === "TIMESTAMP") return { is: "time", unit: logical.unit };
  if (old === "TIMESTAMP_MILLIS") return { is: "time", unit: "MILLIS" };
  if (old === "TIMESTAMP_MICROS") return { is: "time", unit: "MICROS" };
  if (logical?.type === "DATE" || old === "DATE") return { is: "time", unit: "DAYS" };
  if (logical?.type === "UUID") return { is: "uuid" };
  if (logical?.type === "FLOAT16") return { is: "half" };
  if (logical?.type === "TIME" || old === "TIME_MILLIS" || old === "TIME_MICROS") return { is: "unknown" };
  switch (type) {
    case "BOOLEAN":
      return { is: "boolean" };
    case "INT96":
      return { is: "time", unit: "INT96" };
    case "FLOAT":
    case "DOUBLE":
      return { is: "real" };
    case "INT32":
    case "INT64": {
      const isUnsigned = logical?.type === "INTEGER" ? !logical.isSigned : old?.startsWith("UINT") ?? false;
      return { is: "integer", unsignedBits: !isUnsigned ? 0 : type === "INT32" ? 32 : 64 };
    }
    case "BYTE_ARRAY":
    case "FIXED_LEN_BYTE_ARRAY":
      return { is: isText(old, logical?.type) ? "text" : "unknown" };
    default:
      return { is: "unknown" };
  }
}

/** Bytes without an annotation are read as text, which must be UTF-8. */
function isText(old: SchemaElement["converted_type"], logical: string | undefined): boolean {
  if (logical !== undefined) return ["STRING", "ENUM", "JSON"].includes(logical);
  return old === undefined || ["UTF8", "ENUM", "JSON"].includes(old);
}
