import { z } from "zod";
import { adminSchemas } from "./admin_body.ts";
import type { OperationSchemas } from "../../http/operation.ts";

const modelId = z.string().describe(
  "the model's id: cw- and 16 hexadecimal digits, derived from its content",
);
const version = z.int().positive().describe("the model's number in this store: 1, 2, 3 …");
const instant = z.string().meta({ format: "date-time" });

const assignmentAnswerSchema = z.object({
  model_id: modelId,
  version,
  assigned_at: instant,
  assigned_by: z.string(),
  reason: z.string().nullable(),
  assignment_id: z.int().positive().describe("increases with every assignment of this store"),
}).meta({ id: "Assignment", description: "The model in production: when, by whom and why it was assigned." });

const modelAnswerSchema = z.object({
  model_id: modelId,
  version,
  aliases: z.array(z.string()).describe("names that can be used in place of its id"),
  active: z.boolean().describe("true for the model in production"),
  created_at: instant,
  hyper_parameters: z.record(z.string(), z.unknown()),
  metrics: z.record(z.string(), z.unknown()).describe("metrics on the rows held out of training"),
  checksum: z.string().describe("checksum of the model's files"),
}).meta({ id: "Model", description: "A registered model." });

export type AssignmentAnswer = z.infer<typeof assignmentAnswerSchema>;
export type ModelAnswer = z.infer<typeof modelAnswerSchema>;

export const getModel: OperationSchemas = { answer: { "application/json": assignmentAnswerSchema } };

export const assignModel: OperationSchemas = {
  body: { "application/json": adminSchemas.assignment },
  answer: { "application/json": assignmentAnswerSchema },
};

export const rollBackModel: OperationSchemas = {
  body: { "application/json": adminSchemas.change },
  bodyOptional: true,
  answer: { "application/json": assignmentAnswerSchema },
};

export const modelHistory: OperationSchemas = {
  answer: {
    "application/json": z.object({
      history: z.array(assignmentAnswerSchema),
      next: z.string().nullable().describe("path of the next, older page; null on the last page"),
    }).meta({ id: "History", description: "Assignments, newest first." }),
  },
};

export const listModels: OperationSchemas = {
  answer: {
    "application/json": z.object({ models: z.array(modelAnswerSchema) }).meta({
      id: "Models",
      description: "All models, newest first.",
    }),
  },
};

export const showModel: OperationSchemas = { answer: { "application/json": modelAnswerSchema } };
