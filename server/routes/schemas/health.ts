import { z } from "zod";
import type { OperationSchemas } from "../../http/operation.ts";

export const live: OperationSchemas = { answer: { "application/json": z.object({ live: z.literal(true) }) } };

export const ready: OperationSchemas = {
  answer: {
    "application/json": z.object({
      ready: z.literal(true),
      model_id: z.string(),
      version: z.int().positive(),
    }),
  },
};
