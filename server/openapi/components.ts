import { z } from "zod";
import type { BodySchema, JsonSchema } from "../http/operation.ts";

/** Collects the schemas that have a name, so that the document has each once. */
export interface Components {
  /** @returns The schema as it stands in its place: where it has a name, a reference. */
  use(schema: BodySchema): JsonSchema;
  /** By name. */
  readonly schemas: Readonly<Record<string, JsonSchema>>;
}

/** @param given Schemas that stand in the place of those of their names. */
export function createComponents(given: Readonly<Record<string, JsonSchema>>): Components {
  const schemas: Record<string, JsonSchema> = { ...given };
  return {
    schemas,
    use(schema) {
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
 * As an input, also of an answer: members that a later version adds to an answer are then not forbidden. References lead to
 * where the document has what they name.
 */
function toJsonSchema(schema: z.ZodType): { $defs?: Record<string, JsonSchema>; [keyword: string]: unknown } {
  const text = JSON.stringify(z.toJSONSchema(schema, { io: "input" }));
  return JSON.parse(text.replaceAll('"$ref":"#/$defs/', '"$ref":"#/components/schemas/'));
}
