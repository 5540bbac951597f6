import { z } from "zod";
import type { Field } from "../../pipeline/model/predictor.ts";
import type { JsonSchema } from "../http/operation.ts";
import type { LoadedModel } from "../models/loaded_model.ts";

/** What the row of raw fields is called in the document. */
export const rowSchemaId = "Row";

/**
 * A row of raw fields, wherever one goes in. What its fields are depends on the model in production: the document has that
 * model's signature in this one's place (`signature.ts`), and the model's own checker is what checks rows.
 */
export const rowSchema = z.record(z.string(), z.unknown()).meta({ id: rowSchemaId });

export const rowPartSchemaId = "RowPart";

/** Some of a row's fields, likewise. */
export const rowPartSchema = z.record(z.string(), z.unknown()).meta({ id: rowPartSchemaId });

/** Fields with more levels than this have some of them as examples, and no list. */
const levelsListedMax = 100;
const examplesShown = 5;

type ModelSignature = Pick<LoadedModel, "predictor" | "example" | "keys"> | undefined;

/** A row of raw fields as the model takes it: each field is there, and no other; or a key by which the store knows it. */
export function rowSchemaOf(model: ModelSignature): JsonSchema {
  if (!model) return unknownFields;
  const { predictor: { fields }, example, keys } = model;
  const required = fields.map(({ name }) => name);
  return {
    type: "object",
    description: "The raw fields of one row, as the model in production takes them.",
    properties: propertiesOf(model),
    ...(keys ? { anyOf: [{ required }, withKey(keys.id), withKey(keys.group)] } : { required }),
    additionalProperties: false,
    ...(example ? { examples: [example] } : {}),
  };
}

/** Some of a row's fields, which others join. */
export function rowPartSchemaOf(model: ModelSignature): JsonSchema {
  if (!model) return unknownFields;
  return {
    type: "object",
    description: "Some of the raw fields of one row; others are added to them.",
    properties: propertiesOf(model),
    additionalProperties: false,
  };
}

const unknownFields: JsonSchema = {
  type: "object",
  description: "The raw fields of one row. No model is in production, so the fields are not known.",
};

function propertiesOf({ predictor: { fields }, keys }: NonNullable<ModelSignature>): JsonSchema {
  return Object.fromEntries([
    ...(keys ? [keys.id, keys.group].map((name) => [name, keySchema]) : []),
    ...fields.map((field) => [field.name, fieldSchema(field)]),
  ]);
}

/** A double beyond these stands for several integers, and one that is a key or a category is refused: see `levelOf`. */
const exactIntegers = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER } as const;

const keySchema: JsonSchema = {
  type: ["string", "number", "null"],
  ...exactIntegers,
  description:
    "a key by which the store knows the row: fields that are left out come from there; beyond 2^53, send a string",
};

/** Which spellings are one level. */
const spellings = {
  integer: '; 12, 12.0, "12" and "012" are one, and so are true and 1; beyond 2^53, send a string',
  real: '; 0.5 and "0.50" are one, and so are true and 1',
  text: '; "12" and 12 are one, "012" is another',
} as const;

/** A row that the store is asked for. */
function withKey(name: string): JsonSchema {
  return { required: [name], properties: { [name]: { type: ["string", "number"], ...exactIntegers } } };
}

function fieldSchema(field: Field): JsonSchema {
  const orNull = field.nullable ? ["null"] : [];
  const unknown = field.nullable ? "; null where it is not known" : "";
  if (field.type === "numeric") return { type: ["number", ...orNull], description: `a number${unknown}` };

  // A category may be spelled as a string, a number or a boolean, and one that is not known is answered: a list of the
  // levels alone would forbid what is taken.
  const { levels = [], values } = field;
  const bounds = values === "integer" || values === "text" ? exactIntegers : {};
  const any = { type: ["string", "number", "boolean", ...orNull], ...bounds };
  const spelling = values ? spellings[values] : "";
  const description = `a category, of which the model knows ${levels.length}${unknown}${spelling}`;
  if (levels.length === 0 || levels.length > levelsListedMax) {
    return { ...any, description, examples: levels.slice(0, examplesShown) };
  }
  return {
    description,
    anyOf: [{ enum: levels, description: "known" }, {
      ...any,
      description: "any other, answered and named in `unseen`",
    }],
  };
}
