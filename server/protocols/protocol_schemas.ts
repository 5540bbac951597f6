import { z } from "zod";
import { rowSchema } from "../openapi/row_schema.ts";

/** A row as the protocols that send rows have it. */
export const instanceSchema = z.union([
  rowSchema,
  z.record(z.string(), z.unknown()).describe('a row with values in lists of one, or strings as {"b64": …}'),
  z.array(z.unknown()).describe("the values of the model's fields, in their order"),
]);

export const columnsSchema = z.record(z.string(), z.unknown())
  .describe("one list of values per field, all of the same length; or one value per field");

export const probabilitySchema = z.number().min(0).max(1);

/** Members of every answer with probabilities. */
export const idsShape = {
  model_id: z.string().describe("the model that answered"),
  model_version: z.string().regex(/^[0-9]+$/),
  request_id: z.string(),
};

export const predictionsSchema = z.object({ predictions: z.array(probabilitySchema), ...idsShape })
  .meta({ id: "Predictions" });

export const namesSchema = z.object({ models: z.array(z.string()) });

/** A body of JSON and binary tensors, which no JSON schema describes. */
export const bytes = { "application/octet-stream": {} };
