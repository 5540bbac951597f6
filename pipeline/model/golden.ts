import type { ArtifactMetadata } from "./artifact_metadata.ts";
import { createLoader } from "../chunks/chunk_store.ts";
import { plainFields } from "../chunks/chunk_file.ts";
import { strideOf } from "../examples/ordered_chunk.ts";
import { createFindings } from "./findings.ts";
import { createPredictor, type ServableModel } from "./predictor.ts";
import type { RawChunk, RawExamples } from "../examples/raw_examples.ts";
import { inputColumnsOf, servedColumnsOf } from "../examples/input_columns.ts";
import type { FeatureSpec } from "../examples/spec.ts";

/** A row of raw fields in the form that clients send. */
export type GoldenRow = ArtifactMetadata["golden"][number]["features"];

/** Number of rows that are verified whenever a model is loaded. */
export const goldenCount = 8;

/** Picks up to 8 rows of raw fields, evenly spaced over the data. */
export function pickGolden({ rowCount, chunks, levels }: RawExamples, spec: FeatureSpec): GoldenRow[] {
  const count = Math.min(goldenCount, rowCount);
  const places = Array.from({ length: count }, (_, i) => Math.floor((i * rowCount) / count));
  const loader = createLoader();
  const read = createRawRowReader(levels, spec);
  let end = 0;
  return chunks.flatMap((stored) => {
    const from = end;
    end += plainFields(stored).rowCount;
    const own = places.filter((place) => place >= from && place < end);
    return own.map((place) => read(loader.load(stored), place - from));
  });
}

/** Returns a function that gives a row of a chunk in the form that clients send. */
export function createRawRowReader(
  levels: RawExamples["levels"],
  spec: FeatureSpec,
): (chunk: RawChunk, at: number) => GoldenRow {
  const inputs = inputColumnsOf(spec.features);
  const served = new Set(servedColumnsOf(spec.features).map(({ name }) => name));
  const { time, features, rates = [] } = spec;
  const decays = [...features, ...rates].some((one) => "halfLife" in one && one.halfLife !== undefined);
  return (chunk, at) => {
    const row: GoldenRow = {};
    let numericIndex = at * strideOf(chunk);
    let categoricalIndex = 0;
    const set = (name: string, value: GoldenRow[string]) => {
      if (served.has(name)) row[name] = value;
    };
    for (const { name, kind } of inputs) {
      if (kind === "number") {
        const value = chunk.numeric[numericIndex++];
        set(name, Number.isFinite(value) ? value : null);
      } else {
        set(name, levels[categoricalIndex][chunk.codes[categoricalIndex++][at]]);
      }
    }
    if (time !== undefined && decays) {
      const value = chunk.times?.[at] ?? NaN;
      row[time] = Number.isFinite(value) ? value : null;
    }
    return row;
  };
}

/** Returns the rows with the model's probabilities, which are verified whenever the model is loaded. */
export function goldenOf(model: ServableModel, rows: readonly GoldenRow[]): ArtifactMetadata["golden"] {
  const predictor = createPredictor(model);
  return rows
    .map((features) => ({ features, probability: predictor.predict(features, createFindings()) }))
    // Rows that the model rejects (null in a field that must not be null) are left out.
    .filter(({ probability }) => Number.isFinite(probability));
}
