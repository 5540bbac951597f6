import type { KeyValue } from "../../pipeline/examples/example_lookup.ts";
import { isBeyondExact } from "../../pipeline/files/text/number_text.ts";
import { Failure } from "../../pipeline/failure.ts";
import { keyProblem, pointerTo } from "../../pipeline/model/findings.ts";

/**
 * What a key is looked up by: first as it was sent, an integer as bigint, so that none is rounded. Then an integer as its digits,
 * and digits as the integer: a view's expression has no column's type, by which SQLite would convert one into the other.
 *
 * @returns Nothing for null or nothing.
 * @throws {Failure} `input-invalid` for what cannot be a key.
 */
export function storeKeysOf(value: unknown, name: string): readonly KeyValue[] {
  const problem = keyProblem(value) ??
    (typeof value === "number" && isBeyondExact(value)
      ? `is ${value}, a number beyond 2^53: as a double it stands for several integers. Send the key as a string`
      : undefined);
  if (problem !== undefined) {
    throw new Failure("input-invalid", `To look a row up, ${name} is a text or a number.`, [
      { pointer: pointerTo(name), detail: problem },
    ]);
  }
  if (typeof value === "string") return keysOfText(value);
  if (typeof value === "bigint") return keysOfInteger(value);
  if (typeof value !== "number") return [];
  return Number.isInteger(value) ? keysOfInteger(BigInt(value)) : [value];
}

const canonicalInteger = /^(?:0|-?[1-9]\d{0,39})$/;
/** SQLite would make a double of it, which is another integer's too. */
const longWithFraction = /^([+-]?\d{16,40})\.0*$/;

function keysOfText(text: string): readonly KeyValue[] {
  const digits = longWithFraction.exec(text)?.[1];
  if (digits !== undefined) return keysOfInteger(BigInt(digits.replace(/^\+/, "")));
  return canonicalInteger.test(text) ? [text, ...keysOfInteger(BigInt(text)).slice(0, -1)] : [text];
}

/** The last one is its digits. */
function keysOfInteger(value: bigint): readonly KeyValue[] {
  const digits = String(value);
  // SQLite has no integer of more than 64 bits.
  return BigInt.asIntN(64, value) === value ? [value, digits] : [digits];
}
