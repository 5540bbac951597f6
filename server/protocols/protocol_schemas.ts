import { z } from "zod";
import { rowSchema } from "../openapi/row_schema.ts";

/** A row as the protocols by rows take it. */
export const instanceSchema = z.union([
  rowSchema,
  z.record(z.string(), z.unknown()).describe('the same, with values in lists of one, or texts as {"b64": …}'),
  z.array(z.unknown()).describe("the values of the model's fields, in their order"),
]);

export const columnsSchema = z.record(z.string(), z.unknown())
  .describe("a list of values per field, all of one length; or one value per field");

export const probabilitySchema = z.number().min(0).max(1);

/** What every answer with probabilities says of itself. */
export const idsShape = {
  model_id: z.string().describe("the model that answered"),
  model_version: z.string().regex(/^[0-9]+$/),
  request_id: z.string(),
};

export const predictionsSchema = z.object({ predictions: z.array(probabilitySchema), ...idsShape })
  .meta({ id: "Predictions" });

export const namesSchema = z.object({ models: z.array(z.string()) });

/** Says in bytes what nobody can say in JSON. */
export const bytes = { "application/octet-stream": {} };
