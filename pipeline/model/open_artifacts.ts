import { join } from "node:path";
import type { ArtifactStore } from "./artifact.ts";
import { createFolderStore } from "./artifact_folder.ts";
import { createCachedArtifacts } from "./cached_artifacts.ts";
import { isObjectUrl, locationOf, parseObjectUrl } from "../object_store/object_url.ts";

/** The folder in the data folder that has copies of the models of an object store. */
export const cacheFolderName = "models-cache";

/**
 * Opens the place of the models. Nothing of object stores is loaded, and nothing is sent, before a model is asked for.
 *
 * @param places.data The data folder.
 * @param places.models The path of a folder, or the URL of an object store: see `parseObjectUrl`.
 * @throws {Failure} `usage-invalid` for a wrong URL.
 */
export function openArtifacts(
  { data, models }: { readonly data: string; readonly models: string },
): ArtifactStore {
  if (!isObjectUrl(models)) return createFolderStore(models);
  const url = parseObjectUrl(models);
  return createCachedArtifacts({
    cacheDir: join(data, cacheFolderName),
    location: locationOf(models),
    async open() {
      const { openObjects } = await import("../object_store/open_objects.ts");
      const { createObjectArtifacts } = await import("./artifact_objects.ts");
      return createObjectArtifacts(openObjects(url));
    },
  });
}
