import { z } from "zod";
import type { Exchanged } from "./operation.ts";
import { rowSchema } from "./row_schema.ts";

export const predictionSchema = z.object({
  probability: z.number().min(0).max(1).describe("that this offer is clicked"),
  model_id: z.string().describe("the model that answered"),
  version: z.int().positive(),
  unseen: z.array(z.string()).optional().describe("fields whose category the model has not seen"),
  request_id: z.string(),
}).meta({ id: "Prediction" });

export const predict: Exchanged = {
  body: { "application/json": rowSchema },
  answer: { "application/json": predictionSchema },
  bodyExample: (row) => row,
};
