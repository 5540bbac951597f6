import type { Artifact } from "../artifact.ts";
import {
  type Assignment,
  type AssignmentEntry,
  ConcurrentAssignment,
  type HistoryPart,
  type ModelRow,
} from "../registry.ts";
import {
  assignmentOf,
  foundModel,
  modelRow,
  nothingAssignedAt,
  nothingBefore,
  otherInProduction,
  versionOf,
} from "../registry_rules.ts";
import { Failure } from "../../failure.ts";
import type { Queries } from "./database.ts";

/** In a transaction that has the registry's lock. @throws {Failure} as `Registry.registerModel`. */
export async function registerModel(
  queries: Queries,
  { id, checksum, metadata }: Pick<Artifact, "id" | "checksum" | "metadata">,
  createdAt: number,
): Promise<ModelRow> {
  const { all, schema } = queries;
  const { hyperParameters, metrics } = metadata;
  await all(
    `
    INSERT INTO ${schema}.models (model_id, version, created_at, hyper_parameters, metrics, checksum)
    SELECT $1, coalesce(max(version), 0) + 1, $2::bigint, $3::text::json, $4::text::json, $5 FROM ${schema}.models
    ON CONFLICT (model_id) DO NOTHING
    `,
    [id, createdAt, JSON.stringify(hyperParameters), JSON.stringify(metrics), checksum],
  );
  await restoreModel(queries, id);
  return await findModel(queries, id);
}

/** Removes the mark of a deleted model. */
export async function restoreModel({ all, schema }: Queries, modelId: string): Promise<void> {
  await all(
    `UPDATE ${schema}.model_notes SET deleted_at = NULL, deleted_by = NULL WHERE model_id = $1 AND deleted_at IS NOT NULL`,
    [modelId],
  );
}

function modelSelection(schema: string): string {
  return `
    SELECT model_id, version, created_at, hyper_parameters::text AS hyper_parameters, metrics::text AS metrics, checksum, name,
      note, deleted_at
    FROM ${schema}.models LEFT JOIN ${schema}.model_notes USING (model_id)
  `;
}

export async function listModels({ all, schema }: Queries): Promise<ModelRow[]> {
  const rows = await all(`${modelSelection(schema)} WHERE deleted_at IS NULL ORDER BY version DESC`);
  return rows.map(modelRow);
}

/** @throws {Failure} as `Registry.findModel`. */
export async function findModel({ all, schema }: Queries, name: string): Promise<ModelRow> {
  const version = versionOf(name);
  const [row] = version === undefined
    ? await all(
      `${modelSelection(schema)} WHERE model_id =
        coalesce((SELECT model_id FROM ${schema}.model_aliases WHERE alias = $1::text), $1::text)`,
      // PostgreSQL keeps no text with a NUL.
      [name.replaceAll("\0", "\ufffd")],
    )
    : await all(`${modelSelection(schema)} WHERE version = $1::bigint`, [version]);
  return foundModel(row, name);
}

function assignmentSelection(schema: string): string {
  return `
    SELECT assignment_id, model_id, version, assigned_at, assigned_by, reason
    FROM ${schema}.production_model JOIN ${schema}.models USING (model_id)
  `;
}
const newestFirst = "ORDER BY assignment_id DESC";

export async function activeModel({ all, schema }: Queries): Promise<Assignment | undefined> {
  const [row] = await all(`${assignmentSelection(schema)} ${newestFirst} LIMIT 1`);
  return row && assignmentOf(row);
}

export async function assignmentHistory(
  { all, schema }: Queries,
  { limit, before }: HistoryPart = {},
): Promise<Assignment[]> {
  const rows = await all(
    `${
      assignmentSelection(schema)
    } WHERE $1::bigint IS NULL OR assignment_id < $1::bigint ${newestFirst} LIMIT $2::bigint`,
    [before ?? null, limit ?? null],
  );
  return rows.map(assignmentOf);
}

/** @throws {Failure} as `Registry.assignmentAt`. @param at Microseconds since 1970-01-01T00:00:00Z. */
export async function assignmentAt({ all, schema }: Queries, at: number): Promise<Assignment> {
  // Ordered by id, not by time: a clock may have been set back.
  const [row] = await all(
    `${assignmentSelection(schema)} WHERE assigned_at <= $1::bigint ${newestFirst} LIMIT 1`,
    [at],
  );
  if (row) return assignmentOf(row);
  throw nothingAssignedAt(at);
}

/** @throws {Failure} as `Registry.previousModel`. */
export async function previousModel(queries: Queries): Promise<ModelRow> {
  const { all, schema } = queries;
  const [row] = await all(`
    ${assignmentSelection(schema)}
    WHERE model_id <> (SELECT model_id FROM ${schema}.production_model ${newestFirst} LIMIT 1)
      AND model_id NOT IN (SELECT model_id FROM ${schema}.model_notes WHERE deleted_at IS NOT NULL)
    ${newestFirst} LIMIT 1
  `);
  if (row) return await findModel(queries, assignmentOf(row).modelId);
  throw nothingBefore();
}

/** Puts a model in production, in a transaction that has the registry's lock. @throws {Failure} as `Registry.assign`. */
export async function assignModel(queries: Queries, request: AssignmentEntry): Promise<Assignment> {
  const { all, schema } = queries;
  const { expectedCurrent, expectedAssignmentId } = request;
  const { modelId, version } = await findModel(queries, request.modelId);
  const current = await activeModel(queries);
  if (expectedCurrent !== undefined) await requireCurrent(queries, current, expectedCurrent);
  const newest = current?.assignmentId ?? 0;
  if (expectedAssignmentId !== undefined && expectedAssignmentId !== newest) throw new ConcurrentAssignment();
  // The id must be max + 1: a server announces it to its threads before the insertion. Programs that do not take the lock are
  // noticed by the condition.
  const [row] = await all(
    `
    INSERT INTO ${schema}.production_model (assignment_id, model_id, assigned_at, assigned_by, reason)
    SELECT coalesce(max(assignment_id), 0) + 1, $1::text, $2::bigint, $3::text, $4::text FROM ${schema}.production_model
    HAVING coalesce(max(assignment_id), 0) = $5::bigint
    RETURNING assignment_id, model_id, assigned_at, assigned_by, reason
    `,
    [modelId, request.assignedAt, request.assignedBy, request.reason ?? null, newest],
  ).catch((error) => {
    if (error instanceof Error && "code" in error && error.code === uniqueViolation) {
      throw new ConcurrentAssignment();
    }
    throw error;
  });
  if (!row) throw new ConcurrentAssignment();
  return assignmentOf({ ...row, version });
}

const uniqueViolation = "23505";

async function requireCurrent(
  queries: Queries,
  current: Assignment | undefined,
  expected: string,
): Promise<void> {
  if (
    current !== undefined &&
    (current.modelId === expected || current.modelId === await idOf(queries, expected))
  ) {
    return;
  }
  throw otherInProduction(current, expected);
}

/** Returns the id of the model that a version or an alias names; undefined if there is none. */
async function idOf(queries: Queries, name: string): Promise<string | undefined> {
  try {
    return (await findModel(queries, name)).modelId;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
