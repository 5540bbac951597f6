/** The kinds of failure that users can act on. Any other error is a bug. */
export type FailureKind =
  | "usage-invalid" // the command line or a setting
  | "input-invalid" // values that a caller sent
  | "interval-missing" // the model in production keeps no covariance
  | "row-unknown" // no row of the store has that id
  | "lookup-unindexed" // a lookup would read a whole table
  | "file-missing"
  | "file-invalid" // not of the expected format, or with invalid content
  | "file-unwritable" // no space, no permission, or a file of another program in its place
  | "row-conflict" // a key that exists with other values
  | "row-rejected" // a row that breaks a constraint of its table
  | "table-unknown"
  | "store-missing"
  | "store-invalid"
  | "store-busy"
  | "store-unreachable" // the registry's database does not answer, or not in time
  | "store-full"
  | "store-newer" // written by a later version of clickwell
  | "store-older" // of an earlier version, and opened read-only
  | "spec-invalid"
  | "examples-invalid" // no rows, one class, or a column that the view lacks
  | "not-converged"
  | "not-repeated" // repeating a training gives another model
  | "separable" // no finite optimum without a penalty
  | "model-unknown"
  | "model-missing" // no model is in production
  | "assignment-conflict" // the model in production is not the expected one
  | "assignment-missing" // no assignment at that time
  | "rollback-impossible" // no other model was in production before
  | "precondition-failed" // If-Match does not match
  | "alias-unknown"
  | "report-missing"
  | "model-unloaded" // unloaded from memory over HTTP
  | "model-worse" // an evaluation that must not find a worse model did
  | "model-in-production" // the operation requires a model that is not in production
  | "artifact-corrupt"
  | "artifacts-unavailable" // the object store of the models does not answer, or refuses the request
  | "unauthorized"
  | "forbidden"
  | "attempts-exceeded" // too many wrong tokens
  | "host-invalid"
  | "target-invalid" // path or query not in canonical form
  | "target-oversized"
  | "route-unknown"
  | "method-invalid"
  | "media-type-invalid"
  | "body-malformed"
  | "body-oversized"
  | "body-late" // the body did not arrive in time
  | "server-busy" // too many concurrent requests
  | "draining" // the server is shutting down
  | "thread-lost" // a worker has exited or does not respond
  | "server-unready" // a server does not respond, or is not ready yet
  | "address-unusable"
  | "engine-failed" // a database that the examples lie in
  | "interrupted";

/** An error in one field: a JSON pointer (RFC 6901, with `#`) and a description. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

/**
 * A failure with a cause outside the program. `message` has action, value, expected value and repair; it is shown to users
 * verbatim, so it must not contain secrets or a stack trace.
 */
export class Failure extends Error {
  override readonly name = "Failure";

  constructor(
    readonly kind: FailureKind,
    message: string,
    readonly errors: readonly FieldError[] = [],
    /** Members that `--json` prints in addition to the error. */
    readonly report: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

/** Returns the failure of a wrong command line or setting. */
export function usageInvalid(message: string): Failure {
  return new Failure("usage-invalid", message);
}

/** Returns the failure of a file with the wrong format or content. */
export function fileInvalid(message: string): Failure {
  return new Failure("file-invalid", message);
}
