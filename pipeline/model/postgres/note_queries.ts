import type { AliasEntry, DeletionEntry, ModelAlias, ModelRow, NoteEntry } from "../registry.ts";
import { aliasUnknown, keptText, requireAlias, requireUnused } from "../registry_rules.ts";
import type { Queries } from "./database.ts";
import { activeModel, findModel } from "./registry_queries.ts";

/** @throws {Failure} as `Registry.setAlias`. */
export async function setAlias(
  queries: Queries,
  { model, alias, setAt, setBy }: AliasEntry,
): Promise<ModelRow> {
  const { all, schema } = queries;
  requireAlias(alias);
  const row = await findModel(queries, model);
  await all(
    `
    INSERT INTO ${schema}.model_aliases (alias, model_id, set_at, set_by) VALUES ($1, $2, $3::bigint, $4)
    ON CONFLICT (alias) DO UPDATE SET model_id = excluded.model_id, set_at = excluded.set_at, set_by = excluded.set_by
    `,
    [alias, row.modelId, setAt, setBy],
  );
  return row;
}

/** @throws {Failure} as `Registry.removeAlias`. */
export async function removeAlias(
  queries: Queries,
  { model, alias }: { readonly model?: string; readonly alias: string },
): Promise<ModelRow> {
  const { all, schema } = queries;
  const row = model === undefined ? undefined : await findModel(queries, model);
  const [removed] = await all(
    `DELETE FROM ${schema}.model_aliases WHERE alias = $1::text AND model_id = coalesce($2::text, model_id) RETURNING model_id`,
    [alias.replaceAll("\0", "\ufffd"), row?.modelId ?? null],
  );
  if (removed) return row ?? await findModel(queries, String(removed.model_id));
  throw aliasUnknown(alias, row);
}

/** Returns all aliases, ordered by name. */
export async function listAliases({ all, schema }: Queries): Promise<ModelAlias[]> {
  const rows = await all(`SELECT alias, model_id FROM ${schema}.model_aliases ORDER BY alias COLLATE "C"`);
  return rows.map(({ alias, model_id }) => ({ alias: String(alias), modelId: String(model_id) }));
}

/** Marks a model as deleted. @throws {Failure} as `Registry.deleteModel`. */
export async function deleteModel(
  queries: Queries,
  { model, deletedAt, deletedBy }: DeletionEntry,
): Promise<ModelRow> {
  const { all, schema } = queries;
  const row = await findModel(queries, model);
  const aliases = (await listAliases(queries)).filter(({ modelId }) => modelId === row.modelId);
  requireUnused(row, { active: await activeModel(queries), aliases: aliases.map(({ alias }) => alias) });
  await all(
    `
    INSERT INTO ${schema}.model_notes (model_id, deleted_at, deleted_by) VALUES ($1, $2::bigint, $3)
    ON CONFLICT (model_id) DO UPDATE SET deleted_at = excluded.deleted_at, deleted_by = excluded.deleted_by
    `,
    [row.modelId, deletedAt, deletedBy],
  );
  return row;
}

/** @throws {Failure} as `Registry.setNote`. */
export async function setNote(queries: Queries, { model, ...texts }: NoteEntry): Promise<ModelRow> {
  const { all, schema } = queries;
  const { modelId } = await findModel(queries, model);
  await all(`INSERT INTO ${schema}.model_notes (model_id) VALUES ($1) ON CONFLICT (model_id) DO NOTHING`, [
    modelId,
  ]);
  for (const member of ["name", "note"] as const) {
    const text = texts[member];
    if (text === undefined) continue;
    await all(`UPDATE ${schema}.model_notes SET ${member} = $1::text WHERE model_id = $2`, [
      keptText(member, text),
      modelId,
    ]);
  }
  return await findModel(queries, modelId);
}
