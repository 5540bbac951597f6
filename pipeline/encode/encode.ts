import { fillGroups } from "./cells.ts";
import type { DesignChunk, DesignMatrix } from "./design_matrix.ts";
import { createEncoder, type Encoder, type NumericEncoder, transformed } from "./encoder.ts";
import { orderByPart, type OrderedChunk, strideOf } from "../examples/ordered_chunk.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import type { Partition } from "../examples/split.ts";
import { type JoinedLevels, summarise, transformColumn } from "./summarise.ts";

/** The design matrix and the encoder that made it. */
export interface EncodedExamples {
  readonly encoder: Encoder;
  readonly design: DesignMatrix;
  readonly joined: readonly JoinedLevels[];
}

/**
 * Fits the encoder on the training part and encodes all rows with it.
 *
 * @param raw Is used up: its columns become the design's, in place, so that a large data set is in memory once.
 * @param options.joinPure Levels that were always or never clicked share the column of unseen ones: without a penalty
 *   their log-odds would be infinite.
 */
export function encodeExamples(
  raw: RawExamples,
  spec: FeatureSpec,
  partition: Partition,
  options: { joinPure: boolean },
): EncodedExamples {
  const chunks = raw.chunks.splice(0).map((chunk) => orderByPart(chunk, partition));
  const joined: JoinedLevels[] = [];
  const summaries = summarise(chunks, raw.levels, spec, (levels) => joined.push(levels), options.joinPure);
  const encoder = createEncoder(spec, summaries);
  return { encoder, design: buildDesign(chunks, raw.levels, encoder, partition.partCount), joined };
}

/**
 * Encodes rows with the encoder of a model that was trained before.
 *
 * @param raw Is used up.
 */
export function encodeWith(raw: RawExamples, encoder: Encoder, partition: Partition): DesignMatrix {
  const chunks = raw.chunks.splice(0).map((chunk) => orderByPart(chunk, partition));
  numericOf(encoder).forEach(({ transform }, field) => transformColumn(chunks, field, transform));
  return buildDesign(chunks, raw.levels, encoder, partition.partCount);
}

function numericOf({ features }: Encoder): NumericEncoder[] {
  return features.filter((feature) => feature.type === "numeric");
}

/** @param chunks With the numeric columns transformed; they become the design's. */
function buildDesign(
  chunks: readonly OrderedChunk[],
  levels: RawExamples["levels"],
  encoder: Encoder,
  partCount: number,
): DesignMatrix {
  const numericFeatures = numericOf(encoder);
  // Before the numeric columns are filled up: the indicators read from them what is missing.
  const groups = fillGroups(chunks, levels, encoder);
  numericFeatures.forEach((feature, field) => standardise(chunks, field, feature));
  const designChunks = chunks.map(({ partEnds, numeric, labels, weights }, c): DesignChunk => ({
    partEnds,
    numeric,
    cells: groups.map(({ cells }) => cells[c]),
    labels,
    ...(weights ? { weights } : {}),
  }));
  const partRows = Array.from(
    { length: partCount },
    (_, part) =>
      chunks.reduce((sum, { partEnds }) => sum + partEnds[part] - (part === 0 ? 0 : partEnds[part - 1]), 0),
  );
  return {
    columnCount: encoder.columnCount,
    numericColumns: numericFeatures.map((feature) => feature.column),
    groups: groups.map(({ group }) => group),
    chunks: designChunks,
    partRows,
  };
}

/** As `encodeNumeric`, in place, from values that are transformed already. */
function standardise(
  chunks: readonly OrderedChunk[],
  field: number,
  { transform, impute, mean, scale }: NumericEncoder,
): void {
  const stand = (transformed(transform, impute) - mean) / scale;
  for (const chunk of chunks) {
    const { numeric } = chunk;
    const stride = strideOf(chunk);
    for (let k = field; k < numeric.length; k += stride) {
      numeric[k] = numeric[k] === numeric[k] ? (numeric[k] - mean) / scale : stand;
    }
  }
}
