import { join } from "node:path";
import { Failure } from "../failure.ts";
import { syncDirectory } from "../runtime/durable_file.ts";
import { checkedId, exists, isOfSystem, reasonOf, temporaryPrefix } from "./artifact.ts";

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
