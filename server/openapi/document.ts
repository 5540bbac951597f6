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
  /** The model in production, whose fields are a row's. */
  readonly model: Pick<LoadedModel, "predictor" | "example" | "keys"> | undefined;
  /** Writes need the admin token. */
  readonly guarded: boolean;
}

const tags: Readonly<Record<Tag, string>> = {
  predictions: "The probability of the outcome, label 1",
  models: "Which model is in production, and which there are",
  protocols: "The same predictions, for clients of other servers",
  operation: "Health, and what is here",
};

const description = `The probability that the label of a row is 1, and the model that computes it.

Whatever goes wrong is told as a problem of RFC 9457, \`application/problem+json\`: compare its \`type\`. A path that is not
here gets \`route-unknown\` (404), a method that a path does not have \`method-invalid\` (405) with \`Allow\`. HEAD is GET
without the body. Answers may have more members in a later version. Every answer names its request in \`X-Request-Id\` or
\`request_id\`, and the model in \`X-Model-Id\` or \`model_id\`.`;

/**
 * The HTTP interface as an OpenAPI document: every route of the table, with rows as the model in production takes them.
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
