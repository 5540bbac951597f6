import { type ChunkStore, type ColumnMaker, createChunkStore, loadEach } from "../chunks/chunk_store.ts";
import { plainFields, type StoredChunk } from "../chunks/chunk_file.ts";
import { type BinnedRows, binRows } from "./bin_rows.ts";
import { binEdges } from "./bin_edges.ts";
import { cellsOf, type GroupPlan, planGroups } from "./cells.ts";
import { withCrosses } from "./crosses.ts";
import type { DesignChunk, DesignMatrix } from "./design_matrix.ts";
import { deriveColumns } from "./derived_columns.ts";
import { exactPositions, exactValuesOf } from "./exact_values.ts";
import { createEncoder, numericSpecsOf } from "./create_encoder.ts";
import { type Encoder, type NumericEncoder, numericOf, transformed } from "./encoder.ts";
import { codesFactor, factorsOf } from "./factors.ts";
import { orderByPart, type OrderedChunk, strideOf } from "../examples/ordered_chunk.ts";
import { inputColumnsOf } from "../examples/input_columns.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import type { Partition } from "../examples/split.ts";
import { imputationsOf } from "./imputation.ts";
import { type RateColumn, rateColumnsOf, withRates } from "./rates.ts";
import { type PooledLevels, summarise } from "./summarise.ts";
import { planWords } from "./word_cells.ts";

/** The design matrix, and the encoder that produced it. */
export interface EncodedExamples {
  readonly encoder: Encoder;
  readonly design: DesignMatrix;
  readonly pooled: readonly PooledLevels[];
  /** The same rows as bins, if they were asked for. */
  readonly binned?: BinnedRows;
}

export interface EncodeOptions {
  /**
   * Whether levels that were always or never clicked are pooled with the unseen ones: without a penalty their log-odds would
   * be infinite.
   */
  readonly poolPure: boolean;
  /** Whether the rows are also returned as bins, from which tables are found. */
  readonly withBins?: boolean;
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
  const { poolPure, withBins = false, withGroups = false, chunkStore = createChunkStore() } = options;
  const ordered = chunkStore.rewrite(raw.chunks, (chunk) => orderByPart(chunk, partition));
  yield;
  // Before the numbers are transformed, in place.
  const binned = withBins ? yield* binRows(() => loadEach(ordered), raw, spec) : undefined;
  const derived = deriveColumns(ordered, spec.features, chunkStore);
  yield;
  const numeric = numericSpecsOf(spec);
  const isWeighted = spec.weight !== undefined;
  // From the raw values. All later passes see transformed values.
  const imputations = yield* imputationsOf(() => loadEach(derived), numeric, isWeighted);
  const pooled: PooledLevels[] = [];
  const onPooled = (levels: PooledLevels) => pooled.push(levels);
  const exactValues = exactValuesOf(() => loadEach(derived), numeric, { isWeighted, poolPure, onPooled });
  const transforms = numeric.map(({ transform }, i) => ({ transform, exactValues: exactValues[i] }));
  const chunks = transformColumns(derived, transforms, chunkStore);
  yield;
  const edges = binEdges(() => loadEach(chunks), numeric, isWeighted);
  const summaries = summarise(() => loadEach(chunks), raw, spec, {
    imputations,
    edges,
    exactValues,
    poolPure,
    onPooled,
  });
  yield;
  const walk = () => loadEach(chunks);
  const fields = createEncoder(spec, summaries);
  const factors = factorsOf(walk, raw.levels, fields);
  const crossed = withCrosses(fields, spec, factors, walk);
  const { encoder, columns: rateColumns } = withRates(crossed, spec, factors, walk);
  const plans = [...planGroups(walk, factors, encoder), ...wordPlans(encoder, raw.levels)];
  const { partCount } = partition;
  const design = buildDesign(chunks, { encoder, plans, rateColumns }, { partCount, withGroups, chunkStore });
  return { encoder, design, pooled, ...(binned ? { binned } : {}) };
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
  const walk = () => loadEach(chunks);
  const factors = factorsOf(walk, raw.levels, encoder);
  const plans = [...planGroups(walk, factors, encoder), ...wordPlans(encoder, raw.levels)];
  return buildDesign(chunks, { encoder, plans, rateColumns: rateColumnsOf(encoder, factors) }, {
    partCount: partition.partCount,
    withGroups: false,
    chunkStore,
  });
}

/** Plans the factor groups of the fields of texts. */
function wordPlans({ features }: Encoder, levels: RawExamples["levels"]): GroupPlan[] {
  const coded = inputColumnsOf(features).filter(({ kind }) => kind === "category").map(({ name }) => name);
  return features.flatMap((feature) => {
    if (feature.type !== "words") return [];
    const field = coded.indexOf(feature.name);
    return [planWords(feature, codesFactor(feature.name, field, levels[field].length), levels[field])];
  });
}

/**
 * Transforms the numeric columns, in place, and appends the positions of exact values as codes: a transform can make two values equal.
 * Missing values stay missing.
 */
function transformColumns(
  chunks: StoredChunk<OrderedChunk>[],
  features: readonly Pick<NumericEncoder, "transform" | "exactValues">[],
  chunkStore: ChunkStore,
): StoredChunk<OrderedChunk>[] {
  if (features.every(({ transform, exactValues }) => transform === "none" && !exactValues)) return chunks;
  return chunkStore.rewrite(chunks, (chunk) => {
    const { numeric, rowCount } = chunk;
    const stride = strideOf(chunk);
    const { columns } = chunkStore;
    const positions = features.flatMap(({ exactValues }, field) => {
      if (!exactValues) return [];
      const target = exactValues.length < 0xffff ? columns.uint16(rowCount) : columns.uint32(rowCount);
      return [exactPositions(chunk, field, exactValues, target)];
    });
    features.forEach(({ transform }, field) => {
      if (transform === "none") return;
      for (let k = field; k < numeric.length; k += stride) numeric[k] = transformed(transform, numeric[k]);
    });
    return positions.length === 0 ? chunk : { ...chunk, codes: [...chunk.codes, ...positions] };
  });
}

/** How the columns of a design are computed. */
interface DesignPlan {
  readonly encoder: Encoder;
  readonly plans: readonly GroupPlan[];
  readonly rateColumns: readonly RateColumn[];
}

/** @param chunks With transformed numeric columns. Consumed: they become the design's. */
function buildDesign(
  chunks: StoredChunk<OrderedChunk>[],
  plan: DesignPlan,
  options: { partCount: number; withGroups: boolean; chunkStore: ChunkStore },
): DesignMatrix {
  const { encoder, plans, rateColumns } = plan;
  const { partCount, withGroups, chunkStore } = options;
  const designChunks = chunkStore.rewrite(
    chunks,
    (chunk, index) => designChunkOf(chunk, index, plan, { withGroups, columns: chunkStore.columns }),
  );
  const partRows = new Array<number>(partCount).fill(0);
  for (const chunk of designChunks) {
    plainFields(chunk).partEnds.forEach((end, part, ends) => partRows[part] += end - (ends[part - 1] ?? 0));
  }
  return {
    columnCount: encoder.columnCount,
    numericColumns: [...numericOf(encoder), ...rateColumns].map(({ column }) => column),
    groups: plans.map(({ group }) => group),
    chunks: designChunks,
    partRows,
  };
}

function designChunkOf(
  chunk: OrderedChunk,
  index: number,
  { encoder, plans, rateColumns }: DesignPlan,
  { withGroups, columns }: { withGroups: boolean; columns: ColumnMaker },
): DesignChunk {
  // Before missing numbers are imputed: the indicators read them from the columns.
  const cells = plans.map((plan) => cellsOf(plan, chunk, columns));
  const rates = rateColumns.map((rate) => rate.valuesOf(chunk, index));
  numericOf(encoder).forEach((feature, field) => standardise(chunk, field, feature));
  const { partEnds, labels, weights, times, groups } = chunk;
  return {
    partEnds,
    numeric: widened(chunk, rates, columns),
    cells,
    labels,
    ...(weights ? { weights } : {}),
    ...(times ? { times } : {}),
    ...(withGroups ? { groups } : {}),
  };
}

/** Returns the chunk's numbers with those of more columns after them in each row. */
function widened(
  { numeric, rowCount }: OrderedChunk,
  added: readonly Float64Array[],
  columns: ColumnMaker,
): OrderedChunk["numeric"] {
  if (added.length === 0) return numeric;
  const width = rowCount === 0 ? 0 : numeric.length / rowCount;
  const target = columns.float64(rowCount * (width + added.length));
  for (let i = 0, from = 0, to = 0; i < rowCount; i++) {
    for (let j = 0; j < width; j++) target[to++] = numeric[from++];
    for (const values of added) target[to++] = values[i];
  }
  return target;
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
