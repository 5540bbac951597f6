import { Failure, usageInvalid } from "../pipeline/failure.ts";
import type { ModelRow, Models } from "../pipeline/model/registry.ts";
import type { Result } from "./cli/command.ts";
import type { Terminal } from "./cli/terminal.ts";

/** `clickwell models delete MODEL` */
export async function deleteModel(models: Models, model: string, terminal: Terminal): Promise<Result> {
  const row = await models.registry.findModel(model);
  const hadFiles = await remove(models, row);
  const what = `${row.modelId}, version ${row.version}`;
  terminal.say(
    hadFiles ? `Deleted ${what}.` : `Deleted ${what}, which had no files in ${models.artifacts.location}.`,
  );
  return { deleted: [answerOf(row)] };
}

/** `clickwell models prune --keep N` */
export async function pruneModels(
  models: Models,
  { keep, isDry, terminal }: {
    readonly keep: number | undefined;
    readonly isDry: boolean;
    readonly terminal: Terminal;
  },
): Promise<Result> {
  if (keep === undefined) throw usageInvalid("clickwell models prune needs --keep N: how many to keep.");
  const chosen = await prunable(models, keep);
  const deleted: ModelRow[] = [];
  for (const row of chosen) {
    if (isDry || await removeUnlessUsed(models, row)) deleted.push(row);
  }
  for (const { modelId, version } of deleted) {
    terminal.say(`${isDry ? "Would delete" : "Deleted"} ${modelId}, version ${version}.`);
  }
  if (deleted.length === 0) terminal.say("There is nothing to delete.");
  if (isDry) terminal.say("Nothing was deleted (--dry-run).");
  return { deleted: deleted.map(answerOf), applied: !isDry };
}

/** Returns the models beyond the newest ones that are not active, not the one that a rollback returns to, and without an alias. */
async function prunable({ registry }: Models, keep: number): Promise<ModelRow[]> {
  const used = new Set((await registry.aliases()).map(({ modelId }) => modelId));
  const active = await registry.activeModel();
  if (active) used.add(active.modelId);
  try {
    used.add((await registry.previousModel()).modelId);
  } catch (error) {
    if (!(error instanceof Failure && error.kind === "rollback-impossible")) throw error;
  }
  return (await registry.listModels()).slice(keep).filter(({ modelId }) => !used.has(modelId));
}

/** @returns False if another process has put the model in production or given it an alias since the models were listed. */
async function removeUnlessUsed(models: Models, row: ModelRow): Promise<boolean> {
  try {
    await remove(models, row);
    return true;
  } catch (error) {
    if (error instanceof Failure && error.kind === "model-in-production") return false;
    throw error;
  }
}

/** Marks the row first: from then on, no process starts to use the files. @returns Whether there were files. */
async function remove({ registry, artifacts }: Models, { modelId }: ModelRow): Promise<boolean> {
  await registry.deleteModel({
    model: modelId,
    deletedAt: Date.now() * 1000,
    deletedBy: "clickwell models",
  });
  try {
    return await artifacts.remove(modelId);
  } catch (error) {
    await registry.restoreModel(modelId);
    throw error;
  }
}

function answerOf({ modelId, version }: ModelRow) {
  return { model_id: modelId, version };
}
