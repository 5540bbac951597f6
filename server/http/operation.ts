import type { ZodType } from "zod";
import type { FailureKind } from "../../pipeline/failure.ts";

/** JSON Schema, draft 2020-12, as plain data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** A schema of a body: the one that checks it where there is one, else plain data. */
export type BodySchema = ZodType | JsonSchema;

/** The chapters of the document. */
export type Tag = "predictions" | "models" | "protocols" | "operation";

/** What a client may set beside the body. Parts of the path are known from the path; they are here to be described. */
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly schema: JsonSchema;
  readonly required?: boolean;
}

/** Bodies by media type. None at all: there is no body. */
export type Bodies = Readonly<Record<string, BodySchema>>;

/** What an operation takes and answers. */
export interface OperationSchemas {
  readonly body?: Bodies;
  /** It may be left out. */
  readonly bodyOptional?: boolean;
  /** Of status 200. */
  readonly answer: Bodies;
  /** Answers without a body that are no problems, by status: what they mean. 304 follows from the parameter for it. */
  readonly otherAnswers?: Readonly<Record<number, string>>;
  /** A body that the model in production answers, made of a row that it knows. Of the first media type. */
  readonly bodyExample?: (row: Readonly<Record<string, unknown>>) => unknown;
}

/** What the OpenAPI document says of a route, beside what routing itself needs. */
export interface Operation {
  /** Its name in the document and in the clients that are made from it, in camel case. It stays. */
  readonly id: string;
  readonly tag: Tag;
  /** More than the summary says; Markdown. */
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  /** The problems that it may answer with, beside those that follow from having a body, a path and the check for the token. */
  readonly problems?: readonly FailureKind[];
  /** Loaded when the document is asked for: the library of the schemas would cost every start of the server. */
  readonly schemas: () => OperationSchemas | Promise<OperationSchemas>;
}
