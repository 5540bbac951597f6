import { z } from "zod";
import { reaches } from "../../../pipeline/model/follow_state.ts";
import type { OperationSchemas } from "../../http/operation.ts";

const field = z.object({
  name: z.string(),
  type: z.enum(["numeric", "categorical", "time"]),
  nullable: z.boolean().describe("true if null may be sent for an unknown value"),
  level_count: z.int().min(0).optional().describe("number of categories that the model knows"),
  levels: z.array(z.string()).optional().describe("the first 50 of these categories"),
}).meta({ id: "Field", description: "A raw field of the model in production." });

const route = z.object({ method: z.string(), path: z.string(), summary: z.string(), write: z.boolean() });

export const index: OperationSchemas = {
  answer: {
    "application/json": z.object({
      name: z.literal("clickwell"),
      version: z.string(),
      model: z.object({
        model_id: z.string(),
        version: z.int().positive(),
        fields: z.array(field),
        example: z.record(z.string(), z.unknown()).nullable().describe("an example row for POST /predict"),
      }).nullable(),
      routes: z.array(route),
    }),
  },
  otherAnswers: { 303: "redirect to `/docs` if the client accepts `text/html`" },
};

export const live: OperationSchemas = { answer: { "application/json": z.object({ live: z.literal(true) }) } };

export const ready: OperationSchemas = {
  answer: {
    "application/json": z.object({
      ready: z.literal(true),
      model_id: z.string(),
      version: z.int().positive(),
      registry: z.enum(reaches).optional().describe(
        "only of a registry that is not in the data folder: whether it answered when it was last looked at",
      ),
      artifacts: z.enum(["reachable", "unreachable"]).optional().describe(
        "whether other models can be fetched, if they are in an object store",
      ),
    }),
  },
};

export const openapi: OperationSchemas = {
  answer: {
    "application/json": {
      type: "object",
      properties: { openapi: { type: "string", pattern: "^3\\.1\\." } },
      required: ["openapi", "info", "paths"],
      additionalProperties: true,
    },
  },
};
