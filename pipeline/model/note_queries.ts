import { listAliases } from "./alias_queries.ts";
import type { DeletionEntry, ModelRow, NoteEntry } from "./registry.ts";
import { activeModel, findModel, type RegistryFile } from "./registry_queries.ts";
import { keptText, requireUnused } from "./registry_rules.ts";
import { asFailure } from "../store/sqlite_failure.ts";

/** Marks a model as deleted, in one transaction. @throws {Failure} as `Registry.deleteModel`. */
export function deleteModel(
  file: RegistryFile,
  { model, deletedAt, deletedBy }: DeletionEntry,
): ModelRow {
  return inTransaction(file, `delete the model ${model.slice(0, 80)}`, () => {
    const row = findModel(file, model);
    const aliases = listAliases(file).filter(({ modelId }) => modelId === row.modelId);
    requireUnused(row, { active: activeModel(file), aliases: aliases.map(({ alias }) => alias) });
    file.db.prepare(`
      INSERT INTO model_notes (model_id, deleted_at, deleted_by) VALUES (?, ?, ?)
      ON CONFLICT (model_id) DO UPDATE SET deleted_at = excluded.deleted_at, deleted_by = excluded.deleted_by
    `).run(row.modelId, deletedAt, deletedBy);
    return row;
  });
}

export function restoreModel(file: RegistryFile, modelId: string): void {
  inTransaction(file, `restore the model ${modelId}`, () => {
    file.db.prepare("UPDATE model_notes SET deleted_at = NULL, deleted_by = NULL WHERE model_id = ?").run(
      modelId,
    );
  });
}

/** @throws {Failure} as `Registry.setNote`. */
export function setNote(file: RegistryFile, { model, ...texts }: NoteEntry): ModelRow {
  return inTransaction(file, "set a model's name or note", () => {
    const { modelId } = findModel(file, model);
    file.db.prepare("INSERT INTO model_notes (model_id) VALUES (?) ON CONFLICT (model_id) DO NOTHING").run(
      modelId,
    );
    for (const member of ["name", "note"] as const) {
      const text = texts[member];
      if (text === undefined) continue;
      file.db.prepare(`UPDATE model_notes SET ${member} = ? WHERE model_id = ?`).run(
        keptText(member, text),
        modelId,
      );
    }
    return findModel(file, modelId);
  });
}

function inTransaction<T>(file: RegistryFile, action: string, work: () => T): T {
  const { db } = file;
  try {
    db.exec("BEGIN IMMEDIATE");
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw asFailure(error, `${action} in ${file.path}`);
  }
}
