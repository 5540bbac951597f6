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
import { rangesOf, type Rank, valuesAtRanks } from "./ranked_values.ts";
import { type SourceColumns, valueTypeIn } from "./source_columns.ts";
import { numberIn, type SqlEngine, sumIn } from "./sql_engine.ts";

/** Examples with their part, as a FROM has them. */
export interface PartedRows {
  readonly from: string;
  /** Name of the column of the part. */
  readonly part: string;
}

export interface FitEncoderOptions {
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
  { poolPure, onPooled, checkpoint }: FitEncoderOptions,
): Promise<Encoder> {
  const numeric = numericSpecsOf(spec);
  const imputations: number[] = [];
  const edges: number[][][] = [];
  const train = `${rows.part} = 0`;
  const columns = numeric.map(({ name }, field) => ({
    ...{ from: rows.from, where: train, value: numberColumn(field), name },
    weight: spec.weight === undefined ? "1" : weightColumn,
  }));
  if (columns.length > 0) checkpoint("ranges of the numbers");
  const ranges = await rangesOf(engine, columns);
  for (const [field, feature] of numeric.entries()) {
    checkpoint(`order of ${feature.name}`);
    const ranked = columns[field];
    const binCounts = binCountsOf(feature);
    const found = feature.impute === "median" || binCounts.length > 0
      ? await valuesAtRanks(engine, ranked, ranges[field], (total) => ranksOf(feature, total))
      : undefined;
    imputations.push(await imputationOf(engine, feature, ranked, found));
    const values = (found ?? []).slice(2).map((value) => transformed(feature.transform, value));
    edges.push(binCounts.map((_, i) => edgesOfField(binCounts, i, values)));
  }
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

async function imputationOf(
  engine: SqlEngine,
  { impute }: NumericSpec,
  { from, where, value, weight }: { from: string; where: string; value: string; weight: string },
  found: readonly number[] | undefined,
): Promise<number> {
  if (typeof impute === "number") return impute;
  if (impute === "median") {
    const [low, high] = found ?? [0, 0];
    return low === high ? low : (low + high) / 2;
  }
  const [[sum, count, least, most]] = await engine.query(
    `SELECT sum(${weight} * ${value}), sum(CASE WHEN ${value} IS NOT NULL THEN ${weight} END), min(${value}), max(${value}) FROM ${from} WHERE ${where}`,
  );
  if (least === null) return 0;
  // Clamped, so that the mean of equal values is that value despite rounding of their sum.
  return Math.min(numberIn(most), Math.max(numberIn(least), sumIn(sum) / numberIn(count)));
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
  const counts: LevelCount[][] = [];
  // A statement per field: a field may have a million levels, and the results of several do not mix.
  for (let field = 0; field < fieldCount; field++) {
    const level = levelColumn(field);
    const rows = await engine.query(
      `SELECT ${level}, count(*), sum(${labelColumn}), sum(${weightColumn}) FROM ${from} WHERE ${part} = 0 AND ${level} IS NOT NULL GROUP BY ${level}`,
    );
    counts.push(
      rows.map(([level, rows, clicks, weight]) => ({
        level: String(level),
        rows: numberIn(rows),
        clicks: numberIn(clicks),
        weight: numberIn(weight),
      })).sort((a, b) => (a.level < b.level ? -1 : 1)),
    );
  }
  return counts;
}
