import { join } from "node:path";
import { Failure } from "../../pipeline/failure.ts";
import { readArtifact } from "../../pipeline/model/artifact.ts";
import type { ModelRow } from "../../pipeline/model/registry.ts";
import { createLru } from "../../pipeline/runtime/lru.ts";
import type { ModelContent } from "./loaded_model.ts";
import { cachedModelsMax } from "./loaded_model_cache.ts";

interface Entry {
  readonly content: ModelContent;
  readonly checksum: string;
  /** State of the files when they were read. */
  readonly stamp: string;
}

/**
 * Reads registered models from their folder.
 * Keeps the models read last. A model is not read and verified again as long as its files do not change.
 */
export function createArtifactCache(modelsDir: string) {
  const entries = createLru<Entry>(cachedModelsMax);
  return {
    /**
     * @throws {Failure} `model-unknown` if the files are missing, `artifact-corrupt` if they are not those that were registered.
     */
    read(row: ModelRow): ModelContent {
      const { modelId, version, checksum } = row;
      const stamp = stampOf(join(modelsDir, modelId));
      const known = entries.get(modelId);
      const isUnchanged = stamp !== "" && known?.stamp === stamp && known.checksum === checksum;
      const content = isUnchanged ? { ...known.content, version } : readContent(modelsDir, row);
      return entries.set(modelId, { content, checksum, stamp }).content;
    },
  };
}

function readContent(modelsDir: string, { modelId, version, checksum }: ModelRow): ModelContent {
  const artifact = readArtifact(modelsDir, modelId);
  if (artifact.checksum !== checksum) {
    throw new Failure(
      "artifact-corrupt",
      `The model ${modelId} cannot be used: its files are not those that were registered. Train it again.`,
    );
  }
  return { modelId, version, checksum, metadata: artifact.metadata };
}

/** Returns a text that changes with any file of the folder; empty if the folder cannot be read, which `readArtifact` reports. */
function stampOf(folder: string): string {
  try {
    return [".", ...[...Deno.readDirSync(folder)].map(({ name }) => name).sort()].map((name) => {
      const { ino, size, mtime, ctime } = Deno.lstatSync(join(folder, name));
      return `${name} ${ino} ${size} ${mtime?.getTime()} ${ctime?.getTime()}`;
    }).join("\n");
  } catch {
    return "";
  }
}
