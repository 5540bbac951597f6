import { Failure } from "../failure.ts";
import type { AliasEntry, ModelAlias, ModelRow } from "./registry.ts";
import { findModel, type RegistryFile } from "./registry_queries.ts";
import { asFailure } from "../store/sqlite_failure.ts";

const aliasPattern = /^[a-z0-9][a-z0-9_-]{0,63}$/;
/** Names that could be mistaken for a model's id or version, now or later. */
const reservedPattern = /^(?:cw-.*|[0-9]+)$/;

/** @throws {Failure} as `Registry.setAlias`. */
export function setAlias(file: RegistryFile, { model, alias, setAt, setBy }: AliasEntry): ModelRow {
  requireAlias(alias);
  const row = findModel(file, model);
  try {
    file.db.prepare(`
      INSERT INTO model_aliases (alias, model_id, set_at, set_by) VALUES (?, ?, ?, ?)
      ON CONFLICT (alias) DO UPDATE SET model_id = excluded.model_id, set_at = excluded.set_at, set_by = excluded.set_by
    `).run(alias, row.modelId, setAt, setBy);
  } catch (error) {
    throw asFailure(error, `set the alias ${alias} in ${file.path}`);
  }
  return row;
}

/** @throws {Failure} as `Registry.removeAlias`. */
export function removeAlias(
  file: RegistryFile,
  { model, alias }: { model?: string; alias: string },
): ModelRow {
  const row = model === undefined ? undefined : findModel(file, model);
  let removed: Record<string, unknown> | undefined;
  try {
    removed = file.db.prepare(`
      DELETE FROM model_aliases WHERE alias = :alias AND model_id = coalesce(:modelId, model_id) RETURNING model_id
    `).get({ alias, modelId: row?.modelId ?? null });
  } catch (error) {
    throw asFailure(error, `remove an alias in ${file.path}`);
  }
  if (removed) return row ?? findModel(file, String(removed.model_id));
  throw new Failure(
    "alias-unknown",
    `${row ? `The model ${row.modelId} has` : "There is"} no alias "${
      alias.slice(0, 80)
    }". GET /models or clickwell ` +
      "models list shows those there are.",
  );
}

/** Returns all aliases, ordered by name. */
export function listAliases(file: RegistryFile): ModelAlias[] {
  return file.db.prepare("SELECT alias, model_id FROM model_aliases ORDER BY alias").all()
    .map(({ alias, model_id }) => ({ alias: String(alias), modelId: String(model_id) }));
}

function requireAlias(alias: string): void {
  if (aliasPattern.test(alias) && !reservedPattern.test(alias)) return;
  throw new Failure(
    "input-invalid",
    `"${
      alias.slice(0, 80)
    }" cannot be an alias: expected 1 to 64 lower-case letters, digits, _ and -, not a number ` +
      "and not the beginning of an id, cw-.",
    [{ pointer: "#/alias", detail: "is not a valid alias" }],
  );
}
