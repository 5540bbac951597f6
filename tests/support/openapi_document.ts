import { type Output, validate } from "@hyperjump/json-schema/openapi-3-1";
import { registerSchema, unregisterSchema } from "@hyperjump/json-schema/draft-2020-12";
import assert from "node:assert/strict";
import type { JsonSchema } from "../../server/http/operation.ts";

/** What the tests read of an OpenAPI document. */
export interface OpenapiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes?: JsonSchema;
  };
}

export interface OperationObject {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
  readonly security?: unknown;
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>;

/** The operation that a request is one of; undefined where the document has none. */
export function operationOf(
  { paths }: OpenapiDocument,
  method: string,
  path: string,
): OperationObject | undefined {
  const [bare] = path.split("?");
  const name = method === "HEAD" ? "get" : method.toLowerCase();
  const template = Object.keys(paths).find((template) =>
    new RegExp(`^${template.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/:]+")}$`).test(bare)
  );
  return template === undefined ? undefined : paths[template][name];
}

/** An answer as it came. */
export interface Answer {
  readonly status: number;
  readonly contentType: string | null;
  readonly text: string;
}

/**
 * Fails where the document does not say that this request may get this answer. Members that the document does not name
 * are not allowed here: clients have to expect new ones, the tests do not.
 */
export async function checkAnswer(
  document: OpenapiDocument,
  method: string,
  path: string,
  { status, contentType, text }: Answer,
): Promise<void> {
  const operation = operationOf(document, method, path);
  if (!operation) {
    assert.ok(status >= 400, `${method} ${path} answers ${status} and is not in the document`);
    const name = contentType === "application/json" ? "ForeignProblem" : "Problem";
    return checkSchema(document, { $ref: `#/components/schemas/${name}` }, JSON.parse(text));
  }
  const response = operation.responses[status];
  assert.ok(response, `${method} ${path} answers ${status}, which its document does not say: ${text}`);
  if (method === "HEAD") return;
  const type = contentType?.split(";")[0] ?? null;
  if (!response.content) return assert.deepEqual([type, text], [null, ""]);
  const schema = response.content[type ?? ""]?.schema;
  assert.ok(schema, `${method} ${path} answers ${status} as ${type}`);
  // MLflow's ping is a line's end, and says that it is JSON.
  if (/[/+]json$/.test(type ?? "") && text !== "\n") await checkSchema(document, schema, JSON.parse(text));
}

/** @throws {assert.AssertionError} where the value is not as the schema says, with all that is wrong. */
async function checkSchema(document: OpenapiDocument, schema: JsonSchema, value: unknown): Promise<void> {
  const closed = closeObjects({ ...schema, components: document.components });
  assert.deepEqual(await errorsOf(closed, value), [], JSON.stringify(value).slice(0, 500));
}

/** True where the body of an operation may be this. */
export async function takesBody(document: OpenapiDocument, operation: OperationObject, body: unknown) {
  const { schema } = operation.requestBody?.content["application/json"] ?? { schema: {} };
  return (await errorsOf({ ...schema, components: document.components }, body)).length === 0;
}

/** Errors of the document itself. */
export async function errorsOfDocument(document: unknown): Promise<string[]> {
  const validator = await validate("https://spec.openapis.org/oas/3.1/schema-base");
  return errorsIn(validator(toJson(document), "BASIC"));
}

/** Compiled schemas by their text: most tests ask for the same. */
const compiled = new Map<string, ReturnType<typeof compile>>();

async function errorsOf(schema: JsonSchema, value: unknown): Promise<string[]> {
  const text = JSON.stringify(schema);
  const known = compiled.get(text) ?? compile(text, compiled.size);
  compiled.set(text, known);
  return errorsIn((await known)(toJson(value), "BASIC"));
}

async function compile(text: string, index: number) {
  const uri = `https://clickwell.example/schema/${index}`;
  registerSchema(JSON.parse(text), uri, "https://json-schema.org/draft/2020-12/schema");
  const validator = await validate(uri);
  unregisterSchema(uri);
  return validator;
}

function toJson(value: unknown) {
  return JSON.parse(JSON.stringify(value));
}

function errorsIn(output: Output): string[] {
  const errors = output.valid ? [] : output.errors ?? [];
  return errors.map(({ keyword, instanceLocation }) => `${instanceLocation}: ${keyword.split("/").at(-1)}`);
}

/** What an object's schema does not name, it does not allow. */
function closeObjects<T>(schema: T): T {
  return JSON.parse(
    JSON.stringify(schema),
    (_, value) =>
      typeof value?.properties === "object" && value.type === "object" && !("additionalProperties" in value)
        ? { ...value, unevaluatedProperties: false }
        : value,
  );
}
