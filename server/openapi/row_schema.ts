import { z } from "zod";
import type { Field } from "../../pipeline/model/signature.ts";
import type { JsonSchema } from "../http/operation.ts";
import type { LoadedModel } from "../models/loaded_model.ts";

/** Name of the row of raw fields in the document. */
export const rowSchemaId = "Row";

/**
 * A placeholder for a row of raw fields. Its fields depend on the active model: the document replaces it by
 * {@link rowSchemaOf}, and rows are checked by the model itself.
 */
export const rowSchema = z.record(z.string(), z.unknown()).meta({ id: rowSchemaId });

export const rowPartSchemaId = "RowPart";

/** A placeholder for some of a row's fields. */
export const rowPartSchema = z.record(z.string(), z.unknown()).meta({ id: rowPartSchemaId });

/** Fields with more levels than this list only a few of them, as examples. */
const levelsListedMax = 100;
const examplesShown = 5;

type ModelSignature = Pick<LoadedModel, "predictor" | "example" | "keys"> | undefined;

/** Returns the schema of a row: all of the model's fields and no others, or a key of the store. */
export function rowSchemaOf(model: ModelSignature): JsonSchema {
  if (!model) return unknownFields;
  const { predictor: { fields }, example, keys } = model;
  const required = fields.map(({ name }) => name);
  return {
    type: "object",
    description: "The raw fields of one row, as defined by the model in production.",
    properties: propertiesOf(model),
    ...(keys ? { anyOf: [{ required }, withKey(keys.id), withKey(keys.group)] } : { required }),
    additionalProperties: false,
    ...(example ? { examples: [example] } : {}),
  };
}

/** Returns the schema of a part of a row. */
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

function propertiesOf({ predictor: { fields, unused }, keys }: NonNullable<ModelSignature>): JsonSchema {
  return Object.fromEntries([
    ...(keys ? [keys.id, keys.group].map((name) => [name, keySchema]) : []),
    ...fields.map((field) => [field.name, fieldSchema(field)]),
    ...unused.map((
      name,
    ) => [name, { description: "not used: every row is scored as the feature spec says" }]),
  ]);
}

/** A double beyond these stands for several integers, and is rejected as a key or a category: see `levelOf`. */
const exactIntegers = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER } as const;

const keySchema: JsonSchema = {
  type: ["string", "number", "null"],
  ...exactIntegers,
  description:
    "a key of the row in the store, from which omitted fields are read; send integers beyond 2^53 as a string",
};

/** Which spellings stand for the same level. */
const spellings = {
  integer:
    '; 12, 12.0, "12" and "012" are the same category, and so are true and 1; send integers beyond 2^53 as a string',
  real: '; 0.5 and "0.50" are the same category, and so are true and 1',
  text: '; "12" and 12 are the same category, "012" is another',
} as const;

/** Returns the schema of a row that has a key of the store. */
function withKey(name: string): JsonSchema {
  return { required: [name], properties: { [name]: { type: ["string", "number"], ...exactIntegers } } };
}

function fieldSchema(field: Field): JsonSchema {
  const orNull = field.nullable ? ["null"] : [];
  const unknown = field.nullable ? "; null if not known" : "";
  if (field.type === "numeric") return { type: ["number", ...orNull], description: `a number${unknown}` };
  if (field.type === "time") {
    const description =
      `a time: ISO 8601, UTC without a zone, or microseconds since 1970-01-01T00:00:00Z${unknown}`;
    return { type: ["number", "string", ...orNull], description, examples: ["2024-01-31T10:15:00Z"] };
  }

  // A category may be a string, a number or a boolean, and an unknown one is answered too: a list of the levels alone would
  // forbid valid values.
  const { levels = [], values, wordCount } = field;
  const bounds = values === "integer" || values === "text" ? exactIntegers : {};
  const any = { type: ["string", "number", "boolean", ...orNull], ...bounds };
  if (wordCount !== undefined) {
    return {
      ...any,
      description: `a text; the model knows ${wordCount} words${unknown}`,
      examples: ["a text"],
    };
  }
  const spelling = values ? spellings[values] : "";
  const description = `a category; the model knows ${levels.length}${unknown}${spelling}`;
  if (levels.length === 0 || levels.length > levelsListedMax) {
    return { ...any, description, examples: levels.slice(0, examplesShown) };
  }
  return {
    description,
    anyOf: [{ enum: levels, description: "known" }, {
      ...any,
      description: "any other category; the field is then listed in `unseen`",
    }],
  };
}
