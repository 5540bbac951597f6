import { Failure, type FailureKind, type FieldError } from "../../pipeline/failure.ts";

export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** What went wrong, for people and machines. */
export interface ErrorReport {
  readonly kind: FailureKind | "system" | "bug";
  readonly message: string;
  readonly errors: readonly FieldError[];
  readonly exitCode: number;
  /** Members that `--json` prints beside the error. */
  readonly report?: Readonly<Record<string, unknown>>;
  /** Where, if it is a bug of ours. */
  readonly stack?: string;
}

/** Says what an error means to its user: a failure of the outside world, a refusal of the system, or a bug of ours. */
export function reportError(error: unknown): ErrorReport {
  if (error instanceof Failure) {
    const { kind, message, errors, report } = error;
    return { kind, message, errors, report, exitCode: exitCodeOf(kind) };
  }
  const { failed: exitCode } = exitCodes;
  if (!(error instanceof Error)) return { kind: "bug", message: bug(String(error)), errors: [], exitCode };
  if (isRefusal(error)) {
    return { kind: "system", message: withoutAdvice(error.message), errors: [], exitCode };
  }
  return { kind: "bug", message: bug(error.message), errors: [], exitCode, stack: error.stack ?? "" };
}

function exitCodeOf(kind: FailureKind): number {
  if (kind === "interrupted") return exitCodes.interrupted;
  return kind === "usage-invalid" ? exitCodes.usage : exitCodes.failed;
}

/** No permission, no room, no such folder, address in use: errors that carry the system's code, such as `ENOSPC`. */
function isRefusal(error: Error): boolean {
  if (error instanceof Deno.errors.NotCapable) return true;
  return "code" in error && typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code);
}

/** The runtime advises to start it in another way, which is not its user's choice: the flags are the program's. */
function withoutAdvice(message: string): string {
  return message.replace(
    /, (run again with|specify the required permissions) .*/s,
    ", which this program was not given.",
  );
}

function bug(message: string): string {
  return `a bug in clickwell: ${message}. CLICKWELL_DEBUG=1 shows where.`;
}
