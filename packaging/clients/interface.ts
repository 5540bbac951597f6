/** The interface of the server for clients, read from its OpenAPI document. */
export interface Interface {
  readonly version: string;
  /** Types in the order of the document; every object has a name. */
  readonly types: readonly NamedType[];
  readonly operations: readonly Operation[];
}

export interface NamedType {
  readonly name: string;
  readonly description: string;
  readonly type: Type;
}

export type Type =
  | { readonly kind: "any" | "string" | "number" | "integer" | "boolean" | "null" }
  | { readonly kind: "values"; readonly values: readonly unknown[] }
  | { readonly kind: "union"; readonly options: readonly Type[] }
  | { readonly kind: "array"; readonly items: Type }
  | { readonly kind: "map"; readonly values: Type }
  | { readonly kind: "name"; readonly name: string }
  | ObjectType;

export interface ObjectType {
  readonly kind: "object";
  readonly members: readonly Member[];
  /** Alternative sets of required members. */
  readonly alternatives: readonly (readonly string[])[];
  /** Whether it may have further members. */
  readonly open: boolean;
}

export interface Member {
  readonly name: string;
  readonly description: string;
  readonly type: Type;
  readonly required: boolean;
}

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  readonly body: { readonly type: Type; readonly required: boolean } | undefined;
  readonly answer: Type;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly type: Type;
}

/** A parsed schema; any member may be missing. */
interface Schema {
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
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: Parameter["in"];
    readonly description: string;
    readonly schema: Schema;
  }[];
  readonly requestBody?: Content & { readonly required: boolean };
  readonly responses: Readonly<Record<string, Content>>;
}

export interface Document {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const json = "application/json";
/** Parameters that the stateless clients do not use. */
const leftOut = new Set(["If-None-Match"]);

/** Reads the operations that take and return JSON, except those of other protocols, which have their own clients. */
export function readInterface({ info, paths, components }: Document): Interface {
  const types: NamedType[] = [];
  const read = typeReader(types);
  for (const [name, schema] of Object.entries(components.schemas)) {
    types.push({ name, description: schema.description ?? "", type: read(schema, name, true) });
  }
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => readOperation({ path, method, operation }, read))
  );
  const used = namesUsed(operations, types);
  return { version: info.version, types: types.filter(({ name }) => used.has(name)), operations };
}

/** Returns the types that a client can meet: bodies, responses, problems, and the types that they use. */
function namesUsed(operations: readonly Operation[], types: readonly NamedType[]): Set<string> {
  const byName = new Map(types.map((named) => [named.name, named.type]));
  const used = new Set(["Problem"]);
  const visit = (type: Type): void => {
    if (type.kind === "name") used.add(type.name);
    else if (type.kind === "union") type.options.forEach(visit);
    else if (type.kind === "array") visit(type.items);
    else if (type.kind === "map") visit(type.values);
    else if (type.kind === "object") type.members.forEach((member) => visit(member.type));
  };
  for (const { parameters, body, answer } of operations) {
    for (const type of [...parameters.map(({ type }) => type), ...(body ? [body.type] : []), answer]) {
      visit(type);
    }
  }
  // Iterating over a set includes entries that are added on the way.
  for (const name of used) visit(byName.get(name) ?? { kind: "any" });
  return used;
}

type Read = (schema: Schema, name: string, isNamed?: boolean) => Type;

function readOperation(
  { path, method, operation }: { path: string; method: string; operation: OperationObject },
  read: Read,
): Operation[] {
  const { operationId: id, tags, summary, parameters = [], requestBody, responses } = operation;
  const answer = responses["200"]?.content?.[json]?.schema;
  const body = requestBody?.content?.[json]?.schema;
  if (!answer || tags.includes("protocols") || (requestBody && !body)) return [];
  const name = pascal(id);
  return [{
    id,
    method: method.toUpperCase(),
    path,
    summary,
    parameters: parameters.filter(({ name }) => !leftOut.has(name)).map((parameter) => ({
      name: parameter.name,
      in: parameter.in,
      description: parameter.description,
      type: read(parameter.schema, name + pascal(parameter.name)),
    })),
    body: body && { type: read(body, `${name}Body`), required: requestBody?.required === true },
    answer: read(answer, `${name}Answer`),
  }];
}

/** Reads types. An anonymous object gets a name from its position. */
function typeReader(types: NamedType[]): Read {
  const read: Read = (schema, name, isNamed = false) => {
    if (schema.$ref) return { kind: "name", name: schema.$ref.split("/").at(-1) ?? "" };
    if (schema.const !== undefined) return { kind: "values", values: [schema.const] };
    if (schema.enum) return { kind: "values", values: schema.enum };
    if (schema.properties) {
      const type = readObject(schema, name);
      if (isNamed) return type;
      types.push({ name, description: schema.description ?? "", type });
      return { kind: "name", name };
    }
    if (schema.anyOf) {
      const options = schema.anyOf.map((option, i) => read(option, i === 0 ? name : `${name}${i + 1}`));
      return { kind: "union", options };
    }
    return readSimple(schema, name);
  };

  function readObject(
    { properties = {}, required = [], anyOf = [], additionalProperties = false }: Schema,
    name: string,
  ): ObjectType {
    return {
      kind: "object",
      members: Object.entries(properties).map(([member, schema]) => ({
        name: member,
        description: schema.description ?? "",
        type: read(schema, name + pascal(member)),
        required: required.includes(member),
      })),
      alternatives: anyOf.map(({ required = [] }) => required),
      open: additionalProperties !== false,
    };
  }

  function readSimple({ type, items, additionalProperties }: Schema, name: string): Type {
    if (Array.isArray(type)) {
      return { kind: "union", options: type.map((type) => read({ type }, name)) };
    }
    switch (type) {
      case "array":
        return { kind: "array", items: read(items ?? {}, `${name}Item`) };
      case "object": {
        const values = typeof additionalProperties === "object" ? additionalProperties : {};
        return { kind: "map", values: read(values, `${name}Value`) };
      }
      case "string":
      case "number":
      case "integer":
      case "boolean":
      case "null":
        return { kind: type };
      default:
        return { kind: "any" };
    }
  }
  return read;
}

/** Converts `what-if` and `model_id` to WhatIf and ModelId. */
export function pascal(name: string): string {
  return name.split(/[^A-Za-z0-9]+/).map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
