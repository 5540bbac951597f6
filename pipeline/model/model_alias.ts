import { Failure } from "../failure.ts";
import { findModel, type ModelRow } from "./registry.ts";
import { asFailure } from "../store/sqlite_failure.ts";
import type { Store } from "../store/store.ts";

/** A name that stands for a model, wherever an id does. It stands for one model at a time. */
export interface ModelAlias {
  readonly alias: string;
  readonly modelId: string;
}

const aliasPattern = /^[a-z0-9][a-z0-9_-]{0,63}$/;
/** What could be taken for a model's id or version, now or later. */
const takenPattern = /^(?:cw-.*|[0-9]+)$/;

/**
 * Gives a model an alias; where another model has it, that one loses it.
 *
 * @param request.model An id, a version or another alias.
 * @param request.setAt Microseconds since 1970-01-01T00:00:00Z.
 * @throws {Failure} `input-invalid` for what cannot be an alias; `model-unknown`; `store-busy`, `store-full`.
 */
export function setAlias(
  store: Store,
  request: { model: string; alias: string; setAt: number; setBy: string },
): ModelRow {
  const { model, alias, setAt, setBy } = request;
  requireAlias(alias);
  const row = findModel(store, model);
  try {
    store.db.prepare(`
      INSERT INTO model_aliases (alias, model_id, set_at, set_by) VALUES (?, ?, ?, ?)
      ON CONFLICT (alias) DO UPDATE SET model_id = excluded.model_id, set_at = excluded.set_at, set_by = excluded.set_by
    `).run(alias, row.modelId, setAt, setBy);
  } catch (error) {
    throw asFailure(error, `set the alias ${alias} in ${store.path}`);
  }
  return row;
}

/**
 * Takes an alias from its model.
 *
 * @param request.model An id, a version or an alias: the alias must be this model's. Without one, it may be any's.
 * @returns The model that had it.
 * @throws {Failure} `model-unknown`; `alias-unknown`; `store-busy`, `store-full`.
 */
export function removeAlias(store: Store, { model, alias }: { model?: string; alias: string }): ModelRow {
  const row = model === undefined ? undefined : findModel(store, model);
  let removed: Record<string, unknown> | undefined;
  try {
    removed = store.db.prepare(`
      DELETE FROM model_aliases WHERE alias = :alias AND model_id = coalesce(:modelId, model_id) RETURNING model_id
    `).get({ alias, modelId: row?.modelId ?? null });
  } catch (error) {
    throw asFailure(error, `remove an alias in ${store.path}`);
  }
  if (removed) return row ?? findModel(store, String(removed.model_id));
  throw new Failure(
    "alias-unknown",
    `${row ? `The model ${row.modelId} has` : "There is"} no alias "${
      alias.slice(0, 80)
    }". GET /models or clickwell ` +
      "models list shows those there are.",
  );
}

/** All aliases, by name. */
export function listAliases(store: Store): ModelAlias[] {
  return store.db.prepare("SELECT alias, model_id FROM model_aliases ORDER BY alias").all()
    .map(({ alias, model_id }) => ({ alias: String(alias), modelId: String(model_id) }));
}

/** The aliases of one model, by name. */
export function aliasesOf({ modelId }: Pick<ModelRow, "modelId">, all: readonly ModelAlias[]): string[] {
  return all.filter((entry) => entry.modelId === modelId).map(({ alias }) => alias);
}

function requireAlias(alias: string): void {
  if (aliasPattern.test(alias) && !takenPattern.test(alias)) return;
  throw new Failure(
    "input-invalid",
    `"${
      alias.slice(0, 80)
    }" cannot be an alias: expected 1 to 64 lower-case letters, digits, _ and -, not a number ` +
      "and not the beginning of an id, cw-.",
    [{ pointer: "#/alias", detail: "is not a name that an alias can have" }],
  );
}
