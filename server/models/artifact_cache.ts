import { Failure } from "../../pipeline/failure.ts";
import type { ArtifactStore } from "../../pipeline/model/artifact.ts";
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

/** Reads registered models. Keeps those read last: a model is not read and verified again as long as its files do not change. */
export function createArtifactCache(artifacts: ArtifactStore) {
  const entries = createLru<Entry>(cachedModelsMax);
  return {
    /**
     * @throws {Failure} `model-unknown` if the files are missing, `artifact-corrupt` if they are not those that were registered,
     *   `artifacts-unavailable`.
     */
    async read(row: ModelRow): Promise<ModelContent> {
      const { modelId, version, checksum } = row;
      const stamp = artifacts.stamp(modelId);
      const known = entries.get(modelId);
      const isUnchanged = stamp !== "" && known?.stamp === stamp && known.checksum === checksum;
      const content = isUnchanged ? { ...known.content, version } : await readContent(artifacts, row);
      return entries.set(modelId, { content, checksum, stamp }).content;
    },
  };
}

async function readContent(
  artifacts: ArtifactStore,
  { modelId, version, checksum }: ModelRow,
): Promise<ModelContent> {
  const artifact = await artifacts.read(modelId);
  if (artifact.checksum !== checksum) {
    throw new Failure(
      "artifact-corrupt",
      `The model ${modelId} cannot be used: its files are not those that were registered. Train it again.`,
    );
  }
  return { modelId, version, checksum, metadata: artifact.metadata };
}
