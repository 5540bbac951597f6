import { Failure, type FailureKind, type FieldError } from "../../pipeline/failure.ts";

export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** An error as it is reported to users and with `--json`. */
export interface ErrorReport {
  readonly kind: FailureKind | "system" | "bug";
  readonly message: string;
  readonly errors: readonly FieldError[];
  readonly exitCode: number;
  /** Further members that `--json` prints. */
  readonly report?: Readonly<Record<string, unknown>>;
  /** The stack trace of a bug. */
  readonly stack?: string;
}

/** Classifies an error for the user: a failure that the program expects, an error of the system, or a bug. */
export function reportError(error: unknown): ErrorReport {
  if (error instanceof Failure) {
    const { kind, message, errors, report } = error;
    return { kind, message, errors, report, exitCode: exitCodeOf(kind) };
  }
  const { failed: exitCode } = exitCodes;
  if (!(error instanceof Error)) return { kind: "bug", message: bug(String(error)), errors: [], exitCode };
  if (isSystemError(error)) {
    return { kind: "system", message: withoutAdvice(error.message), errors: [], exitCode };
  }
  return { kind: "bug", message: bug(error.message), errors: [], exitCode, stack: error.stack ?? "" };
}

function exitCodeOf(kind: FailureKind): number {
  if (kind === "interrupted") return exitCodes.interrupted;
  return kind === "usage-invalid" ? exitCodes.usage : exitCodes.failed;
}

/** Returns whether the system refused something (permission, space, a missing folder, an address in use): such errors have its code, as `ENOSPC`. */
function isSystemError(error: Error): boolean {
  if (error instanceof Deno.errors.NotCapable) return true;
  return "code" in error && typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code);
}

/** Removes the advice to run Deno with other permissions: the program sets them, not its user. */
function withoutAdvice(message: string): string {
  return message.replace(
    /, (run again with|specify the required permissions) .*/s,
    ", which this program was not given.",
  );
}

function bug(message: string): string {
  return `a bug in clickwell: ${message}. CLICKWELL_DEBUG=1 shows where.`;
}
