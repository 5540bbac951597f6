import type { ArtifactMetadata } from "./artifact_metadata.ts";
import { createPredictor, type ServableModel } from "./predictor.ts";
import type { RawExamples } from "./raw_examples.ts";
import type { FeatureSpec } from "./spec.ts";

/** A row of raw fields, as a client would send it. */
export type GoldenRow = ArtifactMetadata["golden"][number]["features"];

const goldenCount = 8;

/** Some rows of raw fields, spread evenly over the data. */
export function pickGolden({ chunks, levels }: RawExamples, spec: FeatureSpec): GoldenRow[] {
  const count = Math.min(goldenCount, chunks.length);
  return Array.from({ length: count }, (_, i) => {
    const chunk = chunks[Math.floor((i * chunks.length) / count)];
    const row: GoldenRow = {};
    let numericIndex = 0;
    let categoricalIndex = 0;
    for (const { name, type } of spec.features) {
      if (type === "numeric") {
        const value = chunk.numeric[numericIndex++];
        row[name] = Number.isFinite(value) ? value : null;
      } else {
        row[name] = levels[categoricalIndex][chunk.codes[categoricalIndex++][0]];
      }
    }
    return row;
  });
}

/** The rows with the probabilities that the model gives them: what every later load must repeat. */
export function goldenOf(model: ServableModel, rows: readonly GoldenRow[]): ArtifactMetadata["golden"] {
  const predictor = createPredictor(model);
  return rows
    .map((features) => ({ features, probability: predictor.predict(features, { errors: [], unseen: [] }) }))
    // A row that the model refuses (null where it may not be) is no example of what it answers.
    .filter(({ probability }) => Number.isFinite(probability));
}
