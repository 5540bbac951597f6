import {
  type Artifact,
  artifactOf,
  type ArtifactStore,
  checkedId,
  equalBytes,
  keptBytesMax,
  type KeptFiles,
  modelFile,
  weightsFile,
} from "./artifact.ts";
import { Failure } from "../failure.ts";
import type { OpenObjects } from "../object_store/open_objects.ts";

/**
 * Stores models as the objects `<id>/model.json` and `<id>/weights.bin`. model.json is written last and removed first: a model
 * without it is not there.
 */
export function createObjectArtifacts(objects: OpenObjects): ArtifactStore {
  const { location } = objects;
  const keyOf = (modelId: string, name: string) => `${checkedId(modelId)}/${name}`;

  async function requireObject(modelId: string, name: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await objects.get(keyOf(modelId, name));
    if (bytes) return bytes;
    if (name === modelFile) throw modelUnknown(modelId, location);
    throw new Failure(
      "artifact-corrupt",
      `The model ${modelId} cannot be used: ${location}/${modelId}/${name} is missing. Train it again, or restore the object.`,
    );
  }

  /**
   * Writes an object, unless it is there with the same bytes. Reads it back: what answers might not be the object store.
   *
   * @returns Whether it was there.
   */
  async function place(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const isNew = await objects.create(key, bytes);
    if (await isThere(key, bytes)) return !isNew;
    // It was damaged, or has just been removed. Nothing right is lost: there is one content for a model's key.
    await objects.replace(key, bytes);
    if (await isThere(key, bytes)) return false;
    throw new Failure(
      "artifacts-unavailable",
      `Cannot write ${location}/${key}: it was written, but is not read back as it was. Check what answers there.`,
    );
  }

  async function isThere(key: string, bytes: Uint8Array): Promise<boolean> {
    const found = await objects.get(key);
    return found !== undefined && equalBytes(found, bytes);
  }

  return {
    location,
    async read(modelId) {
      const modelJson = await requireObject(modelId, modelFile);
      const weights = await requireObject(modelId, weightsFile);
      try {
        return artifactOf(modelId, { modelJson, weights });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        throw new Failure(error.kind, `${error.message} It was read from ${location}/${modelId}/.`);
      }
    },
    async readKept(modelId, name) {
      const bytes = await objects.get(keyOf(modelId, name));
      return bytes && bytes.length <= keptBytesMax ? bytes : undefined;
    },
    async write({ id, files: { modelJson, weights } }: Artifact, kept: KeptFiles = {}) {
      await place(keyOf(id, weightsFile), weights);
      for (const [name, bytes] of Object.entries(kept)) await place(keyOf(id, name), bytes);
      return await place(keyOf(id, modelFile), modelJson) ? "there" : "written";
    },
    async remove(modelId) {
      const keys = await objects.list(`${checkedId(modelId)}/`);
      const first = keyOf(modelId, modelFile);
      await objects.remove(first);
      for (const key of keys) if (key !== first) await objects.remove(key);
      return keys.length > 0;
    },
    async confirm(modelId) {
      if (!await objects.has(keyOf(modelId, modelFile))) throw modelUnknown(modelId, location);
    },
    check: () => objects.check(),
    close: () => objects.close(),
    stamp: () => "",
  };
}

function modelUnknown(modelId: string, location: string): Failure {
  return new Failure(
    "model-unknown",
    `There is no model ${modelId} in ${location}. clickwell models list shows those that are registered.`,
  );
}
