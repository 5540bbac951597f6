import { z } from "zod";
import type { BodySchema, JsonSchema } from "../http/operation.ts";
import { parseJsonOfDoubles } from "../../pipeline/exact_json.ts";

/** Collects the named schemas, so that the document contains each once. */
export type Components = ReturnType<typeof createComponents>;

/** @param given Schemas that replace the collected ones of the same name. */
export function createComponents(given: Readonly<Record<string, JsonSchema>>) {
  const schemas: Record<string, JsonSchema> = { ...given };
  return {
    /** By name. */
    schemas,
    /** @returns The schema to write in its place: a reference if the schema has a name. */
    use(schema: BodySchema): JsonSchema {
      if (!isZod(schema)) return schema;
      const { $schema: _, $defs = {}, ...own } = toJsonSchema(schema);
      for (const [name, definition] of Object.entries($defs)) schemas[name] ??= definition;
      return own;
    },
  };
}

function isZod(schema: BodySchema): schema is z.ZodType {
  return schema instanceof z.ZodType;
}

/**
 * Converts a schema to JSON Schema whose references point to the document's components. Answers are converted as inputs too,
 * so that members added in a later version are not forbidden.
 */
function toJsonSchema(schema: z.ZodType): { $defs?: Record<string, JsonSchema>; [keyword: string]: unknown } {
  const text = JSON.stringify(z.toJSONSchema(schema, { io: "input" }));
  return parseJsonOfDoubles(text.replaceAll('"$ref":"#/$defs/', '"$ref":"#/components/schemas/'));
}
