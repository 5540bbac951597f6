import { z } from "zod";
import { Failure } from "../../../pipeline/failure.ts";
import { pointerTo } from "../../../pipeline/model/findings.ts";

/** A model's name in a body. A version may be sent as a number. */
const modelName = z.union([z.string().min(1).max(80), z.int().positive()]).transform(String);

const changeFields = {
  reason: z.string().min(1).max(500).optional().describe("why, for the history"),
  expected_current: modelName.optional()
    .describe("do it only if this model is in production now: its id, version or alias"),
};

/** What `POST /model` takes. */
const assignmentSchema = z.strictObject({
  model_id: modelName.meta({ description: "a model's id, version or alias", examples: ["1"] }),
  ...changeFields,
}).meta({
  id: "AssignmentRequest",
  description: "Which model to put in production, and on which condition.",
});

/** What `POST /model/rollback` takes. */
const changeSchema = z.strictObject(changeFields).meta({
  id: "ChangeRequest",
  description: "Why the model in production is changed, and on which condition.",
});

/** Bodies of the routes that change the model in production, by name. */
export interface AdminBodies {
  readonly assignment: z.infer<typeof assignmentSchema>;
  readonly change: z.infer<typeof changeSchema>;
}

export const adminSchemas: { readonly [Kind in keyof AdminBodies]: z.ZodType<AdminBodies[Kind]> } = {
  assignment: assignmentSchema,
  change: changeSchema,
};

const expectations: Readonly<Record<keyof AdminBodies, string>> = {
  assignment: 'An assignment is {"model_id": …}, with "reason" and "expected_current" where you want them.',
  change: 'A rollback takes {}, with "reason" and "expected_current" where you want them.',
};

/**
 * @param body What was sent, parsed.
 * @throws {Failure} `input-invalid` with a pointer per bad field.
 */
export function parseAdminBody<Kind extends keyof AdminBodies>(kind: Kind, body: unknown): AdminBodies[Kind] {
  const result = adminSchemas[kind].safeParse(body);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ pointer: pointerTo(key), detail: "is not a field of this request" }))
      : [{ pointer: issue.path.length > 0 ? pointerTo(String(issue.path[0])) : "#", detail: issue.message }]
  );
  throw new Failure("input-invalid", expectations[kind], errors);
}
