import { z } from "zod";
import type { OperationSchemas } from "../../http/operation.ts";
import { columnsSchema, instanceSchema, predictionsSchema } from "../protocol_schemas.ts";

const rows = z.array(z.record(z.string(), z.unknown()));
const split = z.strictObject({
  columns: z.array(z.string()).optional().describe(
    "unique names; if omitted, the model's fields in their order",
  ),
  data: z.array(z.array(z.unknown())),
  index: z.array(z.unknown()).optional(),
});
const params = z.record(z.string(), z.unknown()).nullable().optional().describe("ignored");

export const invocations: OperationSchemas = {
  body: {
    "application/json": z.union([
      z.looseObject({ dataframe_split: split, params }),
      z.looseObject({ dataframe_records: rows, params }),
      z.looseObject({ instances: z.union([z.array(instanceSchema), columnsSchema]), params }),
      z.looseObject({ inputs: z.union([z.array(instanceSchema), columnsSchema]), params }),
    ]),
    "text/csv": { type: "string" },
  },
  answer: { "application/json": predictionsSchema },
  bodyExample: (row) => ({ dataframe_records: [row] }),
};

/** A line feed, as MLflow answers. */
export const ping: OperationSchemas = { answer: { "text/plain": { type: "string" } } };

export const version: OperationSchemas = { answer: { "text/plain": { type: "string" } } };
