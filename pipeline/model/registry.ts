import type { Artifact } from "./artifact.ts";
import { Failure } from "../failure.ts";
import { asFailure } from "../store/sqlite_failure.ts";
import type { Store } from "../store/store.ts";

/** One registered model. */
export interface ModelRow {
  readonly modelId: string;
  /** 1, 2, 3 … in the order of registration. */
  readonly version: number;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number;
  readonly hyperParameters: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly checksum: string;
}

/** One row of the history of the model in production. */
export interface Assignment {
  readonly modelId: string;
  readonly version: number;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly assignedAt: number;
  readonly assignedBy: string;
  readonly reason: string | null;
}

/**
 * Makes a model known. A model that is known already keeps its version.
 *
 * @throws {Failure} `store-busy`, `store-full`.
 */
export function registerModel(store: Store, artifact: Artifact, createdAt: number): ModelRow {
  const { hyperParameters, metrics } = artifact.metadata;
  const values = [createdAt, JSON.stringify(hyperParameters), JSON.stringify(metrics), artifact.checksum];
  try {
    store.db.prepare(`
      INSERT INTO models (model_id, version, created_at, hyper_parameters, metrics, checksum)
      SELECT ?, coalesce(max(version), 0) + 1, ?, ?, ?, ? FROM models WHERE true
      ON CONFLICT (model_id) DO NOTHING
    `).run(artifact.id, ...values);
  } catch (error) {
    throw asFailure(error, `register the model ${artifact.id} in ${store.path}`);
  }
  return findModel(store, artifact.id);
}

/** All models, the newest first. */
export function listModels(store: Store): ModelRow[] {
  return store.db.prepare("SELECT * FROM models ORDER BY version DESC").all().map(modelRow);
}

/**
 * Finds a model by its id or its version.
 *
 * @throws {Failure} `model-unknown`
 */
export function findModel(store: Store, idOrVersion: string): ModelRow {
  const row = /^[0-9]{1,15}$/.test(idOrVersion)
    ? store.db.prepare("SELECT * FROM models WHERE version = ?").get(Number(idOrVersion))
    : store.db.prepare("SELECT * FROM models WHERE model_id = ?").get(idOrVersion);
  if (!row) {
    throw new Failure(
      "model-unknown",
      `There is no model "${
        idOrVersion.slice(0, 80)
      }". GET /models or clickwell models list shows those there are.`,
    );
  }
  return modelRow(row);
}

const assignments = `
  SELECT assignment_id, model_id, version, assigned_at, assigned_by, reason
  FROM production_model JOIN models USING (model_id)
  ORDER BY assignment_id DESC
`;

/** The model in production: the newest assignment, or undefined before the first. */
export function activeModel(store: Store): Assignment | undefined {
  const row = store.db.prepare(`${assignments} LIMIT 1`).get();
  return row && assignment(row);
}

/** Every assignment, the newest first. */
export function assignmentHistory(store: Store): Assignment[] {
  return store.db.prepare(assignments).all().map(assignment);
}

/**
 * Puts a model in production, in one transaction.
 *
 * @param request.expectedCurrent Compare and set: the id that must be in production now.
 * @throws {Failure} `model-unknown`; `assignment-conflict` where another model is in production; `store-busy`, `store-full`.
 */
export function assignModel(
  store: Store,
  request: {
    modelId: string;
    assignedAt: number;
    assignedBy: string;
    reason?: string;
    expectedCurrent?: string;
  },
): Assignment {
  const { db } = store;
  try {
    db.exec("BEGIN IMMEDIATE");
    const { modelId } = findModel(store, request.modelId);
    const current = activeModel(store)?.modelId;
    if (request.expectedCurrent !== undefined && request.expectedCurrent !== current) {
      throw new Failure(
        "assignment-conflict",
        `The model in production is ${current ?? "none"}, not ${
          request.expectedCurrent.slice(0, 80)
        }: read GET /model and decide again.`,
      );
    }
    db.prepare(
      "INSERT INTO production_model (model_id, assigned_at, assigned_by, reason) VALUES (?, ?, ?, ?)",
    )
      .run(modelId, request.assignedAt, request.assignedBy, request.reason ?? null);
    const made = activeModel(store);
    db.exec("COMMIT");
    if (!made) throw new Error("an assignment that was committed is not there");
    return made;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw asFailure(error, `put a model in production in ${store.path}`);
  }
}

type Row = Record<string, unknown>;

function modelRow(row: Row): ModelRow {
  return {
    modelId: String(row.model_id),
    version: Number(row.version),
    createdAt: Number(row.created_at),
    hyperParameters: JSON.parse(String(row.hyper_parameters)),
    metrics: JSON.parse(String(row.metrics)),
    checksum: String(row.checksum),
  };
}

function assignment(row: Row): Assignment {
  return {
    modelId: String(row.model_id),
    version: Number(row.version),
    assignedAt: Number(row.assigned_at),
    assignedBy: String(row.assigned_by),
    reason: row.reason === null ? null : String(row.reason),
  };
}
