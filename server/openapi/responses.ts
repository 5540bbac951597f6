import type { FailureKind } from "../../pipeline/failure.ts";
import type { JsonSchema, OperationSchemas } from "../http/operation.ts";
import { problemForms, problemType, statusOf } from "../http/problem.ts";
import { isPrimaryOnly, type Route } from "../http/route.ts";

/** Before any route is looked for. */
const ofEveryRequest: readonly FailureKind[] = ["host-invalid", "target-invalid", "target-oversized"];
const ofBodies: readonly FailureKind[] = [
  "body-malformed",
  "body-oversized",
  "body-late",
  "server-busy",
  "media-type-invalid",
  "input-invalid",
];

/** The kinds that a client can meet; all others would be bugs. */
export const clientKinds: readonly FailureKind[] = Object.entries(problemForms)
  .flatMap(([kind, { status }]) => status === 500 ? [] : kind as FailureKind);

const bugType = "about:blank";

export const problemSchema: JsonSchema = {
  type: "object",
  description: "RFC 9457: what went wrong, and how to mend it. Members may be added; compare `type`.",
  properties: {
    type: { enum: [...clientKinds.map(problemType), bugType] },
    title: { type: "string" },
    status: { type: "integer", minimum: 400, maximum: 599 },
    detail: { type: "string", description: "for people: its words may change" },
    errors: {
      type: "array",
      description: "only where fields are bad",
      items: {
        type: "object",
        properties: {
          pointer: { type: "string", description: "a JSON pointer (RFC 6901)", examples: ["#/apr"] },
          detail: { type: "string" },
        },
        required: ["pointer", "detail"],
      },
    },
    request_id: { type: "string" },
  },
  required: ["type", "title", "status", "detail", "request_id"],
};

const text = { type: "string" };

/** A problem as clients of other servers get it. */
export const protocolProblemSchema: JsonSchema = {
  ...problemSchema,
  description: "The same problem with the members that clients of other servers read.",
  properties: {
    ...problemSchema.properties as JsonSchema,
    error: { ...text, description: "KServe, Triton, TensorFlow Serving" },
    error_code: { ...text, description: "MLflow" },
    message: { ...text, description: "MLflow" },
  },
  required: [...problemSchema.required as string[], "error", "error_code", "message"],
};

/** @param guarded Writes need the admin token. */
export function problemsOf(route: Route, { body }: OperationSchemas, guarded: boolean): Set<FailureKind> {
  const { write, operation: { parameters = [], problems = [] } } = route;
  const queried = parameters.some((parameter) => parameter.in === "query");
  const ofWrites: readonly FailureKind[] = guarded ? ["unauthorized", "attempts-exceeded"] : ["forbidden"];
  return new Set([
    ...ofEveryRequest,
    ...(body ? ofBodies : []),
    ...(queried ? ["input-invalid"] as const : []),
    ...(write ? ofWrites : []),
    // What the model or another thread is needed for.
    ...(isPrimaryOnly(route) || problems.includes("model-missing") ? ["thread-lost"] as const : []),
    ...problems,
  ]);
}

/**
 * Responses by status: several kinds may share one.
 *
 * @param foreign Of a route that speaks another server's protocol.
 */
export function problemResponses(kinds: Iterable<FailureKind>, foreign = false): Record<string, JsonSchema> {
  const byStatus = Map.groupBy(kinds, (kind) => statusOf(problemForms[kind], foreign));
  const told = [...byStatus].map(([status, kinds]) => [status, problemAnswer(kinds, foreign)]);
  return { ...Object.fromEntries(told), "500": bugAnswer(foreign) };
}

function problemAnswer(kinds: readonly FailureKind[], foreign: boolean): JsonSchema {
  const retried = kinds.some((kind) => problemForms[kind].retryAfterSeconds !== undefined);
  return {
    description: kinds.map((kind) => `\`${kind}\`: ${problemForms[kind].title}.`).join(" "),
    ...(retried
      ? { headers: { "Retry-After": { schema: { type: "integer" }, description: "seconds" } } }
      : {}),
    content: foreign ? protocolContent(kinds) : contentOf(kinds.map(problemType), false),
  };
}

/** What is wrong with a target is told before it is known whose protocol it is of. */
function protocolContent(kinds: readonly FailureKind[]): JsonSchema {
  const [early, late] = [true, false].map((isEarly) =>
    kinds.filter((kind) => ofEveryRequest.includes(kind) === isEarly).map(problemType)
  );
  return {
    ...(late.length > 0 ? contentOf(late, true) : {}),
    ...(early.length > 0 ? contentOf(early, false) : {}),
  };
}

function bugAnswer(foreign: boolean): JsonSchema {
  return {
    description: "A bug in clickwell. The server's log has its cause under the request id.",
    content: contentOf([bugType], foreign),
  };
}

function contentOf(types: readonly string[], foreign: boolean): JsonSchema {
  const properties = { type: { enum: types } };
  if (!foreign) {
    return { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem", properties } } };
  }
  return { "application/json": { schema: { $ref: "#/components/schemas/ForeignProblem", properties } } };
}
