import { type ChunkStore, type ColumnMaker, createChunkStore, loadEach } from "../chunks/chunk_store.ts";
import { plainFields, type StoredChunk } from "../chunks/chunk_file.ts";
import { binEdges } from "./bin_edges.ts";
import { cellsOf, type GroupPlan, planGroups } from "./cells.ts";
import { withCrosses } from "./crosses.ts";
import type { DesignChunk, DesignMatrix } from "./design_matrix.ts";
import { deriveColumns } from "./derived_columns.ts";
import {
  createEncoder,
  type Encoder,
  type NumericEncoder,
  numericOf,
  numericSpecsOf,
  transformed,
} from "./encoder.ts";
import { type Factor, factorsOf } from "./factors.ts";
import { orderByPart, type OrderedChunk, strideOf } from "../examples/ordered_chunk.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import type { Partition } from "../examples/split.ts";
import { imputationsOf } from "./imputation.ts";
import { type PooledLevels, summarise } from "./summarise.ts";

/** The design matrix, and the encoder that produced it. */
export interface EncodedExamples {
  readonly encoder: Encoder;
  readonly design: DesignMatrix;
  readonly pooled: readonly PooledLevels[];
}

export interface EncodeOptions {
  /**
   * Whether levels that were always or never clicked are pooled with the unseen ones: without a penalty their log-odds would
   * be infinite.
   */
  readonly poolPure: boolean;
  /** Whether the design keeps the group hashes of the rows. */
  readonly withGroups?: boolean;
  /** Stores the chunks of the design. */
  readonly chunkStore?: ChunkStore;
}

/**
 * Fits the encoder on the training part and encodes all rows with it. Yields after each pass over the rows, which is long for
 * many rows.
 *
 * @param raw Consumed: its columns become the design's, in place, so that a large data set is in memory once.
 */
export function* encodeInSteps(
  raw: RawExamples,
  spec: FeatureSpec,
  partition: Partition,
  options: EncodeOptions,
): Generator<void, EncodedExamples> {
  const { poolPure, withGroups = false, chunkStore = createChunkStore() } = options;
  const ordered = chunkStore.rewrite(raw.chunks, (chunk) => orderByPart(chunk, partition));
  yield;
  const derived = deriveColumns(ordered, spec.features, chunkStore);
  yield;
  const numeric = numericSpecsOf(spec);
  const isWeighted = spec.weight !== undefined;
  // From the raw values. All later passes see transformed values.
  const imputations = yield* imputationsOf(() => loadEach(derived), numeric, isWeighted);
  const chunks = transformColumns(derived, numeric, chunkStore);
  yield;
  const edges = binEdges(() => loadEach(chunks), numeric, isWeighted);
  const pooled: PooledLevels[] = [];
  const summaries = summarise(() => loadEach(chunks), raw, spec, {
    imputations,
    edges,
    poolPure,
    onPooled: (levels) => pooled.push(levels),
  });
  yield;
  const walk = () => loadEach(chunks);
  const fields = createEncoder(spec, summaries);
  const factors = factorsOf(walk, raw.levels, fields);
  const encoder = withCrosses(fields, spec, factors, walk);
  const { partCount } = partition;
  const design = buildDesign(chunks, factors, encoder, { partCount, withGroups, chunkStore });
  return { encoder, design, pooled };
}

/** Encodes rows with the encoder of an existing model. @param raw Consumed. */
export function encodeWith(
  raw: RawExamples,
  encoder: Encoder,
  partition: Partition,
  chunkStore: ChunkStore = createChunkStore(),
): DesignMatrix {
  const ordered = chunkStore.rewrite(raw.chunks, (chunk) => orderByPart(chunk, partition));
  const derived = deriveColumns(ordered, encoder.features, chunkStore);
  const chunks = transformColumns(derived, numericOf(encoder), chunkStore);
  return buildDesign(chunks, factorsOf(() => loadEach(chunks), raw.levels, encoder), encoder, {
    partCount: partition.partCount,
    withGroups: false,
    chunkStore,
  });
}

/** Transforms the numeric columns, in place. Missing values stay missing. */
function transformColumns(
  chunks: StoredChunk<OrderedChunk>[],
  features: readonly Pick<NumericEncoder, "transform">[],
  chunkStore: ChunkStore,
): StoredChunk<OrderedChunk>[] {
  if (features.every(({ transform }) => transform === "none")) return chunks;
  return chunkStore.rewrite(chunks, (chunk) => {
    const { numeric } = chunk;
    const stride = strideOf(chunk);
    features.forEach(({ transform }, field) => {
      if (transform === "none") return;
      for (let k = field; k < numeric.length; k += stride) numeric[k] = transformed(transform, numeric[k]);
    });
    return chunk;
  });
}

/** @param chunks With transformed numeric columns. Consumed: they become the design's. */
function buildDesign(
  chunks: StoredChunk<OrderedChunk>[],
  factors: readonly Factor[],
  encoder: Encoder,
  options: { partCount: number; withGroups: boolean; chunkStore: ChunkStore },
): DesignMatrix {
  const { partCount, withGroups, chunkStore } = options;
  const numericFeatures = numericOf(encoder);
  const plans = planGroups(() => loadEach(chunks), factors, encoder);
  const designChunks = chunkStore.rewrite(
    chunks,
    (chunk) => designChunkOf(chunk, plans, numericFeatures, { withGroups, columns: chunkStore.columns }),
  );
  const partRows = new Array<number>(partCount).fill(0);
  for (const chunk of designChunks) {
    plainFields(chunk).partEnds.forEach((end, part, ends) => partRows[part] += end - (ends[part - 1] ?? 0));
  }
  return {
    columnCount: encoder.columnCount,
    numericColumns: numericFeatures.map((feature) => feature.column),
    groups: plans.map(({ group }) => group),
    chunks: designChunks,
    partRows,
  };
}

function designChunkOf(
  chunk: OrderedChunk,
  plans: readonly GroupPlan[],
  numericFeatures: readonly NumericEncoder[],
  { withGroups, columns }: { withGroups: boolean; columns: ColumnMaker },
): DesignChunk {
  // Before missing numbers are imputed: the indicators read them from the columns.
  const cells = plans.map((plan) => cellsOf(plan, chunk, columns));
  numericFeatures.forEach((feature, field) => standardise(chunk, field, feature));
  const { partEnds, numeric, labels, weights, times, groups } = chunk;
  return {
    partEnds,
    numeric,
    cells,
    labels,
    ...(weights ? { weights } : {}),
    ...(times ? { times } : {}),
    ...(withGroups ? { groups } : {}),
  };
}

/** As `encodeNumeric`, in place, on values that are already transformed. */
function standardise(
  chunk: OrderedChunk,
  field: number,
  { transform, impute, mean, scale }: NumericEncoder,
): void {
  const imputed = (transformed(transform, impute) - mean) / scale;
  const { numeric } = chunk;
  const stride = strideOf(chunk);
  for (let k = field; k < numeric.length; k += stride) {
    numeric[k] = numeric[k] === numeric[k] ? (numeric[k] - mean) / scale : imputed;
  }
}
