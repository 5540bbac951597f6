import { z } from "zod";
import type { Exchanged } from "../../http/operation.ts";

export const live: Exchanged = { answer: { "application/json": z.object({ live: z.literal(true) }) } };

export const ready: Exchanged = {
  answer: {
    "application/json": z.object({
      ready: z.literal(true),
      model_id: z.string(),
      version: z.int().positive(),
    }),
  },
};
