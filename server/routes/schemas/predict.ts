import { z } from "zod";
import type { OperationSchemas } from "../../http/operation.ts";
import { answeredBy, rowAnswer } from "./row_answer.ts";
import { rowSchema } from "../../openapi/row_schema.ts";

export const predictionSchema = z.object({ ...rowAnswer, ...answeredBy }).meta({
  id: "Prediction",
  description: "The answer to a row.",
});

export const predict: OperationSchemas = {
  body: { "application/json": rowSchema },
  answer: { "application/json": predictionSchema },
  bodyExample: (row) => row,
};
