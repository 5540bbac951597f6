import { Failure, type FieldError } from "../../pipeline/failure.ts";
import { pointerTo } from "../../pipeline/model/findings.ts";
import { nearestName } from "../../pipeline/did_you_mean.ts";

/**
 * Reads the query of a request.
 *
 * @param names The names that the route accepts, each at most once.
 * @returns The values that were sent, by name.
 * @throws {Failure} `input-invalid` with a pointer per name that is unknown or sent twice.
 */
export function readQuery<Name extends string>(
  request: Request,
  names: readonly Name[],
): { readonly [N in Name]?: string } {
  const values: { [N in Name]?: string } = {};
  const errors: FieldError[] = [];
  for (const [sent, value] of new URL(request.url).searchParams) {
    const name = names.find((known) => known === sent);
    if (name === undefined) {
      errors.push({ pointer: pointerTo(sent.slice(0, 80)), detail: unknown(sent, names) });
    } else if (values[name] !== undefined) errors.push({ pointer: pointerTo(name), detail: "is sent twice" });
    else values[name] = value;
  }
  if (errors.length === 0) return values;
  throw new Failure(
    "input-invalid",
    `The query is invalid: ${
      names.length > 0 ? `this path takes ${names.join(", ")}` : "this path takes none"
    }.`,
    errors,
  );
}

/**
 * Parses an integer.
 *
 * @param name The parameter's name in the query.
 * @throws {Failure} `input-invalid` if the text is not an integer from `min` to `max`.
 */
export function readInteger(
  name: string,
  text: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw queryInvalid(name, text, `an integer from ${min} to ${max}`);
}

/**
 * Parses a flag, which is false by default.
 *
 * @param name The parameter's name in the query.
 * @throws {Failure} `input-invalid` if the text is neither true nor false.
 */
export function readFlag(name: string, text: string | undefined): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true") return true;
  throw queryInvalid(name, text, "true or false");
}

/**
 * Parses a fraction.
 *
 * @param name The parameter's name in the query.
 * @throws {Failure} `input-invalid` if the text is not a number between 0 and 1.
 */
export function readShare(name: string, text: string): number {
  const value = /^[0-9.eE-]{1,30}$/.test(text) ? Number(text) : NaN;
  if (value > 0 && value < 1) return value;
  throw queryInvalid(name, text, "a number between 0 and 1, as 0.9");
}

/** RFC 3339, section 5.6. A plus sign that is not escaped arrives as a space. */
const instantPattern = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+ -](?:[01]\d|2[0-3]):[0-5]\d)$/;

/**
 * Parses a time.
 *
 * @param name The parameter's name in the query.
 * @returns Microseconds since 1970-01-01T00:00:00Z, to the millisecond.
 * @throws {Failure} `input-invalid` if the text is not a time of RFC 3339.
 */
export function readInstant(name: string, text: string): number {
  const millis = instantPattern.test(text) ? Date.parse(text.replace(" ", "+").toUpperCase()) : NaN;
  if (Number.isFinite(millis)) return millis * 1000;
  throw queryInvalid(name, text, "an RFC 3339 time with a time zone, as 2026-01-31T12:00:00Z");
}

function queryInvalid(name: string, text: string, expected: string): Failure {
  return new Failure(
    "input-invalid",
    `The query's ${name} is ${JSON.stringify(text.slice(0, 80))}, expected ${expected}.`,
    [{ pointer: pointerTo(name), detail: `must be ${expected}` }],
  );
}

function unknown(sent: string, names: readonly string[]): string {
  const near = nearestName(sent.slice(0, 80), names);
  return `is unknown${near ? `; did you mean ${near}?` : ""}`;
}
