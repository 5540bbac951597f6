import type { AliasEntry, ModelAlias, ModelRow } from "./registry.ts";
import { findModel, type RegistryFile } from "./registry_queries.ts";
import { aliasUnknown, requireAlias } from "./registry_rules.ts";
import { asFailure } from "../store/sqlite_failure.ts";

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
  throw aliasUnknown(alias, row);
}

/** Returns all aliases, ordered by name. */
export function listAliases(file: RegistryFile): ModelAlias[] {
  return file.db.prepare("SELECT alias, model_id FROM model_aliases ORDER BY alias").all()
    .map(({ alias, model_id }) => ({ alias: String(alias), modelId: String(model_id) }));
}
