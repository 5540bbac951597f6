import { type FieldSummary, transformed } from "./encoder.ts";
import { Failure } from "../failure.ts";
import { median } from "./median.ts";
import { type OrderedChunk, strideOf } from "../examples/ordered_chunk.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { CategoricalSpec, FeatureSpec, NumericSpec } from "../examples/spec.ts";
import { trainPart } from "../examples/split.ts";

/** Levels of one field that have no column of their own, and why. */
export interface JoinedLevels {
  readonly field: string;
  readonly levels: readonly string[];
  /** Training rows that have one of them. */
  readonly rows: number;
  /** `rare`: on fewer rows than the spec wants. `pure`: always or never clicked. */
  readonly reason: "rare" | "pure";
}

/**
 * Summarises each field over the training rows: what an encoder is fitted from.
 *
 * @param chunks Their numeric columns are transformed in place.
 * @param tell Told of levels that get no column of their own.
 * @param joinPure Whether levels that were always or never clicked are among them.
 * @throws {Failure} `examples-invalid` where numbers are too large to be scaled.
 */
export function summarise(
  chunks: readonly OrderedChunk[],
  levels: RawExamples["levels"],
  spec: FeatureSpec,
  tell: (joined: JoinedLevels) => void,
  joinPure: boolean,
): FieldSummary[] {
  let numericIndex = 0;
  let categoricalIndex = 0;
  return spec.features.map((feature) => {
    if (feature.type === "numeric") return summariseNumeric(chunks, numericIndex++, feature);
    const field = categoricalIndex++;
    return summariseCategorical(countLevels(chunks, field, levels[field]), feature, tell, joinPure);
  });
}

function summariseCategorical(
  counts: readonly LevelCount[],
  { name, minCount }: CategoricalSpec,
  tell: (joined: JoinedLevels) => void,
  joinPure: boolean,
): FieldSummary {
  const left = new Set(counts);
  const join = (reason: JoinedLevels["reason"], wanted: (count: LevelCount) => boolean) => {
    const found = [...left].filter(wanted);
    if (found.length === 0) return;
    for (const count of found) left.delete(count);
    const rows = found.reduce((sum, count) => sum + count.rows, 0);
    tell({ field: name, levels: found.map(({ level }) => level), rows, reason });
  };
  join("rare", ({ rows }) => rows < minCount);
  if (joinPure) join("pure", ({ rows, clicks }) => clicks === 0 || clicks === rows);
  return { type: "categorical", levels: [...left].map(({ level }) => level) };
}

interface LevelCount {
  readonly level: string;
  readonly rows: number;
  readonly clicks: number;
}

/** Training rows and clicks of each level that the training rows have. */
function countLevels(
  chunks: readonly OrderedChunk[],
  field: number,
  levels: readonly (string | null)[],
): LevelCount[] {
  const rows = new Float64Array(levels.length);
  const clicks = new Float64Array(levels.length);
  for (const { codes, labels, partEnds } of chunks) {
    const column = codes[field];
    for (let i = 0; i < partEnds[trainPart]; i++) {
      rows[column[i]]++;
      clicks[column[i]] += labels[i];
    }
  }
  return levels.flatMap((level, code) =>
    level !== null && rows[code] > 0 ? [{ level, rows: rows[code], clicks: clicks[code] }] : []
  );
}

/** Imputation from the raw values; then the transform in place; then mean and deviation with missing values imputed. */
function summariseNumeric(
  chunks: readonly OrderedChunk[],
  field: number,
  feature: NumericSpec,
): FieldSummary {
  const impute = imputation(chunks, field, feature.impute);
  transformColumn(chunks, field, feature.transform);
  if (feature.scale === "none") return { type: "numeric", impute, mean: 0, scale: 1 };
  const stand = transformed(feature.transform, impute);
  const rowCount = Math.max(1, chunks.reduce((sum, { partEnds }) => sum + partEnds[trainPart], 0));
  // Summed chunk by chunk: the order of additions is the data's alone.
  const values = (chunk: OrderedChunk) => presentValues(chunk, field, stand);
  const mean = chunks.reduce((sum, chunk) => sum + sumOf(values(chunk)), 0) / rowCount;
  const variance = chunks.reduce((sum, chunk) => sum + squaresOf(values(chunk), mean), 0) / rowCount;
  if (!Number.isFinite(variance)) {
    throw new Failure(
      "examples-invalid",
      `Cannot scale the field ${feature.name}: some of its numbers are so large that their squares are infinite. ` +
        'Give it the transform "log1p" in the feature spec, or another unit in the view.',
    );
  }
  // A column that does not vary has no scale; neither has one that varies by rounding alone.
  const varies = variance > (Math.abs(mean) * 2 ** -50) ** 2;
  return { type: "numeric", impute, mean, scale: varies ? Math.sqrt(variance) : 1 };
}

/** The transform of one numeric column, in place. Missing values stay missing. */
export function transformColumn(
  chunks: readonly OrderedChunk[],
  field: number,
  transform: NumericSpec["transform"],
): void {
  if (transform === "none") return;
  for (const chunk of chunks) {
    const { numeric } = chunk;
    const stride = strideOf(chunk);
    for (let k = field; k < numeric.length; k += stride) numeric[k] = transformed(transform, numeric[k]);
  }
}

/** A chunk's training values, the missing ones imputed. */
function presentValues(chunk: OrderedChunk, field: number, stand: number): Float64Array {
  const { numeric, partEnds } = chunk;
  const stride = strideOf(chunk);
  const values = new Float64Array(partEnds[trainPart]);
  for (let i = 0, k = field; i < values.length; i++, k += stride) {
    values[i] = numeric[k] === numeric[k] ? numeric[k] : stand;
  }
  return values;
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum;
}

function squaresOf(values: Float64Array, mean: number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] - mean) * (values[i] - mean);
  return sum;
}

function imputation(chunks: readonly OrderedChunk[], field: number, impute: NumericSpec["impute"]): number {
  if (typeof impute === "number") return impute;
  const values = knownValues(chunks, field);
  if (impute === "median") return median(values) ?? 0;
  return values.length > 0 ? sumOf(values) / values.length : 0;
}

/** The training values of a field that are not missing. */
function knownValues(chunks: readonly OrderedChunk[], field: number): Float64Array {
  const values = new Float64Array(chunks.reduce((sum, { partEnds }) => sum + partEnds[trainPart], 0));
  let count = 0;
  for (const chunk of chunks) {
    const { numeric, partEnds } = chunk;
    const stride = strideOf(chunk);
    for (let i = 0, k = field; i < partEnds[trainPart]; i++, k += stride) {
      if (numeric[k] === numeric[k]) values[count++] = numeric[k];
    }
  }
  return values.subarray(0, count);
}
