import { version } from "../../pipeline/version.ts";
import type { JsonSchema, Tag } from "../http/operation.ts";
import type { Route } from "../http/route.ts";
import { rowPartSchemaId, rowPartSchemaOf, rowSchemaId, rowSchemaOf } from "./row_schema.ts";
import type { LoadedModel } from "../models/loaded_model.ts";
import { createComponents } from "./components.ts";
import { operationObject, pathTemplate, securityScheme } from "./operation_object.ts";
import { problemSchema, protocolProblemSchema } from "./responses.ts";

export interface DocumentOptions {
  readonly routes: readonly Route[];
  /** The active model, which defines the fields of a row. */
  readonly model: Pick<LoadedModel, "predictor" | "example" | "keys"> | undefined;
  /** Writes need the admin token. */
  readonly guarded: boolean;
}

const tags: Readonly<Record<Tag, string>> = {
  predictions: "Probabilities of the outcome, label 1",
  models: "The model in production, and all registered models",
  protocols: "The same predictions, for clients of other model servers",
  operation: "Health, metrics and descriptions of the API",
};

const description = `The probability that the label of a row is 1, and the model that computes it.

Every error response is a problem as of RFC 9457, \`application/problem+json\`; clients compare its \`type\`. An unknown path
is answered with \`route-unknown\` (404), and a method that the path does not support with \`method-invalid\` (405) and
\`Allow\`. HEAD is GET without the body. Later versions may add members to responses. Every response identifies its request
by \`X-Request-Id\` or \`request_id\`, and its model by \`X-Model-Id\` or \`model_id\`.`;

/**
 * Returns the OpenAPI document of the HTTP interface: every route of the table, with the fields of the active model.
 *
 * @see OpenAPI 3.1.1
 */
export async function createDocument({ routes, model, guarded }: DocumentOptions): Promise<JsonSchema> {
  const components = createComponents({
    [rowSchemaId]: rowSchemaOf(model),
    [rowPartSchemaId]: rowPartSchemaOf(model),
    Problem: problemSchema,
    ForeignProblem: protocolProblemSchema,
  });
  const context = { components, example: model?.example, guarded };
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of routes) {
    const path = paths[pathTemplate(route.path)] ??= {};
    path[route.method.toLowerCase()] = await operationObject(route, context);
  }
  const security = { [securityScheme]: { type: "http", scheme: "bearer", description: "the admin token" } };
  return {
    openapi: "3.1.1",
    jsonSchemaDialect: "https://spec.openapis.org/oas/3.1/dialect/base",
    info: { title: "clickwell", version, description, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: "/" }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: components.schemas, ...(guarded ? { securitySchemes: security } : {}) },
  };
}
