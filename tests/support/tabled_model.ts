import { packCells, packPositions } from "../../pipeline/encode/packed_table.ts";
import { axesOf } from "../../pipeline/encode/table_lookup.ts";
import type { ArtifactMetadata } from "../../pipeline/model/artifact_metadata.ts";
import { createFindings } from "../../pipeline/model/findings.ts";
import { createPredictor } from "../../pipeline/model/predictor.ts";

/** Replaces the columns of a model by invented curves of all fields, and tables of each field and the next one. */
export function tabled(metadata: ArtifactMetadata): ArtifactMetadata {
  const { intercept, golden } = metadata;
  const features = metadata.encoder.features.map((feature) => {
    const { name, nullable } = feature;
    if (feature.type === "numeric") {
      return {
        type: "binned" as const,
        name,
        nullable,
        edges: [-5, 0, 11.5, 9_000, 15_000.5, 1e9],
        column: 0,
      };
    }
    if (feature.type !== "categorical") throw new Error(`a test has no ${feature.type} in tables`);
    const values = name === "lender_id" ? "integer" as const : "text" as const;
    return { type: "levels" as const, name, nullable, values, levels: feature.levels, column: 0 };
  });
  const axes = axesOf({ features });
  const places = [...axes.keys()].map((a) => [a]).concat([...axes.keys()].slice(1).map((a) => [a - 1, a]));
  const tables = places.map((of, column) => {
    const counts = of.map((a) => axes[a].positionCount);
    const size = counts.reduce((product, count) => product * count, 1);
    return {
      of: of.map((a) => axes[a].name),
      positions: counts.map((count) => packPositions([...Array(count).keys()])),
      cells: packCells(Float64Array.from({ length: size }, (_, i) => Math.sin(7 * column + i))),
      column,
    };
  });
  const encoder: ArtifactMetadata["encoder"] = { features, tables, columnCount: tables.length };
  const coefficients = tables.map((_, t) => 0.5 + t / 20);
  const predictor = createPredictor({ encoder, coefficients, intercept });
  return {
    ...metadata,
    encoder,
    coefficients,
    golden: golden.map(({ features }) => ({
      features,
      probability: predictor.predict(features, createFindings()),
    })),
  };
}
