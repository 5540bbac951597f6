import { hashOf } from "../math/hash.ts";
import { sha256WordOf } from "./sha256_word.ts";
import type { FeatureSpec, ReadSpec } from "./spec.ts";

/** Why a row of the view cannot be an example. The reader of the view turns it into a failure that names the row. */
export class BadExample extends Error {
  override readonly name = "BadExample";
}

/** A row as SQLite returns it; the id comes first. */
export type Row = readonly unknown[];

/** Converts a numeric field's value that is not a finite number: NaN for a missing one. @throws {BadExample} as `bad` makes it. */
export function numberOf(value: unknown, bad: () => BadExample): number {
  if (value === null || value !== value) return NaN;
  if (typeof value === "bigint") return Number(value);
  throw bad();
}

/** @throws {BadExample} unless the weight is a positive number. Rows of weight 0 are left out before. */
export function weightOf(row: Row, at: number, spec: FeatureSpec): number {
  const weight = Number(row[at]);
  const isNumber = typeof row[at] === "number" || typeof row[at] === "bigint";
  if (isNumber && weight > 0 && weight < Infinity) return weight;
  throw new BadExample(
    `${spec.id} ${String(row[0])} has the ${spec.weight} ${String(row[at])}, expected 0 or a positive number`,
  );
}

/** Hashes a row's group. @throws {BadExample} if it is NULL. */
export function groupOf(row: Row, at: number, spec: ReadSpec): number {
  const group = row[at];
  // NULL as a group would put all rows without one on the same side of the split.
  if (group === null) {
    throw new BadExample(`${spec.id} ${String(row[0])} has no ${spec.group}, expected a group`);
  }
  return spec.splitHash === "sha256" ? sha256WordOf(group) : hashOf(group);
}

/** The error for a time that is not a number. */
export function badTime(row: Row, at: number, spec: FeatureSpec): BadExample {
  return new BadExample(
    `${spec.id} ${String(row[0])} has the ${spec.time} ${
      JSON.stringify(String(row[at])).slice(0, 60)
    }, expected a time: microseconds since 1970`,
  );
}

/** The error for a value that a column cannot have. @param name The column's. */
export function badValue(
  row: Row,
  at: number,
  spec: FeatureSpec,
  name: string,
  expected: string,
): BadExample {
  const value = row[at] instanceof Uint8Array ? "a blob" : JSON.stringify(String(row[at])).slice(0, 60);
  return new BadExample(`${spec.id} ${String(row[0])} has the ${name} ${value}, expected ${expected}`);
}
