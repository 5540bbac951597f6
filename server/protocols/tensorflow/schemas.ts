import { z } from "zod";
import type { OperationSchemas } from "../../http/operation.ts";
import { explanationSchema } from "../../routes/schemas/row_answer.ts";
import {
  columnsSchema,
  idsShape,
  instanceSchema,
  namesSchema,
  predictionsSchema,
  probabilitySchema,
} from "../protocol_schemas.ts";

const signature_name = z.enum(["", "serving_default"]).optional();

export const predict: OperationSchemas = {
  body: {
    "application/json": z.union([
      z.looseObject({ signature_name, instances: z.array(instanceSchema) }),
      z.looseObject({ signature_name, inputs: z.union([columnsSchema, z.array(instanceSchema)]) }),
    ]),
  },
  answer: {
    "application/json": z.union([
      predictionsSchema,
      z.object({ outputs: z.array(probabilitySchema), ...idsShape }),
    ]),
  },
  bodyExample: (row) => ({ instances: [row] }),
};

const examples = z.looseObject({
  signature_name,
  context: z.record(z.string(), z.unknown()).optional().describe("features shared by all examples"),
  examples: z.array(z.record(z.string(), z.unknown())),
});

/** A label and its probability, in this order. Not a tuple, which not every OpenAPI tool supports. */
const scoreSchema = z.array(z.union([z.enum(["0", "1"]), probabilitySchema])).length(2);

export const classify: OperationSchemas = {
  body: { "application/json": examples },
  answer: { "application/json": z.object({ results: z.array(z.array(scoreSchema).length(2)), ...idsShape }) },
  bodyExample: (row) => ({ examples: [row] }),
};

export const regress: OperationSchemas = {
  body: { "application/json": examples },
  answer: { "application/json": z.object({ results: z.array(probabilitySchema), ...idsShape }) },
  bodyExample: (row) => ({ examples: [row] }),
};

export const explain: OperationSchemas = {
  ...predict,
  answer: {
    "application/json": z.object({
      explanations: z.array(explanationSchema),
      predictions: z.array(probabilitySchema),
      ...idsShape,
    }),
  },
};

export const status: OperationSchemas = {
  answer: {
    "application/json": z.object({
      name: z.string(),
      ready: z.literal(true),
      model_version_status: z.array(z.object({
        version: z.string(),
        state: z.literal("AVAILABLE"),
        status: z.object({ error_code: z.literal("OK"), error_message: z.literal("") }),
      })),
    }),
  },
};

const tensorInfo = z.object({
  dtype: z.enum(["DT_DOUBLE", "DT_STRING"]),
  tensor_shape: z.object({
    dim: z.array(z.object({ size: z.string(), name: z.string() })),
    unknown_rank: z.boolean(),
  }),
  name: z.string(),
});

export const metadata: OperationSchemas = {
  answer: {
    "application/json": z.object({
      model_spec: z.object({ name: z.string(), signature_name: z.string(), version: z.string() }),
      metadata: z.object({
        signature_def: z.object({
          signature_def: z.object({
            serving_default: z.object({
              inputs: z.record(z.string(), tensorInfo),
              outputs: z.record(z.string(), tensorInfo),
              method_name: z.string(),
            }),
          }),
        }),
      }),
    }),
  },
};

export const names: OperationSchemas = { answer: { "application/json": namesSchema } };

/** Vertex AI: rows, and parameters, which are ignored. */
export const vertex: OperationSchemas = {
  body: {
    "application/json": z.looseObject({
      instances: z.array(instanceSchema),
      parameters: z.unknown().optional(),
    }),
  },
  answer: { "application/json": predictionsSchema },
  bodyExample: (row) => ({ instances: [row] }),
};
