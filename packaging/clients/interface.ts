/** How a language writes the types of the interface. */
export interface Language {
  /** By the word of JSON Schema; `any` for all values. */
  readonly words: Readonly<Record<string, string>>;
  readonly values: (values: readonly unknown[]) => string;
  readonly union: (options: readonly string[]) => string;
  readonly array: (item: string) => string;
  readonly map: (value: string) => string;
  readonly variable: (name: string) => string;
  /** Declares a type that is not an object. */
  readonly alias: (name: string, type: string, description: string) => string;
  readonly object: (name: string, members: readonly Member[], schema: Schema) => string;
}

export interface Member {
  readonly name: string;
  readonly description: string;
  readonly type: string;
  readonly required: boolean;
}

/** A parsed schema; any member may be missing. */
export interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface OperationObject {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: Content & { readonly required: boolean };
  readonly responses: Readonly<Record<string, Content>>;
}

export interface Document {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export type Operation = ReturnType<typeof readInterface>["operations"][number];

/**
 * Reads the operations that take and return JSON, except those of other protocols, which have their own clients.
 *
 * @returns Also the declarations of the types that a client can meet: bodies, responses, problems, and the types that they use.
 */
export function readInterface({ paths, components: { schemas } }: Document, language: Language) {
  const types: string[] = [];
  const used = new Set(["Problem"]);

  /** Writes a type. An anonymous object gets the name of its position. */
  function expression(schema: Schema, name: string): string {
    const { type = "any", items = {}, anyOf, additionalProperties: values } = schema;
    if (schema.$ref) return schema.$ref.split("/").at(-1) ?? "";
    if (schema.const !== undefined) return language.values([schema.const]);
    if (schema.enum) return language.values(schema.enum);
    if (schema.properties) return declare(name, schema);
    if (anyOf) {
      return language.union(anyOf.map((option, i) => expression(option, name + (i === 0 ? "" : i + 1))));
    }
    if (typeof type !== "string") return language.union(type.map((type) => expression({ type }, name)));
    if (type === "array") return language.array(expression(items, `${name}Item`));
    if (type !== "object") return language.words[type];
    return language.map(expression(typeof values === "object" ? values : {}, `${name}Value`));
  }

  function declare(name: string, schema: Schema): string {
    const { description = "", properties, required = [] } = schema;
    const members = Object.entries(properties ?? {}).map(([member, schema]) => ({
      name: member,
      description: schema.description ?? "",
      type: expression(schema, name + pascal(member)),
      required: required.includes(member),
    }));
    types.push(
      properties
        ? language.object(name, members, schema)
        : language.alias(name, expression(schema, name), description),
    );
    return name;
  }

  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const { operationId: id, tags, summary, requestBody, responses } = operation;
      const answer = responses["200"]?.content?.["application/json"]?.schema;
      const body = requestBody?.content?.["application/json"]?.schema;
      if (!answer || tags.includes("protocols") || (requestBody && !body)) return [];
      // The clients keep no state, so they have no use for If-None-Match.
      const parameters = operation.parameters?.filter(({ name }) => name !== "If-None-Match") ?? [];
      addReferences([parameters, body, answer]);
      const parametersIn = (place: string) =>
        parameters.filter((parameter) => parameter.in === place).map(({ name, schema }) => ({
          name,
          variable: language.variable(name),
          type: expression(schema, pascal(id) + pascal(name)),
        }));
      return [() => ({
        id,
        method: method.toUpperCase(),
        path,
        summary,
        inPath: parametersIn("path"),
        query: parametersIn("query"),
        header: parametersIn("header"),
        body: body &&
          { type: expression(body, `${pascal(id)}Body`), required: requestBody?.required === true },
        answer: expression(answer, `${pascal(id)}Answer`),
      })];
    })
  );
  // Iterating over a set includes entries that are added on the way.
  for (const name of used) addReferences(schemas[name]);
  for (const [name, schema] of Object.entries(schemas)) if (used.has(name)) declare(name, schema);
  return { types, operations: operations.map((read) => read()) };

  function addReferences(schema: unknown): void {
    for (const [, name] of JSON.stringify(schema).matchAll(/"\$ref":"[^"]*\/(\w+)"/g)) used.add(name);
  }
}

/** Converts `what-if` and `model_id` to WhatIf and ModelId. */
export function pascal(name: string): string {
  return name.split(/[^A-Za-z0-9]+/).map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
