import type { ArtifactStore } from "./artifact.ts";
import { createFolderStore } from "./artifact_folder.ts";

/** Opens the place of the models. @param models The path of a folder. */
export function openArtifacts({ models }: { readonly data: string; readonly models: string }): ArtifactStore {
  return createFolderStore(models);
}

/** Returns the place of the models as messages name it. @param models As for `openArtifacts`. */
export function locationOf(models: string): string {
  return models;
}
