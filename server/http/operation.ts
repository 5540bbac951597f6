import type { ZodType } from "zod";
import type { FailureKind } from "../../pipeline/failure.ts";

/** JSON Schema, draft 2020-12, as plain data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** The schema of a body: the zod schema that validates it, if there is one, else plain data. */
export type BodySchema = ZodType | JsonSchema;

/** The sections of the OpenAPI document. */
export type Tag = "predictions" | "models" | "protocols" | "operation";

/** A parameter in the path, query or headers. Path parameters follow from the path and are listed only for their descriptions. */
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly schema: JsonSchema;
  readonly required?: boolean;
}

/** Bodies by media type; empty if there is no body. */
export type Bodies = Readonly<Record<string, BodySchema>>;

/** The schemas of an operation. */
export interface OperationSchemas {
  readonly body?: Bodies;
  /** The body is optional. */
  readonly bodyOptional?: boolean;
  /** The answer with status 200. */
  readonly answer: Bodies;
  /** Descriptions of answers without a body that are not problems, by status. 304 follows from the parameter `If-None-Match`. */
  readonly otherAnswers?: Readonly<Record<number, string>>;
  /** Returns an example body of the first media type, from an example row of the active model. */
  readonly bodyExample?: (row: Readonly<Record<string, unknown>>) => unknown;
}

/** The description of a route in the OpenAPI document. */
export interface Operation {
  /** The operation id in the document and in the generated clients, in camel case. It must not change. */
  readonly id: string;
  readonly tag: Tag;
  /** Details in Markdown. */
  readonly description?: string | undefined;
  readonly parameters?: readonly Parameter[] | undefined;
  /** Kinds of problems, except those that follow from the body, the path and the token check. */
  readonly problems?: readonly FailureKind[] | undefined;
  /** Loaded when the document is requested: loading zod would slow down every start of the server. */
  readonly schemas: () => OperationSchemas | Promise<OperationSchemas>;
}
