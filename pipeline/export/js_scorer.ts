import source from "./score.js" with { type: "text" };
import tablesSource from "./score_tables.js" with { type: "text" };
import { axesOf, unpackTable } from "../encode/table_lookup.ts";
import { Failure } from "../failure.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import { hasTimes } from "../model/table_terms.ts";
import type { Encoder } from "../encode/encoder.ts";
import { leastAt } from "./bin_edges.ts";

/** Returns a JavaScript module that exports `score(row)`. @param title A line for its first comment. */
export function jsScorer(
  { encoder, coefficients, intercept, network, calibration }: Pick<
    ArtifactMetadata,
    "encoder" | "coefficients" | "intercept" | "network" | "calibration"
  >,
  title: string,
): string {
  // In the field's unit, so that the logarithms of two engines cannot disagree about an edge.
  const features = encoder.features.map((feature) => {
    if (feature.type === "binned" && hasTimes(feature)) return { ...feature, isTime: true };
    if (feature.type !== "numeric") return feature;
    const inUnit = (edges: readonly number[]) => edges.map((edge) => leastAt(feature.transform, edge));
    const { edges, resolutions } = feature;
    return {
      ...feature,
      ...(edges ? { edges: inUnit(edges) } : {}),
      ...(resolutions
        ? { resolutions: resolutions.map(({ bins, edges }) => ({ bins, edges: inUnit(edges) })) }
        : {}),
    };
  });
  const tables = encoder.tables && { tables: tablesOf(encoder) };
  // A platt map is in the weights.
  const map = calibration?.method === "isotonic"
    ? { logits: calibration.logits, mapped: calibration.log_odds }
    : undefined;
  const model = { encoder: { ...encoder, features, ...tables }, coefficients, intercept, network, map };
  return [
    `// ${title}`,
    source,
    ...(tables ? [tablesSource] : []),
    `/** Returns the probability of a click for the raw fields of a row; NaN if the value of a field is invalid. */`,
    `export const score = createScore(${JSON.stringify(model)});`,
    "",
  ].join("\n");
}

/** Returns tables as arrays of numbers; an axis is the index of its feature, and its own among those of the feature. */
function tablesOf(encoder: Encoder) {
  const axes = axesOf(encoder);
  return (encoder.tables ?? []).flatMap((table) => {
    const unpacked = unpackTable(table, axes);
    if (!unpacked) return [];
    const { positions: [rows, columns], columnCount, cells } = unpacked;
    const of = unpacked.axes.map((axis) => {
      const { feature } = axes[axis];
      return [feature, axis - axes.findIndex((other) => other.feature === feature)];
    });
    return [{
      of,
      rows: [...rows],
      ...(columns ? { columns: [...columns] } : {}),
      columnCount,
      cells: [...cells],
      column: table.column,
    }];
  });
}

/** Largest accepted difference of a probability. */
const tolerance = 1e-9;

/**
 * Runs a scorer on the model's golden examples: a model may have parts that scorers do not know.
 *
 * @param module The text of the module.
 * @throws {Failure} `input-invalid` if an example gives another probability.
 */
export function requireAgreement({ golden }: Pick<ArtifactMetadata, "golden">, module: string): void {
  const load = new Function(`${module.replaceAll(/^export /gm, "")}\nreturn score;`);
  const score: (row: ArtifactMetadata["golden"][number]["features"]) => number = load();
  for (const { features, probability } of golden) {
    const found = score(features);
    if (Math.abs(found - probability) <= tolerance) continue;
    throw new Failure(
      "input-invalid",
      `Cannot export the model: score.js would give ${found} for a golden example, and the model gives ${probability}. ` +
        "The model has parts that exports do not have.",
    );
  }
}
