import { Failure, type FailureKind } from "../../failure.ts";
import { ConnectionFault } from "./connection.ts";

/** The database did not answer in time. */
export class LateAnswer extends Error {
  override readonly name = "LateAnswer";
  constructor(limitMs: number) {
    super(`it did not answer within ${limitMs / 1000} s`);
  }
}

interface Known {
  readonly kind: FailureKind;
  readonly text: string;
}

/**
 * Codes of PostgreSQL with causes outside of the program; two characters are a class of codes.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const knownCodes: Readonly<Record<string, Known>> = {
  "08": { kind: "store-unreachable", text: "the connection broke" },
  "22021": { kind: "input-invalid", text: "a text has a character that PostgreSQL cannot keep" },
  "25006": {
    kind: "store-invalid",
    text: "the database is read-only, as a standby is. Give the URL of the primary",
  },
  "28": { kind: "store-invalid", text: "it refuses the user or the password. Check both in the URL" },
  "3D000": {
    kind: "store-invalid",
    text: "it has no such database. Check its name in the URL, or create it",
  },
  "40": { kind: "store-busy", text: "others change the registry at the same time. Try again" },
  "42501": {
    kind: "store-invalid",
    text: "the user lacks a permission on the schema or a table of it. Grant it",
  },
  "53100": { kind: "store-full", text: "its disk is full" },
  "53": { kind: "store-unreachable", text: "it has no connection or memory left" },
  "55P03": { kind: "store-busy", text: "another process is changing the registry. Try again" },
  "57014": { kind: "store-busy", text: "the statement took too long. Try again" },
  "57": { kind: "store-unreachable", text: "it is starting or stopping" },
  "58": { kind: "store-unreachable", text: "its system has an error" },
  XX: { kind: "store-unreachable", text: "it has an internal error or its data is damaged" },
};
const missingCodes = ["3F000", "42P01"];
const otherCodes = ["42703", "42P07", "42710", "42723", "42883", "42P10", "42804"];

/** Returns whether an error ends the connection on which it came. */
export function endsSession(error: unknown): boolean {
  if (error instanceof Failure) return false;
  if (error instanceof ConnectionFault || error instanceof LateAnswer) return true;
  return !isDatabaseError(error) || ("severity" in error && error.severity === "FATAL");
}

/**
 * Converts an error of a database into a failure that the user can act on, without secrets; returns a failure or a bug unchanged.
 *
 * @param options.isCommitting The change may have been made although no answer came.
 */
export function databaseFailure(
  error: unknown,
  { action, place, isCommitting }: {
    readonly action: string;
    readonly place: string;
    readonly isCommitting: boolean;
  },
): unknown {
  if (error instanceof Failure) return error;
  const known = knownOf(error, place);
  if (!known) return error;
  const outcome = isCommitting && known.kind === "store-unreachable"
    ? " Whether the change was made is not known: look before you repeat it."
    : "";
  return new Failure(known.kind, `Cannot ${action}: the registry at ${place}: ${known.text}.${outcome}`);
}

function knownOf(error: unknown, place: string): Known | undefined {
  if (error instanceof LateAnswer) return { kind: "store-unreachable", text: error.message };
  if (error instanceof ConnectionFault) {
    return { kind: error.isLasting ? "store-invalid" : "store-unreachable", text: error.message };
  }
  if (isDatabaseError(error)) {
    const { code } = error;
    if (missingCodes.includes(code)) {
      return { kind: "store-missing", text: "it is not there yet; clickwell train creates it" };
    }
    if (otherCodes.includes(code)) {
      return {
        kind: "store-invalid",
        text: `the schema has other tables. Name another one: ${place} holds none of clickwell`,
      };
    }
    return knownCodes[code] ?? knownCodes[code.slice(0, 2)];
  }
  return isConnectionError(error) ? { kind: "store-unreachable", text: "the connection broke" } : undefined;
}

/** An error that the database answered; `code` has five characters. */
function isDatabaseError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && error.name === "PostgresError" && "code" in error &&
    /^[0-9A-Z]{5}$/.test(String(error.code));
}

/** Errors of the package about a connection, as CONNECTION_CLOSED, and of a server that makes no sense. */
function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  if (error.name === "PostgresError") return !isDatabaseError(error);
  return /^(CONNECT|SASL_|MESSAGE_|E[A-Z]+$|ERR_)/.test(code);
}
