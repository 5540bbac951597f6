import source from "./score.js" with { type: "text" };
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import { leastAt } from "./bin_edges.ts";

/** Returns a JavaScript module that exports `score(row)`. @param title A line for its first comment. */
export function jsScorer(
  { encoder, coefficients, intercept, network }: Pick<
    ArtifactMetadata,
    "encoder" | "coefficients" | "intercept" | "network"
  >,
  title: string,
): string {
  // In the field's unit, so that the logarithms of two engines cannot disagree about an edge.
  const features = encoder.features.map((feature) =>
    feature.type === "numeric" && feature.edges
      ? { ...feature, edges: feature.edges.map((edge) => leastAt(feature.transform, edge)) }
      : feature
  );
  const model = { encoder: { ...encoder, features }, coefficients, intercept, network };
  return [
    `// ${title}`,
    source,
    `/** Returns the probability of a click for the raw fields of a row; NaN if the value of a field is invalid. */`,
    `export const score = createScore(${JSON.stringify(model)});`,
    "",
  ].join("\n");
}
