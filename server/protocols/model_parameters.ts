import type { FailureKind } from "../../pipeline/failure.ts";
import type { Parameter } from "../http/operation.ts";
import { readingProblems } from "../http/problem.ts";

export const ofName: Parameter = {
  name: "name",
  in: "path",
  description: "`clickwell` for the model in production; or an alias, an id or a version",
  schema: { type: "string", examples: ["clickwell"] },
};

/** What may be wrong with the model that a path names. */
export const namingProblems: readonly FailureKind[] = [
  "model-missing",
  "model-unknown",
  "model-unloaded",
  "artifact-corrupt",
  ...readingProblems,
];
