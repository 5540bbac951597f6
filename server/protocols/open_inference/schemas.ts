import { z } from "zod";
import type { OperationSchemas } from "../../http/operation.ts";
import { bytes, namesSchema, probabilitySchema } from "../protocol_schemas.ts";
import { datatypes } from "./tensor_bytes.ts";

const json = (schema: z.ZodType) => ({ answer: { "application/json": schema } });

export const server: OperationSchemas = json(
  z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }),
);
export const live: OperationSchemas = json(z.object({ live: z.literal(true) }));
export const ready: OperationSchemas = json(z.object({ live: z.literal(true), ready: z.literal(true) }));
export const names: OperationSchemas = json(namesSchema);
export const modelReady: OperationSchemas = json(z.object({ name: z.string(), ready: z.literal(true) }));

const datatype = z.enum(Object.keys(datatypes));
const shape = z.array(z.int());
const parameters = z.record(z.string(), z.unknown()).optional();

export const metadata: OperationSchemas = json(z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(z.object({ name: z.string(), datatype, shape })),
  outputs: z.array(z.object({ name: z.string(), datatype, shape })),
}));

const input = z.looseObject({
  name: z.string(),
  datatype,
  shape: z.array(z.int().min(0)),
  data: z.array(z.unknown()).optional().describe(
    "row-major, nested or flat; null for an unknown value. Absent if the values follow the JSON as bytes",
  ),
  parameters,
});

export const infer: OperationSchemas = {
  body: {
    "application/json": z.looseObject({
      id: z.string().optional(),
      parameters,
      inputs: z.array(input).describe(
        "a tensor per field, of shape [N] or [N, 1]; or one of shape [N, fields]",
      ),
      outputs: z.array(z.looseObject({ name: z.literal("probability"), parameters })).optional(),
    }),
    ...bytes,
  },
  answer: {
    "application/json": z.object({
      model_name: z.string(),
      model_version: z.string(),
      id: z.string(),
      parameters: z.object({ model_id: z.string(), request_id: z.string() }),
      outputs: z.array(z.object({
        name: z.literal("probability"),
        shape: z.array(z.int().min(0)).length(1),
        datatype: z.literal("FP64"),
        data: z.array(probabilitySchema),
      })),
    }),
    ...bytes,
  },
  bodyExample: (row) => ({
    inputs: Object.entries(row).map(([name, value]) => ({
      name,
      shape: [1],
      datatype: typeof value === "number" ? "FP64" : "BYTES",
      data: [value],
    })),
  }),
};

const options = {
  body: { "application/json": z.looseObject({ ready: z.boolean().optional(), parameters }) },
  bodyOptional: true,
};

export const index: OperationSchemas = {
  ...options,
  ...json(z.array(z.object({
    name: z.string(),
    version: z.string(),
    state: z.enum(["READY", "UNAVAILABLE"]),
    reason: z.string(),
  }))),
};

export const load: OperationSchemas = {
  ...options,
  ...json(z.object({ name: z.string(), load: z.literal(true) })),
};
export const unload: OperationSchemas = {
  ...options,
  ...json(z.object({ name: z.string(), unload: z.literal(true) })),
};
