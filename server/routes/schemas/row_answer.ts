import { z } from "zod";
import type { OperationSchemas } from "../../http/operation.ts";
import { batchSchema, rankSchema, whatIfSchema } from "./row_body.ts";
import { rowSchema } from "../../openapi/row_schema.ts";

const probability = z.number().min(0).max(1).describe("probability that the label of this row is 1");
const unseen = z.array(z.string()).optional().describe("fields with a category that the model has not seen");

const intervalSchema = z.object({
  level: z.number(),
  low: z.number().min(0).max(1),
  high: z.number().min(0).max(1),
}).describe(
  "interval of the probability, from the covariance of the model's coefficients or resamples of its tables",
).meta({
  id: "Interval",
});

const logOdds = z.number().nullable();
export const explanationSchema = z.object({
  logit: logOdds.describe("log-odds: the sum of intercept, contributions, network and calibration"),
  intercept: z.number(),
  contributions: z.record(z.string(), logOdds).describe(
    "log-odds by field, and by pair of fields that has a table",
  ),
  network: logOdds.optional()
    .describe("only for models with hidden layers: log-odds from the fields' interactions"),
  calibration: logOdds.optional()
    .describe(
      "only for models with an isotonic calibration: what the map adds to the sum of the other parts",
    ),
}).meta({ id: "Explanation" });

const details = {
  interval: intervalSchema.optional().describe("present if requested"),
  explanation: explanationSchema.optional().describe("present if requested"),
};

/** Members of the answer to a row. */
export const rowAnswer = { probability, unseen, ...details };

/** Members that identify the model and the request. */
export const answeredBy = {
  model_id: z.string().describe("the model that answered"),
  version: z.int().positive(),
  request_id: z.string(),
};

const rowErrorSchema = z.object({
  index: z.int().min(0).describe("position of the row, from 0"),
  error: z.object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z.array(
      z.object({ pointer: z.string().describe("JSON pointer into the row"), detail: z.string() }),
    )
      .optional(),
  }).describe("a problem as of RFC 9457"),
}).meta({ id: "RowError" });

const rowAnswerSchema = z.object(rowAnswer).meta({ id: "RowAnswer" });
const answersSchema = z.array(z.union([rowAnswerSchema, rowErrorSchema])).describe(
  "in the order of the rows",
);

const columnAnswersSchema = z.object({
  columns: z.object({
    probability: z.array(probability.nullable()),
    interval: z.array(intervalSchema.nullable()).optional(),
    explanation: z.array(explanationSchema.nullable()).optional(),
  }).describe("one value per row; null for a row that cannot be answered"),
  unseen: z.record(z.string(), z.array(z.int())).optional()
    .describe("by field, positions of the rows with a category that the model has not seen"),
  errors: z.array(rowErrorSchema).optional(),
  ...answeredBy,
});

export const predictBatch: OperationSchemas = {
  body: { "application/json": batchSchema, "application/x-ndjson": rowSchema },
  answer: {
    "application/json": z.union([
      answersSchema,
      z.object({ rows: answersSchema, ...answeredBy }),
      columnAnswersSchema,
    ]),
    "application/x-ndjson": z.union([rowAnswerSchema, rowErrorSchema]),
  },
  bodyExample: (row) => ({ rows: [row, row] }),
};

export const rank: OperationSchemas = {
  body: { "application/json": rankSchema },
  answer: {
    "application/json": z.object({
      ranking: z.array(
        z.looseObject({ index: z.int().min(0).describe("position of the row in `offers`"), ...rowAnswer }),
      )
        .describe("highest probability first, each with its id if it has one"),
      offers: z.int().min(0).describe("number of rows"),
      errors: z.array(rowErrorSchema).optional(),
      ...answeredBy,
    }),
  },
  bodyExample: (row) => ({ lead: row, offers: [{}], top: 1 }),
};

export const predictWhatIf: OperationSchemas = {
  body: { "application/json": whatIfSchema },
  answer: {
    "application/json": z.object({
      base: rowAnswerSchema,
      variants: z.array(z.object({
        changes: z.record(z.string(), z.unknown()),
        ...rowAnswer,
        difference: z.number().describe("difference from the probability of the row as sent"),
      })),
      ...answeredBy,
    }),
  },
  bodyExample: (row) => ({ features: row, changes: [row] }),
};

export const predictionSchema = z.object({ ...rowAnswer, ...answeredBy }).meta({
  id: "Prediction",
  description: "The answer to a row.",
});

export const predict: OperationSchemas = {
  body: { "application/json": rowSchema },
  answer: { "application/json": predictionSchema },
  bodyExample: (row) => row,
};
