import type { Walk } from "../examples/ordered_chunk.ts";
import { type FieldSummary, type NumericSummary, ordinalLevels } from "./create_encoder.ts";
import type { Moments } from "./moments.ts";
import type { ValueType } from "../examples/level.ts";
import type { Codes, RawExamples } from "../examples/raw_examples.ts";
import type { CategoricalSpec, OrdinalSpec, WordsSpec } from "../examples/feature_types.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { trainPart } from "../examples/split.ts";
import { sharedFloat64 } from "../runtime/shared_memory.ts";
import { trainWeights } from "./row_weight.ts";
import { isFrequent } from "./weight_slack.ts";
import { wordsMaxOf } from "./word_cells.ts";
import { wordsOf } from "./words.ts";

/** Levels of one field that share the unseen column, and the reason. */
export interface PooledLevels {
  readonly field: string;
  readonly levels: readonly string[];
  /** Training rows with one of the levels. */
  readonly rows: number;
  /** Sum of those rows' weights: their count if each counts once. */
  readonly weight: number;
  /**
   * `rare`: on fewer rows than the spec's `minCount`, each counted by its weight. `pure`: always or never clicked. `pure-value`: the
   * same, exact values of a numeric field. `unlisted`: not among the levels that the spec lists.
   */
  readonly reason: "rare" | "pure" | "pure-value" | "unlisted";
}

export interface SummariseOptions {
  /** Per numeric field: replaces a missing value, before the transform. */
  readonly imputations: readonly number[];
  /** Per numeric field: bin edges of the transformed value, for each count of bins. */
  readonly edges: readonly (readonly (readonly number[])[])[];
  /** Per numeric field: exact values that have a column; undefined if the field has no `values`. */
  readonly exactValues: readonly (readonly number[] | undefined)[];
  /** Per numeric field, of the transformed values. */
  readonly moments: readonly Moments[];
  /** Per categorical field, by its codes. */
  readonly counts: readonly CodeCounts[];
  /** Whether levels that were always or never clicked are pooled. */
  readonly poolPure: boolean;
  /** Called with the pooled levels of a field. */
  readonly onPooled: (joined: PooledLevels) => void;
}

/** Summarises each field over the training rows, for fitting an encoder. */
export function summarise(
  { levels, types }: Pick<RawExamples, "levels" | "types">,
  spec: FeatureSpec,
  { counts, ...options }: SummariseOptions,
): FieldSummary[] {
  const ofLevels = levels.map((list, field) => levelCountsOf(list, counts[field]));
  return summariesOf(spec, { ...options, types, counts: ofLevels });
}

/** What is known of the training rows of each field, wherever they lie. */
export interface FieldStatistics extends Omit<SummariseOptions, "counts"> {
  /** Per field with levels: the levels of the training rows. */
  readonly counts: readonly (readonly LevelCount[])[];
  /** Per field with levels. */
  readonly types: readonly ValueType[];
}

/** Returns the summary of each field from statistics of the training rows. */
export function summariesOf(
  spec: FeatureSpec,
  { moments, counts, types, imputations, edges, exactValues, poolPure, onPooled }: FieldStatistics,
): FieldSummary[] {
  let numericIndex = 0;
  let categoricalIndex = 0;
  const nextNumeric = (): NumericSummary => {
    const field = numericIndex++;
    const divided = { edges: edges[field], exactValues: exactValues[field] };
    return { type: "numeric", impute: imputations[field], ...divided, ...moments[field] };
  };
  return spec.features.map((feature): FieldSummary => {
    if (feature.type === "numeric") return nextNumeric();
    if (feature.type === "time") {
      return { type: "time", age: feature.parts.includes("age") ? nextNumeric() : undefined };
    }
    const field = categoricalIndex++;
    const values = types[field];
    if (feature.type === "ordinal") {
      noteUnlisted(counts[field], feature, ordinalLevels(feature, values), onPooled);
      return { type: "ordinal", values };
    }
    if (feature.type === "words") {
      return { type: "words", values, ...summariseWords(counts[field], feature, poolPure) };
    }
    const { type } = feature;
    // A rate is finite for any labels.
    const own = summariseLevels(counts[field], feature, onPooled, poolPure && type !== "rate");
    return { type, values, levels: own };
  });
}

function noteUnlisted(
  counts: readonly LevelCount[],
  { name }: OrdinalSpec,
  levels: readonly string[],
  onPooled: (pooled: PooledLevels) => void,
): void {
  const found = counts.filter(({ level }) => !levels.includes(level));
  if (found.length > 0) onPooled(pooledOf(name, found, "unlisted"));
}

function pooledOf(
  field: string,
  found: readonly LevelCount[],
  reason: PooledLevels["reason"],
): PooledLevels {
  const rows = found.reduce((sum, count) => sum + count.rows, 0);
  const weight = found.reduce((sum, count) => sum + count.weight, 0);
  return { field, levels: found.map(({ level }) => level), rows, weight, reason };
}

/** @returns The levels that are not pooled. */
function summariseLevels(
  counts: readonly LevelCount[],
  { name, minCount, hash }: Pick<CategoricalSpec, "name" | "minCount" | "hash">,
  onPooled: (pooled: PooledLevels) => void,
  poolPure: boolean,
): string[] {
  // A hashed column has several levels: they cannot be pooled one by one.
  if (hash !== undefined) return [];
  const left = new Set(counts);
  const pool = (reason: PooledLevels["reason"], wanted: (count: LevelCount) => boolean) => {
    const found = [...left].filter(wanted);
    if (found.length === 0) return;
    for (const count of found) left.delete(count);
    onPooled(pooledOf(name, found, reason));
  };
  pool("rare", ({ weight }) => !isFrequent(weight, minCount));
  if (poolPure) pool("pure", ({ rows, clicks }) => clicks === 0 || clicks === rows);
  return [...left].map(({ level }) => level);
}

/** Returns the most frequent words, and how many of a text count. @param poolPure Leaves out words that were always or never clicked. */
function summariseWords(
  counts: readonly LevelCount[],
  { minCount, max }: WordsSpec,
  poolPure: boolean,
): { words: string[]; wordsMax: number } {
  const countOf = new Map<string, LevelCount>();
  for (const { level, rows, clicks, weight } of counts) {
    for (const word of wordsOf(level)) {
      const before = countOf.get(word) ?? { level: word, rows: 0, clicks: 0, weight: 0 };
      countOf.set(word, {
        level: word,
        rows: before.rows + rows,
        clicks: before.clicks + clicks,
        weight: before.weight + weight,
      });
    }
  }
  const frequent = [...countOf.values()].filter(({ rows, clicks, weight }) =>
    isFrequent(weight, minCount) && !(poolPure && (clicks === 0 || clicks === rows))
  );
  // Among words of equal weight, the first in the order of code units.
  frequent.sort((a, b) => b.weight - a.weight || (a.level < b.level ? -1 : 1));
  return { words: frequent.slice(0, max).map(({ level }) => level), wordsMax: wordsMaxOf(counts.length) };
}

/** Training rows of one level of a field. */
export interface LevelCount {
  readonly level: string;
  readonly rows: number;
  readonly clicks: number;
  /** Sum of the rows' weights. */
  readonly weight: number;
}

/** Training rows, clicks and weight of each code of a categorical field, shape (levels). */
export interface CodeCounts {
  readonly rows: Float64Array;
  readonly clicks: Float64Array;
  /** Sums of the rows' weights; the rows themselves if each counts once. */
  readonly weights: Float64Array;
}

/** A categorical field whose codes are counted. */
export interface CountedField {
  /** Index among the categorical fields. */
  readonly field: number;
  readonly levelCount: number;
}

/** Counts the codes of some categorical fields. */
export function countCodesOf(walk: Walk, fields: readonly CountedField[], isWeighted: boolean): CodeCounts[] {
  const counts = fields.map(({ levelCount }): CodeCounts => {
    const rows = sharedFloat64(levelCount);
    return {
      rows,
      clicks: sharedFloat64(levelCount),
      weights: isWeighted ? sharedFloat64(levelCount) : rows,
    };
  });
  for (const chunk of walk()) {
    fields.forEach(({ field }, i) => {
      countCodes(chunk.codes[field], chunk.labels, chunk.partEnds[trainPart], counts[i]);
      if (isWeighted) addWeights(chunk.codes[field], trainWeights(chunk), counts[i].weights);
    });
  }
  return counts;
}

/** Returns the levels that occur in the training rows. */
function levelCountsOf(
  levels: RawExamples["levels"][number],
  { rows, clicks, weights }: CodeCounts,
): LevelCount[] {
  return levels.flatMap((level, code) =>
    level !== null && rows[code] > 0
      ? [{ level, rows: rows[code], clicks: clicks[code], weight: weights[code] }]
      : []
  );
}

/** A separate function: V8 drops its optimised code for a loop inside a longer function. */
function countCodes(
  codes: Codes,
  labels: Uint8Array,
  end: number,
  { rows, clicks }: CodeCounts,
): void {
  for (let i = 0; i < end; i++) {
    rows[codes[i]]++;
    clicks[codes[i]] += labels[i];
  }
}

function addWeights(codes: Codes, weights: Float64Array, sums: Float64Array): void {
  for (let i = 0; i < weights.length; i++) sums[codes[i]] += weights[i];
}
