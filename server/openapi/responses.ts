import type { FailureKind } from "../../pipeline/failure.ts";
import type { Exchanged, JsonSchema } from "../operation.ts";
import { problemForms, problemType } from "../problem.ts";
import type { Route } from "../route.ts";

/** Before any route is looked for. */
const ofEveryRequest: readonly FailureKind[] = ["host-invalid", "target-invalid", "target-oversized"];
const ofBodies: readonly FailureKind[] = [
  "body-malformed",
  "body-oversized",
  "media-type-invalid",
  "input-invalid",
];

/** The kinds that a client can meet; all others would be bugs. */
export const toldKinds: readonly FailureKind[] = Object.entries(problemForms)
  .flatMap(([kind, { status }]) => status === 500 ? [] : kind as FailureKind);

const bugType = "about:blank";

export const problemSchema: JsonSchema = {
  type: "object",
  description: "RFC 9457: what went wrong, and how to mend it. Members may be added; compare `type`.",
  properties: {
    type: { enum: [...toldKinds.map(problemType), bugType] },
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

/** @param guarded Writes need the admin token. */
export function problemsOf(
  { write, operation: { parameters = [], problems = [] } }: Route,
  { body }: Exchanged,
  guarded: boolean,
): Set<FailureKind> {
  const queried = parameters.some((parameter) => parameter.in === "query");
  const ofWrites: readonly FailureKind[] = guarded ? ["unauthorized", "attempts-exceeded"] : ["forbidden"];
  return new Set([
    ...ofEveryRequest,
    ...(body ? ofBodies : []),
    ...(queried ? ["input-invalid"] as const : []),
    ...(write ? ofWrites : []),
    ...problems,
  ]);
}

/** Responses by status: several kinds may share one. */
export function problemResponses(kinds: Iterable<FailureKind>): Record<string, JsonSchema> {
  const byStatus = Map.groupBy(kinds, (kind) => problemForms[kind].status);
  const told = [...byStatus].map(([status, kinds]) => [status, problemAnswer(kinds)]);
  return { ...Object.fromEntries(told), "500": bugAnswer };
}

function problemAnswer(kinds: readonly FailureKind[]): JsonSchema {
  const retried = kinds.some((kind) => problemForms[kind].retryAfterSeconds !== undefined);
  return {
    description: kinds.map((kind) => `\`${kind}\`: ${problemForms[kind].title}.`).join(" "),
    ...(retried
      ? { headers: { "Retry-After": { schema: { type: "integer" }, description: "seconds" } } }
      : {}),
    content: contentOf(kinds.map(problemType)),
  };
}

const bugAnswer: JsonSchema = {
  description: "A bug in clickwell. The server's log has its cause under the request id.",
  content: contentOf([bugType]),
};

function contentOf(types: readonly string[]): JsonSchema {
  const schema = { $ref: "#/components/schemas/Problem", properties: { type: { enum: types } } };
  return { "application/problem+json": { schema } };
}
