import { ifNoneMatch } from "../http/entity_tag.ts";
import type { Bodies, JsonSchema, OperationSchemas, Parameter } from "../http/operation.ts";
import type { Route } from "../http/route.ts";
import type { LoadedModel } from "../models/loaded_model.ts";
import type { Components } from "./components.ts";
import { problemResponses, problemsOf } from "./responses.ts";

export const securityScheme = "adminToken";

export interface DocumentContext {
  readonly components: Components;
  readonly example: LoadedModel["example"];
  /** Writes need the admin token. */
  readonly guarded: boolean;
}

/** Returns a route as an Operation Object. @see OpenAPI 3.1.1, section 4.8.10, Operation Object. */
export async function operationObject(route: Route, context: DocumentContext): Promise<JsonSchema> {
  const { operation, summary, write } = route;
  const { components, guarded } = context;
  const schemas = await operation.schemas();
  const parameters = [...operation.parameters ?? [], ...undescribedPathParameters(route)];
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary,
    ...(operation.description === undefined ? {} : { description: operation.description }),
    ...(parameters.length > 0 ? { parameters: parameters.map(parameterObject) } : {}),
    ...(schemas.body ? { requestBody: requestBody(schemas, context) } : {}),
    responses: {
      "200": { description: "success", ...contentOf(schemas.answer, components) },
      ...otherAnswers(schemas),
      ...(parameters.includes(ifNoneMatch) ? { "304": { description: "not modified" } } : {}),
      ...problemResponses(problemsOf(route, schemas, guarded), route.protocol),
    },
    ...(write && guarded ? { security: [{ [securityScheme]: [] }] } : {}),
  };
}

/** Returns a route's path in OpenAPI's syntax: `/models/{id}`. */
export function pathTemplate(path: string): string {
  return path.replace(/(?<=\/):(\w+)/g, "{$1}");
}

function parameterObject(parameter: Parameter): JsonSchema {
  if (parameter.in !== "path") return { ...parameter, required: parameter.required === true };
  // Paths have one spelling, without percent-encoding: see `checkTarget`.
  return {
    ...parameter,
    schema: { pattern: "^[A-Za-z0-9_-][A-Za-z0-9._-]*$", ...parameter.schema },
    required: true,
  };
}

/** Returns the path parameters without a description of their own; OpenAPI requires each to be listed. */
function undescribedPathParameters({ path, operation: { parameters = [] } }: Route): Parameter[] {
  const names = [...pathTemplate(path).matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  return names
    .filter((name) => !parameters.some((parameter) => parameter.in === "path" && parameter.name === name))
    .map((name) => ({ name, in: "path", description: `the ${name}`, schema: { type: "string" } }));
}

function requestBody(
  { body = {}, bodyOptional = false, bodyExample }: OperationSchemas,
  { components, example }: DocumentContext,
): JsonSchema {
  const shown = bodyExample && example ? bodyExample(example) : undefined;
  return { required: !bodyOptional, ...contentOf(body, components, shown) };
}

function contentOf(bodies: Bodies, components: Components, example?: unknown): JsonSchema {
  const entries = Object.entries(bodies);
  if (entries.length === 0) return {};
  return {
    content: Object.fromEntries(entries.map(([type, schema], i) => [type, {
      schema: components.use(schema),
      ...(i === 0 && example !== undefined ? { example } : {}),
    }])),
  };
}

function otherAnswers({ otherAnswers = {} }: OperationSchemas): JsonSchema {
  return Object.fromEntries(
    Object.entries(otherAnswers).map(([status, description]) => [status, { description }]),
  );
}
