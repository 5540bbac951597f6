import { plainFields, type StoredChunk } from "../chunks/chunk_file.ts";
import { type ChunkStore, createChunkStore, loadEach } from "../chunks/chunk_store.ts";
import type { NumericSpec } from "../examples/feature_types.ts";
import { inputColumnsOf } from "../examples/input_columns.ts";
import { orderByPart, type OrderedChunk, type Walk } from "../examples/ordered_chunk.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import type { Partition } from "../examples/split.ts";
import type { Steps } from "../runtime/steps.ts";
import { binEdges } from "./bin_edges.ts";
import { type BinnedRows, binRows } from "./bin_rows.ts";
import { type GroupPlan, planGroups } from "./cells.ts";
import { createEncoder, numericSpecsOf } from "./create_encoder.ts";
import { withCrosses } from "./crosses.ts";
import { deriveColumns, derivesColumns } from "./derived_columns.ts";
import { type ChunkPlan, designChunkOf } from "./design_chunk.ts";
import type { DesignMatrix, FactorGroup } from "./design_matrix.ts";
import { type Encoder, numericOf, transformed } from "./encoder.ts";
import { createEncodingSteps, type EncodingSteps } from "./encoding_steps.ts";
import { exactValuesOf } from "./exact_values.ts";
import { codesFactor, type Factor, factorsOf } from "./factors.ts";
import { type Moments, momentsOf } from "./moments.ts";
import { type RateColumn, rateColumnsOf, withRates } from "./rates.ts";
import { type CodeCounts, type PooledLevels, summarise } from "./summarise.ts";
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
  /** Done by the calling thread while others begin: looks at the chunks as they were read, but for the order of their rows. */
  readonly beside?: (walk: Walk) => void;
}

/**
 * Fits the encoder on the training part and encodes all rows with it. All threads take part in its passes over the rows.
 *
 * @param raw Consumed: its columns become the design's, in place, so that a large data set is in memory once.
 */
export function* encodeInSteps(
  raw: RawExamples,
  spec: FeatureSpec,
  partition: Partition,
  options: EncodeOptions,
): Steps<EncodedExamples> {
  const { poolPure, withBins = false, withGroups = false, chunkStore = createChunkStore() } = options;
  const ordered = chunkStore.rewrite(raw.chunks, (chunk) => orderByPart(chunk, partition));
  yield;
  // Before the numbers are transformed, in place.
  const binned = withBins ? yield* binRows(() => loadEach(ordered), raw, spec) : undefined;
  const isWeighted = spec.weight !== undefined;
  const steps = createEncodingSteps(chunkStore);
  const { walk } = steps;
  yield* steps.attach(ordered);
  const numeric = numericSpecsOf(spec);
  const { counts, imputations } = yield* countsOfRaw(steps, { raw, ordered, spec, numeric }, options);
  const pooled: PooledLevels[] = [];
  const onPooled = (levels: PooledLevels) => pooled.push(levels);
  const exactValues = exactValuesOf(walk, numeric, { isWeighted, poolPure, onPooled });
  yield* steps.transform(numeric.map(({ transform }, i) => ({ transform, exactValues: exactValues[i] })));
  const edges = binEdges(walk, numeric, isWeighted);
  const moments = yield* momentsInSteps(steps, numeric, imputations, isWeighted);
  const summarised = { imputations, edges, exactValues, moments, counts, poolPure, onPooled };
  const summaries = summarise(raw, spec, summarised);
  yield;
  const fields = createEncoder(spec, summaries);
  const factors = factorsOf(walk, raw.levels, fields);
  const crossed = withCrosses(fields, spec, factors, walk);
  const { encoder, columns: rates } = withRates(crossed, spec, factors, walk);
  const plan = yield* planDesign(steps, encoder, factors, { levels: raw.levels, rates, withGroups });
  const design = yield* buildDesign(steps, plan, { partCount: partition.partCount, chunkStore });
  return { encoder, design, pooled, ...(binned ? { binned } : {}) };
}

/** What is counted before the numbers are transformed. */
interface RawCounts {
  /** Per categorical field. */
  readonly counts: CodeCounts[];
  /** Per numeric field, in its unit. */
  readonly imputations: number[];
}

/** Counts levels and computes what replaces missing values. Afterwards the columns are those that are derived. */
function* countsOfRaw(
  steps: EncodingSteps,
  { raw, ordered, spec, numeric }: {
    readonly raw: Pick<RawExamples, "levels">;
    readonly ordered: StoredChunk<OrderedChunk>[];
    readonly spec: FeatureSpec;
    readonly numeric: readonly NumericSpec[];
  },
  { chunkStore = createChunkStore(), beside }: EncodeOptions,
): Steps<RawCounts> {
  const isWeighted = spec.weight !== undefined;
  const ofCodes = raw.levels.map((list, field) => ({
    kind: "codes" as const,
    field,
    levelCount: list.length,
  }));
  const ofNumbers = numeric.map(({ impute }, field) => ({ kind: "imputation" as const, field, impute }));
  const first = beside && (() => beside(steps.walk));
  if (!derivesColumns(spec.features)) {
    // One step, so that no thread waits for what is done beside it.
    const results = yield* steps.fields([...ofCodes, ...ofNumbers], isWeighted, first);
    return {
      counts: results.slice(0, ofCodes.length) as CodeCounts[],
      imputations: results.slice(ofCodes.length) as number[],
    };
  }
  const counts = yield* steps.fields(ofCodes, isWeighted, first);
  yield* steps.attach(deriveColumns(ordered, spec.features, chunkStore));
  return { counts, imputations: yield* steps.fields(ofNumbers, isWeighted) };
}

function* momentsInSteps(
  steps: EncodingSteps,
  features: readonly NumericSpec[],
  imputations: readonly number[],
  isWeighted: boolean,
): Steps<Moments[]> {
  const scaled = [...features.keys()].filter((field) => features[field].scale !== "none");
  const tasks = scaled.map((field) => ({
    kind: "moments" as const,
    field,
    imputed: transformed(features[field].transform, imputations[field]),
  }));
  const sums = yield* steps.fields(tasks, isWeighted);
  return features.map((feature, field) => momentsOf(feature, sums[scaled.indexOf(field)]));
}

/** Encodes rows with the encoder of an existing model. @param raw Consumed. */
export function* encodeWithInSteps(
  raw: RawExamples,
  encoder: Encoder,
  partition: Partition,
  { chunkStore = createChunkStore(), withGroups = false }: Pick<EncodeOptions, "chunkStore" | "withGroups"> =
    {},
): Steps<DesignMatrix> {
  const ordered = chunkStore.rewrite(raw.chunks, (chunk) => orderByPart(chunk, partition));
  const steps = createEncodingSteps(chunkStore);
  yield* steps.attach(deriveColumns(ordered, encoder.features, chunkStore));
  yield* steps.transform(numericOf(encoder));
  const factors = factorsOf(steps.walk, raw.levels, encoder);
  const rates = rateColumnsOf(encoder, factors);
  const plan = yield* planDesign(steps, encoder, factors, { levels: raw.levels, rates, withGroups });
  return yield* buildDesign(steps, plan, { partCount: partition.partCount, chunkStore });
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

/** How the columns of a design are computed. */
interface DesignPlan {
  readonly encoder: Encoder;
  readonly groups: readonly FactorGroup[];
  readonly chunk: ChunkPlan;
  readonly rates: readonly RateColumn[];
}

function* planDesign(
  { markCombinations }: EncodingSteps,
  encoder: Encoder,
  factors: readonly Factor[],
  { levels, rates, withGroups }: {
    readonly levels: RawExamples["levels"];
    readonly rates: readonly RateColumn[];
    readonly withGroups: boolean;
  },
): Steps<DesignPlan> {
  const plans = [...yield* planGroups(markCombinations, factors, encoder), ...wordPlans(encoder, levels)];
  return {
    encoder,
    groups: plans.map(({ group }) => group),
    chunk: {
      plans: plans.map(({ group: { cellCount }, factors, cellOf }) => ({
        cellCount,
        factors: factors.map(({ positionCount, source }) => ({ positionCount, source })),
        cellOf,
      })),
      numeric: numericOf(encoder),
      withGroups,
    },
    rates,
  };
}

/** Makes the design of the chunks, whose numbers are transformed. */
function* buildDesign(
  steps: EncodingSteps,
  { encoder, groups, chunk: plan, rates }: DesignPlan,
  { partCount, chunkStore }: { readonly partCount: number; readonly chunkStore: ChunkStore },
): Steps<DesignMatrix> {
  // The rates of a row may depend on those before it, which the calling thread knows.
  const chunks = rates.length === 0 ? yield* steps.design(plan) : chunkStore.rewrite(
    yield* steps.detach(),
    (chunk, index) =>
      designChunkOf(chunk, plan, chunkStore.columns, rates.map((rate) => rate.valuesOf(chunk, index))),
  );
  const partRows = new Array<number>(partCount).fill(0);
  for (const chunk of chunks) {
    plainFields(chunk).partEnds.forEach((end, part, ends) => partRows[part] += end - (ends[part - 1] ?? 0));
  }
  return {
    columnCount: encoder.columnCount,
    numericColumns: [...numericOf(encoder), ...rates].map(({ column }) => column),
    groups,
    chunks,
    partRows,
  };
}
