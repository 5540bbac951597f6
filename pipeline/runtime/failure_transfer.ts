import { Failure } from "../failure.ts";

/** An error in a form that can be posted to another thread: a `Failure`, or the stack of any other error. */
export type TransferredError =
  | { readonly failure: Pick<Failure, "kind" | "message" | "errors" | "report"> }
  | { readonly bug: string };

export function serializeError(error: unknown): TransferredError {
  if (error instanceof Failure) {
    const { kind, message, errors, report } = error;
    return { failure: { kind, message, errors, report } };
  }
  return { bug: error instanceof Error ? error.stack ?? error.message : String(error) };
}

/** Returns the `Failure`, or an `Error` whose message holds the other thread's stack. */
export function deserializeError(error: TransferredError): Error {
  if ("bug" in error) return new Error(`in another thread: ${error.bug}`);
  const { kind, message, errors, report } = error.failure;
  return new Failure(kind, message, errors, report);
}
