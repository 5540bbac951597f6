/** Every way in which clickwell can fail for a reason that its user can act on. Anything else that is thrown is a bug. */
export type FailureKind =
  | "usage-invalid" // the command line or a setting
  | "input-invalid" // values that a caller sent
  | "interval-missing" // the model in production keeps no covariance
  | "row-unknown" // no row of the store has that id
  | "lookup-unindexed" // the store would have to be read as a whole
  | "file-missing"
  | "file-invalid" // a file that is not what its name or the command says
  | "file-unwritable" // no room, no permission, or a file of somebody else in its place
  | "row-conflict" // a key that is there already, with other values
  | "row-rejected" // a row that breaks a constraint of its table
  | "table-unknown"
  | "store-missing"
  | "store-invalid"
  | "store-busy"
  | "store-full"
  | "store-newer" // written by a later version of clickwell
  | "store-older" // of an earlier version, and open for reading alone
  | "spec-invalid"
  | "examples-invalid" // nothing to learn from: no rows, one class, a column that the view lacks
  | "not-converged"
  | "not-repeated" // a training that was repeated gives another model
  | "separable" // no finite optimum without a penalty
  | "model-unknown"
  | "model-missing" // no model is in production
  | "assignment-conflict" // another model is in production than the caller expected
  | "assignment-missing" // the history has none of that time
  | "rollback-impossible" // no other model was in production before
  | "precondition-failed" // an If-Match that does not hold
  | "alias-unknown"
  | "model-unloaded" // taken out of memory by whoever manages models over HTTP
  | "model-in-production" // and so cannot be taken away
  | "artifact-corrupt"
  | "unauthorized"
  | "forbidden"
  | "attempts-exceeded" // too many wrong tokens
  | "host-invalid"
  | "target-invalid" // a path or query that is not in its one canonical form
  | "target-oversized"
  | "route-unknown"
  | "method-invalid"
  | "media-type-invalid"
  | "body-malformed"
  | "body-oversized"
  | "body-late" // it did not arrive in time
  | "server-busy" // more requests at once than are taken
  | "draining" // the server ends, and takes no new work
  | "thread-lost" // one of the server's has ended, or does not answer
  | "server-unready" // a server that was asked does not answer, or not yet
  | "address-unusable"
  | "interrupted";

/** One bad field: a JSON pointer (RFC 6901, with `#`) and what is wrong there. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

/**
 * A failure that is the outside world's, not ours. `message` says action, value, expected, and how to repair it; it is
 * shown to people as it stands, so it holds no secret and no stack trace.
 */
export class Failure extends Error {
  override readonly name = "Failure";

  constructor(
    readonly kind: FailureKind,
    message: string,
    readonly errors: readonly FieldError[] = [],
    /** What a command reports although it failed, as members of the object that `--json` prints. */
    readonly report: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}
