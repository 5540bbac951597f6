import { z } from "zod";
import { parseBody } from "./row_body.ts";

/** A model's id, version or alias in a body. A version may be sent as a number. */
const modelName = z.union([z.string().min(1).max(80), z.int().positive()]).transform(String);

const changeFields = {
  reason: z.string().min(1).max(500).optional().describe("reason, recorded in the history"),
  expected_current: modelName.optional()
    .describe("change only if this model is in production now: its id, version or alias"),
};

/** Body of `POST /model`. */
const assignmentSchema = z.strictObject({
  model_id: modelName.meta({ description: "a model's id, version or alias", examples: ["1"] }),
  ...changeFields,
}).meta({
  id: "AssignmentRequest",
  description: "The model to put in production, and an optional condition.",
});

/** Body of `POST /model/rollback`. */
const changeSchema = z.strictObject(changeFields).meta({
  id: "ChangeRequest",
  description: "The reason for changing the model in production, and an optional condition.",
});

/** Bodies of the routes that change the active model, by name. */
export interface AdminBodies {
  readonly assignment: z.infer<typeof assignmentSchema>;
  readonly change: z.infer<typeof changeSchema>;
}

export const adminSchemas: { readonly [Kind in keyof AdminBodies]: z.ZodType<AdminBodies[Kind]> } = {
  assignment: assignmentSchema,
  change: changeSchema,
};

const expectations: Readonly<Record<keyof AdminBodies, string>> = {
  assignment: 'An assignment is {"model_id": …}, with optional "reason" and "expected_current".',
  change: 'A rollback takes {}, with optional "reason" and "expected_current".',
};

/** @param body The parsed body. @throws {Failure} as `parseBody`. */
export function parseAdminBody<Kind extends keyof AdminBodies>(kind: Kind, body: unknown): AdminBodies[Kind] {
  return parseBody(adminSchemas[kind], body, expectations[kind]);
}
