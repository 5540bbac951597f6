import { z } from "zod";
import { Failure } from "../../../pipeline/failure.ts";
import { batchRowsMax, changesMax } from "../../http/row_limits.ts";
import { pointerOfPath } from "../../scoring/batch_rows.ts";
import { rowPartSchema, rowSchema } from "../../openapi/row_schema.ts";

/** JSON body of `POST /predict/batch`. */
export const batchSchema = z.union([
  z.array(rowSchema).max(batchRowsMax),
  z.strictObject({ rows: z.array(rowSchema).max(batchRowsMax) }),
  z.strictObject({
    columns: z.record(z.string(), z.array(z.unknown()).max(batchRowsMax))
      .describe("lists of values by field, all of the same length"),
  }),
]);

/** Body of `POST /rank`. */
export const rankSchema = z.strictObject({
  lead: rowPartSchema.describe("fields that all rows share, or the key of a group in the store").optional(),
  offers: z.array(rowPartSchema).max(batchRowsMax)
    .describe("the other fields of each row; if omitted, the rows of the group in the store")
    .optional(),
  top: z.int().min(1).describe("maximum number of rows to return; default: all").optional(),
});

/** Body of `POST /predict/what-if`. */
export const whatIfSchema = z.strictObject({
  features: rowSchema,
  changes: z.array(rowPartSchema).min(1).max(changesMax).describe(
    "the changed fields of each variant",
  ),
});

/** Bodies of the routes that answer several rows, by name. */
export interface RowBodies {
  readonly batch: z.infer<typeof batchSchema>;
  readonly rank: z.infer<typeof rankSchema>;
  readonly whatIf: z.infer<typeof whatIfSchema>;
}

export const rowSchemas: { readonly [Kind in keyof RowBodies]: z.ZodType<RowBodies[Kind]> } = {
  batch: batchSchema,
  rank: rankSchema,
  whatIf: whatIfSchema,
};

const expectations: Readonly<Record<keyof RowBodies, string>> = {
  batch: `A batch is an array of rows, {"rows": […]} or {"columns": {field: […]}}, of ${
    batchRowsMax.toLocaleString("en")
  } rows at most; send more as newline-delimited JSON.`,
  rank: 'A ranking is {"lead": {…}, "offers": [{…}, …]}, with an optional "top".',
  whatIf: 'A what-if request is {"features": {…}, "changes": [{…}, …]}.',
};

/** @param body The parsed body, which is returned itself. @throws {Failure} as `parseBody`. */
export function parseRowBody<Kind extends keyof RowBodies>(kind: Kind, body: unknown): RowBodies[Kind] {
  const schema: z.ZodType<RowBodies[Kind]> = rowSchemas[kind];
  return matches(schema, body) ? body : parseBody(schema, body, expectations[kind]);
}

/** The schemas convert nothing, but a copy that zod makes lacks members such as `__proto__`, which may be a column. */
function matches<Body>(schema: z.ZodType<Body>, body: unknown): body is Body {
  return schema.safeParse(body).success;
}

/** Checks a body. @param expectation The message of the failure. @throws {Failure} `input-invalid` with a pointer per error. */
export function parseBody<Body>(schema: z.ZodType<Body>, body: unknown, expectation: string): Body {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ path: [...issue.path, key], detail: "is not a field of this request" }))
      : [{ path: issue.path, detail: issue.message }]
  ).map(({ path, detail }) => ({ pointer: pointerOfPath(path), detail }));
  throw new Failure("input-invalid", expectation, errors.slice(0, 20));
}
