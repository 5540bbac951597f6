import { Failure } from "../failure.ts";
import type { DeletionEntry, ModelRow, NoteEntry } from "./registry.ts";
import { activeModel, findModel, type RegistryFile } from "./registry_queries.ts";
import { asFailure } from "../store/sqlite_failure.ts";

/** Maximum lengths of a model's name and note, in UTF-16 code units. */
const lengthsMax = { name: 100, note: 10_000 } as const;

/** Marks a model as deleted, in one transaction. @throws {Failure} as `Registry.deleteModel`. */
export function deleteModel(
  file: RegistryFile,
  { model, deletedAt, deletedBy }: DeletionEntry,
): ModelRow {
  return inTransaction(file, `delete the model ${model.slice(0, 80)}`, () => {
    const row = findModel(file, model);
    requireUnused(file, row);
    file.db.prepare(`
      INSERT INTO model_notes (model_id, deleted_at, deleted_by) VALUES (?, ?, ?)
      ON CONFLICT (model_id) DO UPDATE SET deleted_at = excluded.deleted_at, deleted_by = excluded.deleted_by
    `).run(row.modelId, deletedAt, deletedBy);
    return row;
  });
}

/** @throws {Failure} `model-in-production` */
function requireUnused(file: RegistryFile, { modelId, version }: ModelRow): void {
  const what = `Cannot delete ${modelId}, version ${version}`;
  if (activeModel(file)?.modelId === modelId) {
    throw new Failure(
      "model-in-production",
      `${what}: it is in production. Put another model in production first.`,
    );
  }
  const aliases = file.db.prepare("SELECT alias FROM model_aliases WHERE model_id = ? ORDER BY alias").all(
    modelId,
  );
  if (aliases.length === 0) return;
  const [{ alias }] = aliases;
  throw new Failure(
    "model-in-production",
    `${what}: ${alias} is an alias of it. Remove the alias (clickwell models unalias ${alias}) or point it at another model.`,
  );
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
      if (text.length > lengthsMax[member]) {
        throw new Failure(
          "input-invalid",
          `The ${member} has ${text.length} characters, expected at most ${lengthsMax[member]}.`,
        );
      }
      file.db.prepare(`UPDATE model_notes SET ${member} = ? WHERE model_id = ?`).run(
        text.trim() === "" ? null : text.trim(),
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
