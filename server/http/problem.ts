import { Failure, type FailureKind, type FieldError } from "../../pipeline/failure.ts";

/** How a kind of failure is told over HTTP. */
export interface ProblemForm {
  readonly status: number;
  readonly title: string;
  /** When it is worth trying again. */
  readonly retryAfterSeconds?: number;
  /** Said in place of the failure's message, which names files of the server; the log has that one. */
  readonly detail?: string;
}

/** Kinds that only commands meet. One that came here all the same would be a bug, and would be told as one. */
const bug: ProblemForm = { status: 500, title: "Internal error" };

const storeUnusable = "The store cannot be used; the server's log says why. Predictions continue without it.";

/** Every kind of failure as an RFC 9457 problem. docs/problems.md has a section for each that a client can meet. */
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
  "model-unloaded": { status: 503, title: "The model is unloaded" },
  "model-in-production": { status: 409, title: "The model is in production" },
  "artifact-corrupt": { status: 409, title: "The model's files cannot be used" },
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
    detail: "Another process writes to the store: try again.",
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
  "separable": bug,
  "server-unready": bug,
  "address-unusable": bug,
  "interrupted": bug,
};

/** What a route that reads the store may have to tell. */
export const readingProblems: readonly FailureKind[] = [
  "store-missing",
  "store-busy",
  "store-invalid",
  "store-newer",
  "store-older",
];

/** What a route that writes to the store may have to tell. */
export const writingProblems: readonly FailureKind[] = [...readingProblems, "store-full"];

/** The `type` of a kind's problem: a name that stays. */
export function problemType(kind: FailureKind): string {
  return `urn:clickwell:problem:${kind}`;
}

/** True where the failure is none that a client can meet: its cause belongs into the log, and only there. */
export function isBug(error: unknown): boolean {
  return !(error instanceof Failure) || problemForms[error.kind] === bug;
}

export interface ProblemOptions {
  /** Beside the content type and Retry-After. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the client speaks another server's protocol: see {@link foreignMembers}. */
  readonly protocol?: boolean | undefined;
}

/**
 * The response to whatever was thrown.
 *
 * @see RFC 9457, Problem Details for HTTP APIs.
 */
export function problemResponse(error: unknown, requestId: string, options: ProblemOptions = {}): Response {
  if (!(error instanceof Failure) || isBug(error)) {
    const detail = "This is a bug in clickwell. The server's log has its cause under the request id.";
    return respond(bug, { type: "about:blank", detail, request_id: requestId }, options);
  }
  return respond(problemForms[error.kind], { ...saidOf(error), request_id: requestId }, options);
}

/** A failure as a problem inside of an answer: of one row among others. */
export function problemOf(failure: Failure): Readonly<Record<string, unknown>> {
  const { type, ...members } = saidOf(failure);
  const { title, status } = problemForms[failure.kind];
  return { type, title, status, ...members };
}

/** A line of a stream has a short answer: many of them would be a multiple of what was sent. */
const shortDetailLengthMax = 160;
const shortErrorsMax = 3;

/**
 * A failure as a short problem inside of an answer.
 *
 * @param isLikeOthers Many of its kind were told already: without the fields.
 */
export function shortProblemOf(failure: Failure, isLikeOthers: boolean): Readonly<Record<string, unknown>> {
  const { kind, message } = failure;
  const { title, status, detail = message } = problemForms[kind];
  const told = failure.errors.slice(0, isLikeOthers ? 0 : shortErrorsMax).map(({ pointer, detail }) => ({
    pointer: shortened(pointer, shortDetailLengthMax),
    detail: shortened(detail, shortDetailLengthMax),
  }));
  return {
    type: problemType(kind),
    title,
    status,
    detail: shortened(detail, isLikeOthers ? shortDetailLengthMax / 2 : shortDetailLengthMax),
    ...(told.length > 0 ? { errors: told } : {}),
  };
}

function saidOf({ kind, message, errors }: Failure) {
  return {
    type: problemType(kind),
    detail: problemForms[kind].detail ?? shortened(message, detailLengthMax),
    ...(errors.length > 0 ? { errors: shownErrors(errors) } : {}),
  };
}

/** An answer is no longer than it helps: who sends a hundred thousand wrong fields is not sent them back. */
const errorsMax = 100;
const pointerLengthMax = 200;
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
    JSON.stringify(protocol ? { ...foreignMembers(status, members), ...problem } : problem),
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

/** None of the foreign protocols knows 422. */
export function statusOf({ status }: ProblemForm, protocol: boolean): number {
  return protocol && status === 422 ? 400 : status;
}

/** Fields that the one line of `error` names; all of them are in `errors`. */
const fieldsToldMax = 3;

/**
 * What clients of other servers read of a problem: `error` those of KServe, Triton and TensorFlow Serving, `error_code`
 * and `message` those of MLflow. Beside them stands the problem itself.
 */
function foreignMembers(status: number, { detail, errors = [] }: Pick<Members, "detail" | "errors">) {
  const fields = errors.slice(0, fieldsToldMax).map(({ pointer, detail }) => `${pointer} ${detail}`);
  const text = [detail, ...fields].join(" | ");
  return { error: text, error_code: errorCodes[status] ?? "BAD_REQUEST", message: text };
}

/** The names that mlflow/exceptions.py has for a status. */
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
