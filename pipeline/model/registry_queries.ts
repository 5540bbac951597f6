import type { Artifact } from "./artifact.ts";
import { Failure } from "../failure.ts";
import {
  type Assignment,
  type AssignmentEntry,
  ConcurrentAssignment,
  type HistoryPart,
  type ModelRow,
} from "./registry.ts";
import {
  assignmentOf,
  foundModel,
  modelRow,
  nothingAssignedAt,
  nothingBefore,
  otherInProduction,
  versionOf,
} from "./registry_rules.ts";
import { asFailure } from "../store/sqlite_failure.ts";
import type { RegistryFile as OpenFile } from "../store/registry_file.ts";

/** The open registry file. All queries of its tables are here, in `alias_queries.ts` and in `note_queries.ts`. */
export type RegistryFile = Pick<OpenFile, "db" | "path">;

/** @throws {Failure} as `Registry.registerModel`. */
export function registerModel(
  file: RegistryFile,
  artifact: Pick<Artifact, "id" | "checksum" | "metadata">,
  createdAt: number,
): ModelRow {
  const { hyperParameters, metrics } = artifact.metadata;
  const { db } = file;
  const values = [createdAt, JSON.stringify(hyperParameters), JSON.stringify(metrics), artifact.checksum];
  try {
    db.exec("BEGIN IMMEDIATE");
    db.prepare(`
      INSERT INTO models (model_id, version, created_at, hyper_parameters, metrics, checksum)
      SELECT ?, coalesce(max(version), 0) + 1, ?, ?, ?, ? FROM models WHERE true
      ON CONFLICT (model_id) DO NOTHING
    `).run(artifact.id, ...values);
    db.prepare("UPDATE model_notes SET deleted_at = NULL, deleted_by = NULL WHERE model_id = ?").run(
      artifact.id,
    );
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw asFailure(error, `register the model ${artifact.id} in ${file.path}`);
  }
  return findModel(file, artifact.id);
}

const modelSelection =
  "SELECT models.*, name, note, deleted_at FROM models LEFT JOIN model_notes USING (model_id)";
/** Ids of deleted models. */
const deletedIds = "SELECT model_id FROM model_notes WHERE deleted_at IS NOT NULL";

export function listModels(file: RegistryFile): ModelRow[] {
  return file.db.prepare(`${modelSelection} WHERE deleted_at IS NULL ORDER BY version DESC`).all().map(
    modelRow,
  );
}

/** @throws {Failure} as `Registry.findModel`. */
export function findModel(file: RegistryFile, name: string): ModelRow {
  const version = versionOf(name);
  const row = version === undefined
    ? file.db.prepare(`
      ${modelSelection}
      WHERE model_id = coalesce((SELECT model_id FROM model_aliases WHERE alias = :name), :name)
    `).get({ name })
    : file.db.prepare(`${modelSelection} WHERE version = ?`).get(version);
  return foundModel(row, name);
}

const selection = `
  SELECT assignment_id, model_id, version, assigned_at, assigned_by, reason
  FROM production_model JOIN models USING (model_id)
`;
const newestFirst = "ORDER BY assignment_id DESC";

export function activeModel(file: RegistryFile): Assignment | undefined {
  const row = file.db.prepare(`${selection} ${newestFirst} LIMIT 1`).get();
  return row && assignmentOf(row);
}

export function assignmentHistory(
  file: RegistryFile,
  { limit = -1, before }: HistoryPart = {},
): Assignment[] {
  const older = before === undefined ? "" : "WHERE assignment_id < :before";
  const values = { limit, ...before === undefined ? {} : { before } };
  return file.db.prepare(`${selection} ${older} ${newestFirst} LIMIT :limit`).all(values).map(assignmentOf);
}

/** @throws {Failure} as `Registry.assignmentAt`. @param at Microseconds since 1970-01-01T00:00:00Z. */
export function assignmentAt(file: RegistryFile, at: number): Assignment {
  // Ordered by id, not by time: the clock may have been set back.
  const row = file.db.prepare(`${selection} WHERE assigned_at <= ? ${newestFirst} LIMIT 1`).get(at);
  if (row) return assignmentOf(row);
  throw nothingAssignedAt(at);
}

/** @throws {Failure} as `Registry.previousModel`. */
export function previousModel(file: RegistryFile): ModelRow {
  const row = file.db.prepare(`
    ${selection}
    WHERE model_id <> (SELECT model_id FROM production_model ORDER BY assignment_id DESC LIMIT 1)
      AND model_id NOT IN (${deletedIds})
    ${newestFirst} LIMIT 1
  `).get();
  if (row) return findModel(file, assignmentOf(row).modelId);
  throw nothingBefore();
}

/** Puts a model in production, in one transaction. @throws {Failure} as `Registry.assign`. */
export function assignModel(file: RegistryFile, request: AssignmentEntry): Assignment {
  const { db } = file;
  const { expectedCurrent, expectedAssignmentId } = request;
  try {
    db.exec("BEGIN IMMEDIATE");
    const { modelId } = findModel(file, request.modelId);
    const current = activeModel(file);
    if (expectedCurrent !== undefined) requireCurrent(file, current, expectedCurrent);
    if (expectedAssignmentId !== undefined && expectedAssignmentId !== (current?.assignmentId ?? 0)) {
      throw new ConcurrentAssignment();
    }
    // The id must be max + 1: the server announces it to its threads before the insertion.
    db.prepare(`
      INSERT INTO production_model (assignment_id, model_id, assigned_at, assigned_by, reason)
      SELECT coalesce(max(assignment_id), 0) + 1, ?, ?, ?, ? FROM production_model
    `).run(modelId, request.assignedAt, request.assignedBy, request.reason ?? null);
    const assigned = activeModel(file);
    db.exec("COMMIT");
    if (!assigned) throw new Error("a committed assignment is missing");
    return assigned;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw asFailure(error, `put a model in production in ${file.path}`);
  }
}

function requireCurrent(file: RegistryFile, current: Assignment | undefined, expected: string): void {
  if (current !== undefined && (current.modelId === expected || current.modelId === idOf(file, expected))) {
    return;
  }
  throw otherInProduction(current, expected);
}

/** Returns the id of the model that a version or an alias names; undefined if there is none. */
function idOf(file: RegistryFile, name: string): string | undefined {
  try {
    return findModel(file, name).modelId;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
