import type { FailureKind } from "../../pipeline/failure.ts";
import type { JsonSchema, OperationSchemas } from "../http/operation.ts";
import { problemForms, problemType, statusOf } from "../http/problem.ts";
import { isPrimaryOnly, type Route } from "../http/route.ts";

/** Problems that can occur before a route is found. */
const requestProblems: readonly FailureKind[] = ["host-invalid", "target-invalid", "target-oversized"];
const bodyProblems: readonly FailureKind[] = [
  "body-malformed",
  "body-oversized",
  "body-late",
  "server-busy",
  "media-type-invalid",
  "input-invalid",
];

/** The failure kinds that a client can receive; all others would be bugs. */
export const clientKinds: readonly FailureKind[] = Object.entries(problemForms)
  .flatMap(([kind, { status }]) => status === 500 ? [] : kind as FailureKind);

const bugType = "about:blank";

export const problemSchema: JsonSchema = {
  type: "object",
  description: "RFC 9457: what went wrong, and how to fix it. Compare `type`; members may be added later.",
  properties: {
    type: { enum: [...clientKinds.map(problemType), bugType] },
    title: { type: "string" },
    status: { type: "integer", minimum: 400, maximum: 599 },
    detail: { type: "string", description: "text for people; its wording may change" },
    errors: {
      type: "array",
      description: "invalid fields, if any",
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

/** A problem as the protocol adapters return it. */
export const protocolProblemSchema: JsonSchema = {
  ...problemSchema,
  description: "A problem with the additional members that clients of other model servers read.",
  properties: {
    ...problemSchema.properties as JsonSchema,
    error: { ...text, description: "KServe, Triton, TensorFlow Serving" },
    error_code: { ...text, description: "MLflow" },
    message: { ...text, description: "MLflow" },
  },
  required: [...problemSchema.required as string[], "error", "error_code", "message"],
};

/** Returns the kinds of problems that a route can respond with. @param guarded Whether writes require the admin token. */
export function problemsOf(route: Route, { body }: OperationSchemas, guarded: boolean): Set<FailureKind> {
  const { write, operation: { parameters = [], problems = [] } } = route;
  const queried = parameters.some((parameter) => parameter.in === "query");
  const writeProblems: readonly FailureKind[] = guarded
    ? ["unauthorized", "attempts-exceeded"]
    : ["forbidden"];
  return new Set([
    ...requestProblems,
    ...(body ? bodyProblems : []),
    ...(queried ? ["input-invalid"] as const : []),
    ...(write ? writeProblems : []),
    // The answer needs the model or the primary thread.
    ...(isPrimaryOnly(route) || problems.includes("model-missing") ? ["thread-lost"] as const : []),
    ...problems,
  ]);
}

/**
 * Returns the problem responses by status; several kinds may share one.
 *
 * @param isProtocol Whether the route belongs to a protocol adapter.
 */
export function problemResponses(
  kinds: Iterable<FailureKind>,
  isProtocol = false,
): Record<string, JsonSchema> {
  const byStatus = Map.groupBy(kinds, (kind) => statusOf(problemForms[kind], isProtocol));
  const responses = [...byStatus].map(([status, kinds]) => [status, problemAnswer(kinds, isProtocol)]);
  return { ...Object.fromEntries(responses), "500": bugAnswer(isProtocol) };
}

function problemAnswer(kinds: readonly FailureKind[], isProtocol: boolean): JsonSchema {
  const retried = kinds.some((kind) => problemForms[kind].retryAfterSeconds !== undefined);
  return {
    description: kinds.map((kind) => `\`${kind}\`: ${problemForms[kind].title}.`).join(" "),
    ...(retried
      ? { headers: { "Retry-After": { schema: { type: "integer" }, description: "seconds" } } }
      : {}),
    content: isProtocol ? protocolContent(kinds) : contentOf(kinds.map(problemType), false),
  };
}

/** Problems of the request target occur before the protocol is known, and have the ordinary form. */
function protocolContent(kinds: readonly FailureKind[]): JsonSchema {
  const [early, late] = [true, false].map((isEarly) =>
    kinds.filter((kind) => requestProblems.includes(kind) === isEarly).map(problemType)
  );
  return {
    ...(late.length > 0 ? contentOf(late, true) : {}),
    ...(early.length > 0 ? contentOf(early, false) : {}),
  };
}

function bugAnswer(isProtocol: boolean): JsonSchema {
  return {
    description: "A bug in clickwell. The server log has the cause, under the request id.",
    content: contentOf([bugType], isProtocol),
  };
}

function contentOf(types: readonly string[], isProtocol: boolean): JsonSchema {
  const properties = { type: { enum: types } };
  if (!isProtocol) {
    return { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem", properties } } };
  }
  return { "application/json": { schema: { $ref: "#/components/schemas/ForeignProblem", properties } } };
}
