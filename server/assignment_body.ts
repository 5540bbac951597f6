import { z } from "zod";
import { Failure } from "../pipeline/failure.ts";
import { pointerTo } from "../pipeline/model/predictor.ts";

/** What `POST /model` takes. */
export const assignmentBodySchema = z.strictObject({
  model_id: z.union([z.string().min(1).max(80), z.int().positive()]).transform(String)
    .describe("a model's id, or its version"),
  reason: z.string().min(1).max(500).optional().describe("why, for the history"),
  expected_current: z.string().min(1).max(80).optional()
    .describe("assign only if this model is in production now"),
});

export type AssignmentBody = z.infer<typeof assignmentBodySchema>;

/**
 * @param body What was sent, parsed.
 * @throws {Failure} `input-invalid` with a pointer per bad field.
 */
export function parseAssignmentBody(body: unknown): AssignmentBody {
  const result = assignmentBodySchema.safeParse(body);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ pointer: pointerTo(key), detail: "is not a field of an assignment" }))
      : [{ pointer: issue.path.length > 0 ? pointerTo(String(issue.path[0])) : "#", detail: issue.message }]
  );
  throw new Failure(
    "input-invalid",
    'An assignment is {"model_id": …}, with "reason" and "expected_current" where you want them.',
    errors,
  );
}
