import type { KeyValue } from "../../pipeline/examples/example_lookup.ts";
import { isBeyondExact } from "../../pipeline/files/text/number_text.ts";
import { Failure } from "../../pipeline/failure.ts";
import { keyProblem, pointerTo } from "../../pipeline/model/findings.ts";

/**
 * Returns the values by which to look up a key: first the key as sent, with an integer as bigint so that it is not rounded;
 * then an integer as its digits, and digits as the integer. An expression of a view has no column type by which SQLite would
 * convert one into the other.
 *
 * @returns An empty list for null and undefined.
 * @throws {Failure} `input-invalid` for a value that cannot be a key.
 */
export function storeKeysOf(value: unknown, name: string): readonly KeyValue[] {
  const problem = keyProblem(value) ??
    (typeof value === "number" && isBeyondExact(value)
      ? `is ${value}, a number beyond 2^53, which a double cannot hold exactly. Send the key as a string`
      : undefined);
  if (problem !== undefined) {
    throw new Failure("input-invalid", `Cannot look up a row: ${name} must be a string or a number.`, [
      { pointer: pointerTo(name), detail: problem },
    ]);
  }
  if (typeof value === "string") return keysOfText(value);
  if (typeof value === "bigint") return keysOfInteger(value);
  if (typeof value !== "number") return [];
  return Number.isInteger(value) ? keysOfInteger(BigInt(value)) : [value];
}

const canonicalInteger = /^(?:0|-?[1-9]\d{0,39})$/;
/** A number that SQLite would convert to a double, which also stands for other integers. */
const longWithFraction = /^([+-]?\d{16,40})\.0*$/;

function keysOfText(text: string): readonly KeyValue[] {
  const digits = longWithFraction.exec(text)?.[1];
  if (digits !== undefined) return keysOfInteger(BigInt(digits.replace(/^\+/, "")));
  return canonicalInteger.test(text) ? [text, ...keysOfInteger(BigInt(text)).slice(0, -1)] : [text];
}

/** @returns The digits last. */
function keysOfInteger(value: bigint): readonly KeyValue[] {
  const digits = String(value);
  // SQLite's integers have 64 bits.
  return BigInt.asIntN(64, value) === value ? [value, digits] : [digits];
}
