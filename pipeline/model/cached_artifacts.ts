import { join } from "node:path";
import { type Artifact, type ArtifactStore, checkedId } from "./artifact.ts";
import { createFolderStore, removeArtifact, restoreKept } from "./artifact_folder.ts";
import { Failure } from "../failure.ts";
import { isOfSystem } from "../runtime/system_error.ts";

/** Models that a cache holds. */
const modelsMax = 256;

export interface CachedOptions {
  /** The folder of the copies. */
  readonly cacheDir: string;
  readonly location: string;
  /** Opens the store of which copies are kept; called once, when it is first needed. */
  readonly open: () => Promise<ArtifactStore>;
}

/**
 * Keeps copies of the models of another store in a folder, and reads them there first. An id names its content, so that a copy never
 * is an old one; a damaged copy is fetched again. A cache that cannot be written is no failure: each read then goes to the store.
 */
export function createCachedArtifacts({ cacheDir, location, open }: CachedOptions): ArtifactStore {
  const near = createFolderStore(cacheDir);
  let opened: Promise<ArtifactStore> | undefined;
  let closed = false;
  const far = () =>
    opened ??= open().then((store) => {
      if (closed) store.close?.();
      return store;
    });

  async function keep(work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Failure || isOfSystem(error))) throw error;
    }
  }

  return {
    location,
    async read(modelId) {
      const copy = await intactCopy(near, modelId);
      if (copy) return copy;
      const artifact = await (await far()).read(modelId);
      await keep(() => near.write(artifact));
      await keep(() => removeOldest(cacheDir));
      return artifact;
    },
    async readKept(modelId, name) {
      const copy = await near.readKept(modelId, name);
      if (copy) return copy;
      const bytes = await (await far()).readKept(modelId, name);
      if (bytes && near.stamp(modelId) !== "") {
        await keep(() => restoreKept(join(cacheDir, modelId), { [name]: bytes }));
      }
      return bytes;
    },
    async write(artifact, kept) {
      const outcome = await (await far()).write(artifact, kept);
      await keep(() => near.write(artifact, kept));
      return outcome;
    },
    async remove(modelId) {
      const removed = await (await far()).remove(modelId);
      await keep(() => near.remove(modelId));
      return removed;
    },
    async confirm(modelId) {
      try {
        await (await far()).confirm(modelId);
      } catch (error) {
        // Without the store, a model with a copy can be assigned: to go back to one must be possible then.
        const isAway = error instanceof Failure && error.kind === "artifacts-unavailable";
        if (!isAway) throw error;
      }
    },
    async check() {
      await (await far()).check?.();
    },
    close() {
      closed = true;
      opened?.then((store) => store.close?.(), () => {});
    },
    stamp: near.stamp,
  };
}

async function intactCopy(near: ArtifactStore, modelId: string): Promise<Artifact | undefined> {
  try {
    return await near.read(checkedId(modelId));
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** Removes the copies made first. */
function removeOldest(cacheDir: string): void {
  const copies = [...Deno.readDirSync(cacheDir)].filter(({ name }) => /^cw-[0-9a-f]{16}$/.test(name));
  if (copies.length <= modelsMax) return;
  const byAge = copies.map(({ name }) => ({
    name,
    time: Deno.lstatSync(join(cacheDir, name)).mtime?.getTime() ?? 0,
  }))
    .sort((a, b) => b.time - a.time);
  for (const { name } of byAge.slice(modelsMax)) removeArtifact(cacheDir, name);
}
