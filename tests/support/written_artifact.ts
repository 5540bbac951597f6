import { type Artifact, type KeptFiles, makeArtifact } from "../../pipeline/model/artifact.ts";
import { placeArtifact } from "../../pipeline/model/artifact_folder.ts";
import type { ArtifactMetadata } from "../../pipeline/model/artifact_metadata.ts";

/** Writes a model to a models folder. */
export function writeArtifact(modelsDir: string, metadata: ArtifactMetadata, kept: KeptFiles = {}): Artifact {
  const artifact = makeArtifact(metadata);
  placeArtifact(modelsDir, artifact, kept);
  return artifact;
}
