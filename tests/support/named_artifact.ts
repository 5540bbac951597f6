import type { Artifact } from "../../pipeline/model/artifact.ts";
import type { ArtifactMetadata } from "../../pipeline/model/artifact_metadata.ts";

/** Metadata of a model: the registry keeps parts of it, and does not read the model's files. */
const metadata: ArtifactMetadata = {
  layout: 1,
  program: "0.0.0",
  spec: {},
  encoder: { features: [], columnCount: 0 },
  coefficients: [],
  intercept: 0,
  hyperParameters: { penalty: "l2", C: 0.1 },
  data: { fingerprint: "", rows: { train: 8, test: 2, left_out: 0 }, clicks: { train: 3, test: 1 } },
  metrics: { log_loss: 0.5, auc: null, brier: 0.2, ece: 0.1, base_log_loss: 0.6, calibration: [] },
  solver: { name: "newton", iterations: 5, gradientMax: 1e-11, objective: 0.5 },
  notes: [],
  golden: [],
};

/** What the registry takes of an artifact. */
export type NamedArtifact = Pick<Artifact, "id" | "metadata" | "checksum">;

/** Returns an artifact for the registry whose id and checksum are a digit, repeated. */
export function namedArtifact(digit: string): NamedArtifact {
  return { id: `cw-${digit.repeat(16)}`, metadata, checksum: digit.repeat(64) };
}
