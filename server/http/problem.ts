import { Failure, type FailureKind, type FieldError } from "../../pipeline/failure.ts";

/** The HTTP form of a failure kind. */
export interface ProblemForm {
  readonly status: number;
  readonly title: string;
  /** When to retry. */
  readonly retryAfterSeconds?: number;
  /** Replaces the failure's message, which names files of the server and is only logged. */
  readonly detail?: string;
}

/** Kinds that only commands raise. Over HTTP they are bugs, and answered as such. */
const bug: ProblemForm = { status: 500, title: "Internal error" };

const storeUnusable = "The store cannot be used; the server's log says why. Predictions continue without it.";

/** Every failure kind as an RFC 9457 problem. docs/problems.md has a section for each kind that a client can receive. */
export const problemForms: Readonly<Record<FailureKind, ProblemForm>> = {
  "input-invalid": { status: 422, title: "Some fields are not valid" },
  "interval-missing": { status: 409, title: "The model has no intervals" },
  "row-unknown": { status: 404, title: "The store has no such row" },
  "lookup-unindexed": { status: 503, title: "The store has no index for this lookup" },
  "examples-invalid": { status: 409, title: "The view cannot be read for this row" },
  "model-unknown": { status: 404, title: "There is no such model" },
  "model-missing": { status: 503, title: "No model is in production", retryAfterSeconds: 5 },
  "assignment-conflict": { status: 409, title: "Another model is in production" },
  "assignment-missing": { status: 404, title: "No model was in production then" },
  "rollback-impossible": { status: 409, title: "There is no model to go back to" },
  "precondition-failed": { status: 412, title: "The model in production has changed" },
  "alias-unknown": { status: 404, title: "The model has no such alias" },
  "report-missing": { status: 404, title: "The model has no report" },
  "model-unloaded": { status: 503, title: "The model is unloaded" },
  "model-in-production": { status: 409, title: "The model is in production" },
  "artifact-corrupt": { status: 409, title: "The model's files cannot be used" },
  "artifacts-unavailable": {
    status: 503,
    title: "The models cannot be fetched",
    retryAfterSeconds: 1,
  },
  "unauthorized": { status: 401, title: "The admin token is missing or wrong" },
  "forbidden": { status: 403, title: "This client may not write" },
  "attempts-exceeded": { status: 429, title: "Too many wrong tokens", retryAfterSeconds: 60 },
  "host-invalid": { status: 400, title: "The Host header is not a host" },
  "target-invalid": { status: 400, title: "The path is not in its canonical form" },
  "target-oversized": { status: 414, title: "The path and query are too long" },
  "route-unknown": { status: 404, title: "The path is unknown" },
  "method-invalid": { status: 405, title: "The path does not support this method" },
  "media-type-invalid": { status: 415, title: "The content type is not supported" },
  "body-malformed": { status: 400, title: "The body is malformed" },
  "body-oversized": { status: 413, title: "The body is too long" },
  "body-late": { status: 408, title: "The body did not arrive in time" },
  "server-busy": { status: 503, title: "Too many requests at once", retryAfterSeconds: 1 },
  "draining": { status: 503, title: "The server is shutting down", retryAfterSeconds: 1 },
  "store-missing": {
    status: 503,
    title: "There is no store",
    detail:
      "There is no store yet, or it has no tables: run clickwell ingest and clickwell train on the server first. " +
      "A row that is sent with all its fields needs no tables.",
  },
  "store-busy": {
    status: 503,
    title: "The store is busy",
    retryAfterSeconds: 1,
    detail: "Another process is writing to the store: try again.",
  },
  "store-unreachable": {
    status: 503,
    title: "The registry cannot be reached",
    retryAfterSeconds: 1,
    detail:
      "The registry's database cannot be reached or does not answer in time; the server's log says which. Predictions continue " +
      "with the model in production. If this was a write, GET /model says whether it took effect.",
  },
  "store-full": {
    status: 507,
    title: "The server's disk is full",
    detail:
      "The server's disk is almost full: free some space and try again. Predictions continue without it.",
  },
  "store-invalid": { status: 503, title: "The store cannot be used", detail: storeUnusable },
  "store-newer": { status: 503, title: "The store is of a later version", detail: storeUnusable },
  "store-older": { status: 503, title: "The store is of an earlier version", detail: storeUnusable },
  "thread-lost": {
    status: 503,
    title: "A server thread did not respond",
    retryAfterSeconds: 1,
    detail: "A thread of the server ended or did not respond in time. It is being replaced: try again.",
  },
  "usage-invalid": bug,
  "file-missing": bug,
  "file-invalid": bug,
  "file-unwritable": bug,
  "row-conflict": bug,
  "row-rejected": bug,
  "table-unknown": bug,
  "spec-invalid": bug,
  "not-converged": bug,
  "not-repeated": bug,
  "model-worse": bug,
  "separable": bug,
  "server-unready": bug,
  "address-unusable": bug,
  "engine-failed": bug,
  "interrupted": bug,
};

/** Kinds of problems of routes that read the store. */
export const readingProblems: readonly FailureKind[] = [
  "store-missing",
  "store-busy",
  "store-unreachable",
  "store-invalid",
  "store-newer",
  "store-older",
];

/** Kinds of problems of routes that write to the store. */
export const writingProblems: readonly FailureKind[] = [...readingProblems, "store-full"];

/** Returns the `type` of a problem. It must not change. */
export function problemType(kind: FailureKind): string {
  return `urn:clickwell:problem:${kind}`;
}

/** True for errors that no client should cause: the cause is logged, and not part of the response. */
export function isBug(error: unknown): boolean {
  return !(error instanceof Failure) || problemForms[error.kind] === bug;
}

export interface ProblemOptions {
  /** In addition to the content type and Retry-After. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The client speaks the protocol of another server: see {@link protocolMembers}. */
  readonly protocol?: boolean | undefined;
}

/** Returns the response to any error. @see RFC 9457, Problem Details for HTTP APIs. */
export function problemResponse(error: unknown, requestId: string, options: ProblemOptions = {}): Response {
  if (!(error instanceof Failure) || isBug(error)) {
    const detail = "This is a bug in clickwell. The server's log has its cause under the request id.";
    return respond(bug, { type: "about:blank", detail, request_id: requestId }, options);
  }
  return respond(problemForms[error.kind], { ...membersOf(error), request_id: requestId }, options);
}

/** Returns a failure as a problem inside an answer, for one row among others. */
export function problemOf(failure: Failure): Readonly<Record<string, unknown>> {
  const { type, ...members } = membersOf(failure);
  const { title, status } = problemForms[failure.kind];
  return { type, title, status, ...members };
}

/** The answer to a line of a stream is short: long ones could be a multiple of the request. */
const shortDetailLengthMax = 160;
const shortErrorsMax = 3;

/**
 * Returns a failure as a short problem inside an answer.
 *
 * @param isLikeOthers Many others were reported before: this one is without its fields.
 */
export function shortProblemOf(failure: Failure, isLikeOthers: boolean): Readonly<Record<string, unknown>> {
  const { kind, message } = failure;
  const { title, status, detail = message } = problemForms[kind];
  const shown = failure.errors.slice(0, isLikeOthers ? 0 : shortErrorsMax).map(({ pointer, detail }) => ({
    pointer: shortened(pointer, shortDetailLengthMax),
    detail: shortened(detail, shortDetailLengthMax),
  }));
  return {
    type: problemType(kind),
    title,
    status,
    detail: shortened(detail, isLikeOthers ? shortDetailLengthMax / 2 : shortDetailLengthMax),
    ...(shown.length > 0 ? { errors: shown } : {}),
  };
}

function membersOf({ kind, message, errors }: Failure) {
  return {
    type: problemType(kind),
    detail: problemForms[kind].detail ?? shortened(message, detailLengthMax),
    ...(errors.length > 0 ? { errors: shownErrors(errors) } : {}),
  };
}

/** Limits the response to a request with many invalid fields. */
const errorsMax = 100;
/** A name has at most 256 bytes, of which each may take three characters. */
const pointerLengthMax = 900;
const detailLengthMax = 2_000;

function shownErrors(errors: readonly FieldError[]): FieldError[] {
  const shown = errors.slice(0, errorsMax).map(({ pointer, detail }) => ({
    pointer: shortened(pointer, pointerLengthMax),
    detail: shortened(detail, detailLengthMax),
  }));
  const more = errors.length - shown.length;
  return more === 0 ? shown : [...shown, { pointer: "#", detail: `and ${more} more errors` }];
}

function shortened(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax).toWellFormed()}…`;
}

interface Members {
  readonly type: string;
  readonly detail: string;
  readonly errors?: Failure["errors"] | undefined;
  readonly request_id: string;
}

function respond(form: ProblemForm, { type, ...members }: Members, options: ProblemOptions): Response {
  const { headers = {}, protocol = false } = options;
  const { title, retryAfterSeconds } = form;
  const status = statusOf(form, protocol);
  const problem = { type, title, status, ...members };
  return new Response(
    JSON.stringify(protocol ? { ...protocolMembers(status, members), ...problem } : problem),
    {
      status,
      headers: {
        "content-type": protocol ? "application/json" : "application/problem+json",
        ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
        ...headers,
      },
    },
  );
}

/** Returns the status of a problem. None of the other protocols has 422. */
export function statusOf({ status }: ProblemForm, protocol: boolean): number {
  return protocol && status === 422 ? 400 : status;
}

/** Fields that `error` lists; `errors` has all of them. */
const listedFieldsMax = 3;

/**
 * Returns the members that clients of other servers read: `error` for KServe, Triton and TensorFlow Serving, `error_code` and
 * `message` for MLflow. They are added to the problem.
 */
function protocolMembers(status: number, { detail, errors = [] }: Pick<Members, "detail" | "errors">) {
  const fields = errors.slice(0, listedFieldsMax).map(({ pointer, detail }) => `${pointer} ${detail}`);
  const text = [detail, ...fields].join(" | ");
  return { error: text, error_code: errorCodes[status] ?? "BAD_REQUEST", message: text };
}

/** The names of mlflow/exceptions.py, by status. */
const errorCodes: Readonly<Record<number, string>> = {
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "RESOURCE_DOES_NOT_EXIST",
  409: "RESOURCE_CONFLICT",
  429: "REQUEST_LIMIT_EXCEEDED",
  500: "INTERNAL_ERROR",
  501: "NOT_IMPLEMENTED",
  503: "TEMPORARILY_UNAVAILABLE",
  507: "RESOURCE_EXHAUSTED",
};
