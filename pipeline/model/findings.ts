import { inexactNumber } from "../encode/category_positions.ts";
import { nearestName } from "../did_you_mean.ts";
import type { FieldError } from "../failure.ts";

/** Results of checking one row. The caller reuses one object and clears it before each row. */
export interface Findings {
  readonly errors: FieldError[];
  /** Fields whose category did not occur in the training rows. */
  readonly unseen: string[];
  /** Fields that were null. */
  readonly missing: string[];
}

export function createFindings(): Findings {
  return { errors: [], unseen: [], missing: [] };
}

/** Clears the findings for the next row. */
export function clearFindings(findings: Findings): void {
  const { errors, unseen, missing } = findings;
  // Setting an array's length costs more than reading it, and few rows have findings.
  if (errors.length > 0) errors.length = 0;
  if (unseen.length > 0) unseen.length = 0;
  if (missing.length > 0) missing.length = 0;
}

/** Describes what is wrong with a row's value of a store key; undefined for a text, a number, null, or an absent value. */
export function keyProblem(value: unknown): string | undefined {
  if (value === undefined || value === null || typeof value === "string" || typeof value === "bigint") {
    return undefined;
  }
  if (typeof value === "number" && Number.isFinite(value)) return undefined;
  return `must be a string or a number, not ${nameOf(value)}`;
}

/** Returns a field's JSON pointer in fragment form (RFC 6901, section 6). */
export function pointerTo(name: string): string {
  return `#/${encodeURIComponent(name.toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1"))}`;
}

/** Returns the name of the field that a pointer into a row points to. */
export function fieldNameOf(pointer: string): string {
  return decodeURIComponent(pointer.slice(2)).replaceAll("~1", "/").replaceAll("~0", "~");
}

export function numericProblem(value: unknown, nullable: boolean): string {
  const expected = nullable ? "a number, or null if it is not known" : "a number";
  if (value === undefined) return `is missing: send ${expected}`;
  if (value === null) return `must be ${expected}, not null`;
  if (typeof value === "number") return `must be ${expected}; the value sent is too large`;
  return `must be ${expected}, not ${nameOf(value)}`;
}

export function timeProblem(value: unknown, nullable: boolean): string {
  const expected = `a time (ISO 8601, as 2024-01-31T10:15:00Z, or microseconds since 1970)${
    nullable ? ", or null if it is not known" : ""
  }`;
  return value === undefined ? `is missing: send ${expected}` : `must be ${expected}, not ${nameOf(value)}`;
}

/** @param position The result of the category reader. */
export function categoricalProblem(value: unknown, position: number, nullable: boolean): string {
  const expected = nullable
    ? "a category (string, number or boolean), or null if it is not known"
    : "a category (string, number or boolean)";
  if (value === undefined) return `is missing: send ${expected}`;
  if (position === inexactNumber) {
    return `is ${value}, a number beyond 2^53, which a double cannot hold exactly. Send the category as a string`;
  }
  // A text that is read as a missing value.
  if (position >= 0 && value !== null) return `must be ${expected}, not ${JSON.stringify(value)}`;
  return `must be ${expected}, not ${nameOf(value)}`;
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number") return "a number that is not finite";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

export function unknownField(name: string, names: readonly string[]): FieldError {
  const near = nearestName(name, names);
  return {
    pointer: pointerTo(name),
    detail: `is not a field of this model${
      near ? `; did you mean ${near}?` : `; its fields are ${names.join(", ")}`
    }`,
  };
}
