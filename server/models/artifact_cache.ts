import { join } from "node:path";
import { readArtifact } from "../../pipeline/model/artifact.ts";
import { Failure } from "../../pipeline/failure.ts";
import type { ModelRow } from "../../pipeline/model/registry.ts";
import { keptModelsMax } from "./loaded_model_cache.ts";
import type { ModelContent } from "./loaded_model.ts";

/** Reads registered models from their folder. */
export interface ArtifactCache {
  /**
   * @throws {Failure} `model-unknown` where there are no files, `artifact-corrupt` where they are not what was registered.
   */
  read(row: ModelRow): ModelContent;
}

interface Entry {
  readonly content: ModelContent;
  readonly checksum: string;
  /** Of the files, when they were read. */
  readonly stamp: string;
}

/**
 * Keeps what was read last: a model that is put in production again is not read and proven again, as long as its files
 * are not touched.
 */
export function createArtifactCache(modelsDir: string): ArtifactCache {
  /** By id, the one that was asked for longest ago first. */
  const kept = new Map<string, Entry>();
  return {
    read(row) {
      const { modelId, version, checksum } = row;
      const stamp = stampOf(join(modelsDir, modelId));
      const known = kept.get(modelId);
      kept.delete(modelId);
      const untouched = stamp !== "" && known?.stamp === stamp && known.checksum === checksum;
      const content = untouched ? { ...known.content, version } : readContent(modelsDir, row);
      kept.set(modelId, { content, checksum, stamp });
      if (kept.size > keptModelsMax) kept.delete(kept.keys().next().value ?? "");
      return content;
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

/** Changes whenever a file of the folder does; empty where it cannot be read, which reading it will tell. */
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
