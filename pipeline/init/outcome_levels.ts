import { codesOf, type ColumnValues } from "./column_values.ts";
import { type Field, hashed, type ProposedFields, whyLikeId } from "./fields.ts";
import type { LeftOutColumn, ProposedFeature } from "./proposal.ts";

/** How much the outcome differs between the levels of a field. */
export interface LevelEffect {
  /** Variance of the levels' log-odds, estimated from the rows that share a level. */
  readonly variance: number;
  /** The estimate in standard deviations of what it would be by chance. */
  readonly z: number;
  /** Variance of the outcome of a row. */
  readonly noise: number;
}

/** Smaller estimates may be chance. */
const zMin = 4;
/** Levels of fewer rows than this get a column in a field that looks like an id, or it stays left out. */
const rescuedCountMax = 2;

/**
 * Estimates how much the outcome differs between levels: by the mean of (yᵢ − p)(yⱼ − p) over the pairs of rows of each level, which
 * is 0 on average if it does not, with the variance (p(1 − p))² per pair. Each level counts the same: the frequent ones need no
 * estimate of how rare a level may be.
 *
 * @param labels Shape (rows): 0, 1, or another number for a row without a label.
 */
export function levelEffect(values: ColumnValues, labels: Uint8Array): LevelEffect {
  const codes = codesOf(values);
  const isMissing = (row: number) =>
    values.is === "texts" ? values.codes[row] < 0 : Number.isNaN(values.numbers[row]);
  let [rows, ones, size] = [0, 0, 0];
  for (let row = 0; row < codes.length; row++) {
    if (labels[row] > 1 || isMissing(row)) continue;
    rows++;
    ones += labels[row];
    size = Math.max(size, codes[row] + 1);
  }
  const p = rows === 0 ? 0 : ones / rows;
  const noise = p * (1 - p);
  const [counts, sums] = [new Uint32Array(size), new Float64Array(size)];
  for (let row = 0; row < codes.length; row++) {
    if (labels[row] > 1 || isMissing(row)) continue;
    counts[codes[row]]++;
    sums[codes[row]] += labels[row] - p;
  }
  let [shared, sum, squaredError] = [0, 0, 0];
  for (let code = 0; code < size; code++) {
    const n = counts[code];
    if (n < 2) continue;
    const pairs = (n * (n - 1)) / 2;
    const ownOnes = sums[code] + n * p;
    const squares = ownOnes * (1 - p) ** 2 + (n - ownOnes) * p ** 2;
    shared++;
    sum += (sums[code] ** 2 - squares) / 2 / pairs;
    squaredError += 1 / pairs;
  }
  if (shared === 0 || noise === 0) return { variance: 0, z: 0, noise };
  return { variance: sum / shared / noise ** 2, z: sum / (noise * Math.sqrt(squaredError)), noise };
}

/**
 * Returns the number of rows from which on a level's coefficient, penalised by C = 1, lowers the loss on other rows: with n rows
 * the penalised estimate is nearer to the level's log-odds than 0 is if their variance is above 1 / (n·p(1 − p) + 2).
 *
 * @returns undefined if the outcome may differ by chance alone.
 */
export function payingCount({ variance, z, noise }: LevelEffect): number | undefined {
  if (z < zMin || !(variance > 0)) return undefined;
  return Math.max(1, Math.ceil((1 / variance - 2) / noise));
}

/**
 * Fits the proposal to the outcome: levels get a column from the number of rows on that pays, if it is fewer than proposed; and a
 * field that looks like an id is a feature if rows with the same value share the outcome.
 *
 * @param fields With their values in the rows of the examples.
 */
export function withOutcome(
  { features, leftOut }: ProposedFields,
  fields: readonly Field[],
  labels: Uint8Array,
): ProposedFields {
  const countOf = (name: string): number | undefined => {
    const field = fields.find((field) => field.name === name);
    return field && payingCount(levelEffect(field.column.values, labels));
  };
  const fitted = features.map((feature): ProposedFeature => {
    if (feature.type !== "categorical" || feature.minCount === undefined) return feature;
    const count = countOf(feature.name);
    return count === undefined || count >= feature.minCount ? feature : withMinCount(feature.name, count);
  });
  const isTold = ({ column, why }: LeftOutColumn) =>
    why === whyLikeId && (countOf(column) ?? Infinity) <= rescuedCountMax;
  const rescued = leftOut.filter(isTold).map(({ feature, column }): ProposedFeature =>
    feature.type === "categorical" && feature.hash !== undefined
      ? hashed(column)
      : withMinCount(column, countOf(column) ?? 1)
  );
  return { features: [...fitted, ...rescued], leftOut: leftOut.filter((left) => !isTold(left)) };
}

function withMinCount(name: string, minCount: number): ProposedFeature {
  return minCount > 1 ? { name, type: "categorical", minCount } : { name, type: "categorical" };
}
