import { edgesFrom } from "../encode/bin_edges.ts";
import { createEncoder, numericSpecsOf } from "../encode/create_encoder.ts";
import { type Encoder, transformed } from "../encode/encoder.ts";
import { scaleOf } from "../encode/moments.ts";
import { type LevelCount, type PooledLevels, summariesOf } from "../encode/summarise.ts";
import { binCountsOf, type NumericSpec } from "../examples/feature_types.ts";
import { inputColumnsOf } from "../examples/input_columns.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { labelColumn, levelColumn, numberColumn, weightColumn } from "./base_rows.ts";
import type { EngineDialect } from "./engine_dialect.ts";
import { type NumberRange, type Rank, type RankedColumn, valuesAtRanks } from "./ranked_values.ts";
import { type SourceColumns, valueTypeIn } from "./source_columns.ts";
import { numberIn, type SqlEngine, sumIn } from "./sql_engine.ts";

/** Examples with their part, as a FROM has them. */
export interface PartedRows {
  readonly from: string;
  /** Name of the column of the part. */
  readonly part: string;
}

export interface FitEncoderOptions {
  /** Of the training rows' numbers, in the order of `rankedNumbers`. */
  readonly ranges: readonly NumberRange[];
  /** Whether levels that were always or never clicked are pooled. */
  readonly poolPure: boolean;
  readonly onPooled: (pooled: PooledLevels) => void;
  /** Called between statements. */
  readonly checkpoint: (stage: string) => void;
}

/**
 * Fits the encoder on the training rows, without crosses: the same as `encodeInSteps` fits on the same rows, but for the order of
 * additions and for bins of more than 2^18 rows, which are here of all of them.
 *
 * @throws {Failure} `examples-invalid` if numbers are too large to be scaled.
 */
export async function fitEncoder(
  engine: SqlEngine,
  rows: PartedRows,
  spec: FeatureSpec,
  source: SourceColumns,
  { ranges, poolPure, onPooled, checkpoint }: FitEncoderOptions,
): Promise<Encoder> {
  const numeric = numericSpecsOf(spec);
  const columns = rankedNumbers(rows, spec);
  const searches = numeric.flatMap((feature, field) =>
    feature.impute !== "median" && binCountsOf(feature).length === 0 ? [] : [{
      ...{ field, column: columns[field], range: ranges[field] },
      ranksOf: (total: number) => ranksOf(feature, total),
    }]
  );
  if (searches.length > 0) checkpoint("order of the numbers");
  const ranked = await valuesAtRanks(engine, searches);
  const found = new Map(searches.map(({ field }, i) => [field, ranked[i]]));
  const imputations = numeric.map((feature, field) => imputationOf(feature, ranges[field], found.get(field)));
  const edges = numeric.map((feature, field) => {
    const binCounts = binCountsOf(feature);
    const values = (found.get(field) ?? []).slice(2).map((value) => transformed(feature.transform, value));
    return binCounts.map((_, i) => edgesOfField(binCounts, i, values));
  });
  checkpoint("means and deviations");
  const moments = await momentsOf(engine, rows, numeric, imputations);
  checkpoint("levels");
  const categories = inputColumnsOf(spec.features).filter(({ kind }) => kind === "category");
  const counts = await countLevels(engine, rows, categories.length);
  const types = categories.map(({ name }) => valueTypeIn(name, source));
  return createEncoder(
    spec,
    summariesOf(spec, {
      ...{ counts, types, moments, imputations, edges, poolPure, onPooled },
      exactValues: numeric.map(() => undefined),
    }),
  );
}

/** Returns the numbers of the training rows, in the order of `numericSpecsOf`. */
export function rankedNumbers({ from, part }: PartedRows, spec: FeatureSpec): RankedColumn[] {
  return numericSpecsOf(spec).map(({ name }, field) => ({
    ...{ from, where: `${part} = 0`, value: numberColumn(field), name },
    weight: spec.weight === undefined ? "1" : weightColumn,
  }));
}

/** The middle, then per count of bins the least value and each edge. */
function ranksOf(feature: NumericSpec, total: number): Rank[] {
  const half = total / 2;
  return [
    { weight: half, exceeds: false },
    { weight: half, exceeds: true },
    ...binCountsOf(feature).flatMap((bins) =>
      Array.from({ length: bins }, (_, bin) => ({ weight: (bin * total) / bins, exceeds: true }))
    ),
  ];
}

function edgesOfField(binCounts: readonly number[], index: number, values: readonly number[]): number[] {
  const from = binCounts.slice(0, index).reduce((sum, bins) => sum + bins, 0);
  return edgesFrom(values.slice(from, from + binCounts[index]));
}

function imputationOf(
  { impute }: NumericSpec,
  { sum, total, low: least, high: most }: NumberRange,
  found: readonly number[] | undefined,
): number {
  if (typeof impute === "number") return impute;
  if (impute === "median") {
    const [low, high] = found ?? [0, 0];
    return low === high ? low : (low + high) / 2;
  }
  if (least === null) return 0;
  // Clamped, so that the mean of equal values is that value despite rounding of their sum.
  return Math.min(numberIn(most), Math.max(numberIn(least), sumIn(sum) / numberIn(total)));
}

/** Returns an expression of a field's transformed value. @param imputed In place of a missing one, transformed. */
export function shownNumber(
  column: string,
  transform: NumericSpec["transform"],
  imputed: number,
  { number, log1p }: EngineDialect,
): string {
  const shown = transform === "none"
    ? column
    : `CASE WHEN ${column} < ${number(0)} THEN -${log1p(`abs(${column})`)} ELSE ${
      log1p(`abs(${column})`)
    } END`;
  return `CASE WHEN ${column} IS NULL THEN ${number(imputed)} ELSE ${shown} END`;
}

async function momentsOf(
  engine: SqlEngine,
  { from, part }: PartedRows,
  features: readonly NumericSpec[],
  imputations: readonly number[],
) {
  const { dialect } = engine;
  const { number } = dialect;
  if (features.length === 0) return [];
  const shown = features.map(({ transform }, field) =>
    shownNumber(numberColumn(field), transform, transformed(transform, imputations[field]), dialect)
  );
  const scanned = (columns: readonly string[]) =>
    `SELECT ${columns.join(", ")} FROM (SELECT ${weightColumn}, ${
      shown.map((value, i) => `${value} AS v${i}`).join(", ")
    } FROM ${from} WHERE ${part} = 0) AS shown`;
  const [[total, ...sums]] = await engine.query(
    scanned([
      `sum(${weightColumn})`,
      ...features.flatMap((_, i) => [`sum(${weightColumn} * v${i})`, `min(v${i})`, `max(v${i})`]),
    ]),
  );
  const weight = sumIn(total) > 0 ? sumIn(total) : 1;
  const means = features.map((_, i) => sumIn(sums[3 * i]) / weight);
  // In a second statement: joined to the rows, PostgreSQL may compute the sums for each of them again.
  const [squares] = await engine.query(
    scanned(
      means.map((mean, i) => `sum(${weightColumn} * (v${i} - ${number(mean)}) * (v${i} - ${number(mean)}))`),
    ),
  );
  return features.map((feature, i) => {
    if (feature.scale === "none") return { mean: 0, scale: 1 };
    const [least, most] = [sums[3 * i + 1], sums[3 * i + 2]];
    if (least !== null && least === most) return { mean: numberIn(least), scale: 1 };
    return { mean: means[i], scale: scaleOf(feature, means[i], sumIn(squares[i]) / weight) };
  });
}

/** Counts the training rows of each level of each field. */
async function countLevels(
  engine: SqlEngine,
  { from, part }: PartedRows,
  fieldCount: number,
): Promise<LevelCount[][]> {
  if (fieldCount === 0) return [];
  const counts = Array.from({ length: fieldCount }, (): LevelCount[] => []);
  const selects = counts.map((_, field) => {
    const level = levelColumn(field);
    return `SELECT ${field}, ${level}, count(*), sum(${labelColumn}), sum(${weightColumn}) FROM ${from} WHERE ${part} = 0 AND ${level} IS NOT NULL GROUP BY ${level}`;
  });
  for (const [field, level, rows, clicks, weight] of await engine.query(selects.join("\nUNION ALL\n"))) {
    counts[numberIn(field)].push({
      level: String(level),
      rows: numberIn(rows),
      clicks: numberIn(clicks),
      weight: numberIn(weight),
    });
  }
  for (const own of counts) own.sort((a, b) => (a.level < b.level ? -1 : 1));
  return counts;
}
