import { aliasesOf } from "../../pipeline/model/registry.ts";
import type { Assignment, ModelAlias, ModelRow } from "../../pipeline/model/registry.ts";
import type { AssignmentAnswer, ModelAnswer } from "./schemas/model.ts";

/** Returns an assignment in the form in which HTTP and `clickwell models` report it. */
export function assignmentAnswer(
  { modelId, version, assignedAt, ...assignment }: Assignment,
): AssignmentAnswer {
  return {
    model_id: modelId,
    version,
    assigned_at: instant(assignedAt),
    assigned_by: assignment.assignedBy,
    reason: assignment.reason,
    assignment_id: assignment.assignmentId,
  };
}

/** The active model and the aliases of all models. */
export interface ActivationState {
  /** Id of the active model, if any. */
  readonly active: string | undefined;
  readonly aliases: readonly ModelAlias[];
}

/** Returns a model in the form in which HTTP and `clickwell models` report it. */
export function modelAnswer(row: ModelRow, { active, aliases }: ActivationState): ModelAnswer {
  return {
    model_id: row.modelId,
    version: row.version,
    aliases: aliasesOf(row, aliases),
    active: row.modelId === active,
    created_at: instant(row.createdAt),
    hyper_parameters: row.hyperParameters,
    metrics: row.metrics,
    checksum: row.checksum,
  };
}

/** @param micros Microseconds since 1970-01-01T00:00:00Z. */
export function instant(micros: number): string {
  return new Date(micros / 1000).toISOString();
}
