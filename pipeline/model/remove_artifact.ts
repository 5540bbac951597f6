import { join } from "node:path";
import { Failure } from "../failure.ts";
import { syncDirectory } from "../runtime/durable_file.ts";
import { checkedId, exists, isOfSystem, reasonOf, temporaryPrefix, unwritable } from "./artifact.ts";

const unfinishedAgeMs = 3_600_000;

/**
 * Removes temporary folders of interrupted writes. Those younger than an hour may be in use by another process.
 *
 * @throws {Failure} `file-unwritable`
 */
export function removeUnfinished(modelsDir: string): void {
  if (!exists(modelsDir)) return;
  try {
    for (const { name } of Deno.readDirSync(modelsDir)) {
      const path = join(modelsDir, name);
      if (name.startsWith(temporaryPrefix) && isOld(path)) Deno.removeSync(path, { recursive: true });
    }
  } catch (error) {
    throw unwritable(error, modelsDir);
  }
}

function isOld(path: string): boolean {
  const { mtime } = Deno.lstatSync(path);
  return mtime !== null && Date.now() - mtime.getTime() > unfinishedAgeMs;
}

/**
 * Removes a model's files. They disappear at once: the folder is renamed first.
 *
 * @returns Whether there were any.
 * @throws {Failure} `file-unwritable`; then all of them are still there.
 */
export function removeArtifact(modelsDir: string, modelId: string): boolean {
  const folder = join(modelsDir, checkedId(modelId));
  if (!exists(folder)) return false;
  const temporary = join(modelsDir, `${temporaryPrefix}${modelId}-${Date.now()}`);
  try {
    Deno.renameSync(folder, temporary);
    syncDirectory(modelsDir);
  } catch (error) {
    throw isOfSystem(error)
      ? new Failure(
        "file-unwritable",
        `Cannot remove ${folder}: ${reasonOf(error)}. Make the folder writable.`,
      )
      : error;
  }
  try {
    Deno.removeSync(temporary, { recursive: true });
  } catch (error) {
    // What is left has the name of an unfinished write, which the next training removes.
    if (!isOfSystem(error)) throw error;
  }
  return true;
}
