import type { ColumnSums, Counts, NumberCounts } from "./column_sums.ts";
import type { CountRule, LevelPlan, NumberPlan } from "./curve_plans.ts";
import type { CurvePart, PredictedCounts } from "./model_report.ts";
import { type NumberBins, rounded, unitOf } from "./number_bins.ts";

/** A part of a curve before its effect is known. */
export interface CountedPart extends Pick<CurvePart, "name" | "from" | "to" | "is"> {
  readonly train?: PredictedCounts;
  readonly evaluated: PredictedCounts;
  /** Columns that are not 0 in all rows of the part; absent if they are not known, without rows. */
  readonly columns?: readonly number[];
  /** Their means over the rows of the part; absent if each is 1. */
  readonly means?: readonly number[];
  /** What other columns add to the log-odds on average, whose means are not among them. */
  readonly added?: number;
}

/** The sums of which parts are made. */
export interface PartSums {
  /** Over the training rows, if they are known. */
  readonly train?: ColumnSums | undefined;
  readonly evaluated: ColumnSums;
}

/** The parts of a curve, made as they are looked at: hashed fields have tens of thousands each. */
export interface PartList {
  /** Weights of the training rows, or of the evaluated ones if the former are not known. Shape (parts). */
  readonly rows: Float64Array;
  readonly at: (part: number) => CountedPart;
  /** The column that is 1 in each part alone, shape (parts); absent if others are, too. */
  readonly columns?: Uint32Array;
}

/** Lists parts that are there. */
export function listOf(parts: readonly CountedPart[]): PartList {
  return {
    rows: Float64Array.from(parts, ({ train, evaluated }) => (train ?? evaluated).rows),
    at: (i) => parts[i],
  };
}

/** Lists a part for each position that has rows. */
export function levelParts(plan: LevelPlan, sums: PartSums): PartList {
  const { positionCount, first } = plan;
  const { train, evaluated } = sums;
  const partAt = (position: number): CountedPart => {
    const { name, is, count, columns } = plan.at(position);
    return {
      name,
      ...(is ? { is } : {}),
      ...(train ? { train: countsAt(train, count) } : {}),
      evaluated: countsAt(evaluated, count),
      columns,
    };
  };
  if (first === undefined) {
    const parts = Array.from({ length: positionCount }, (_, position) => partAt(position));
    return listOf(parts.filter(({ train, evaluated }) => evaluated.rows > 0 || (train?.rows ?? 0) > 0));
  }
  const [own, others] = [train ?? evaluated, evaluated].map(({ ones }) => ones.rows);
  const [all, rowsOfAll] = [new Uint32Array(positionCount), new Float64Array(positionCount)];
  let count = 0;
  for (let column = first; column < first + positionCount; column++) {
    if (!(own[column] > 0 || others[column] > 0)) continue;
    all[count] = column;
    rowsOfAll[count++] = own[column];
  }
  const columns = all.subarray(0, count);
  return {
    rows: rowsOfAll.subarray(0, count),
    at: (i) => partAt(columns[i] - first),
    columns,
  };
}

function countsAt({ total, ones }: ColumnSums, { plus, minus, all = false }: CountRule): PredictedCounts {
  let [rows, clicks, predicted] = all ? [total.rows, total.clicks, total.predicted] : [0, 0, 0];
  for (const column of plus) {
    rows += ones.rows[column];
    clicks += ones.clicks[column];
    predicted += ones.predicted[column];
  }
  for (const column of minus) {
    rows -= ones.rows[column];
    clicks -= ones.clicks[column];
    predicted -= ones.predicted[column];
  }
  return { rows, clicks, predicted };
}

/** Returns a part for each bin that has rows, and one for missing values. @param at Index of the bins among the sums. */
export function numberParts(bins: NumberBins, { train, evaluated }: PartSums, at: number): CountedPart[] {
  const { plan, units, areValues } = bins;
  const range = rangeOf(plan, train?.numbers[at], evaluated.numbers[at]);
  const [ofTrain, ofEvaluated] = [train, evaluated].map((sums) => sums && withoutMissing(bins, sums, at));
  const basis = ofTrain ?? ofEvaluated;
  if (!ofEvaluated || !basis) throw new Error("evaluated rows have sums");
  const ends = [range.min, ...units, range.max];
  const parts = ends.slice(1).flatMap((to, bin): CountedPart[] => {
    const [own, others] = [ofEvaluated, ofTrain].map((counts) => counts && countsIn(counts, bin));
    if (!own || !(own.rows > 0 || (others && others.rows > 0))) return [];
    const name = nameOf({ from: ends[bin], to, bin, last: units.length, areValues });
    return [{
      ...{ name, from: ends[bin], to },
      ...(others ? { train: others } : {}),
      evaluated: own,
      ...meansIn(bins, basis, bin),
    }];
  });
  return [...parts, ...missingPart(plan, { train, evaluated })];
}

function countsIn({ rows, clicks, predicted }: Counts, bin: number): PredictedCounts {
  return { rows: rows[bin], clicks: clicks[bin], predicted: predicted[bin] };
}

/** Takes the rows without a value out of the bin of the value that stands for it. */
function withoutMissing(
  { plan: { missing }, edges }: NumberBins,
  sums: ColumnSums,
  at: number,
): NumberCounts {
  const counts = sums.numbers[at];
  if (!missing) return counts;
  let bin = 0;
  while (bin < edges.length && edges[bin] <= missing.value) bin++;
  const own = {
    ...counts,
    rows: counts.rows.slice(),
    clicks: counts.clicks.slice(),
    predicted: counts.predicted.slice(),
    values: counts.values.slice(),
  };
  const absent = sums.ones.rows[missing.column];
  own.rows[bin] = positive(own.rows[bin] - absent, absent);
  own.clicks[bin] = positive(own.clicks[bin] - sums.ones.clicks[missing.column], absent);
  own.predicted[bin] = positive(own.predicted[bin] - sums.ones.predicted[missing.column], absent);
  own.values[bin] -= absent * missing.value;
  return own;
}

/** Sums of weights differ by rounding: what is left then is none. */
function positive(difference: number, scale: number): number {
  return difference > 1e-9 * scale ? difference : 0;
}

function missingPart({ column, missing }: NumberPlan, { train, evaluated }: PartSums): CountedPart[] {
  if (!missing) return [];
  const rule = { plus: [missing.column], minus: [] };
  const own = {
    ...(train ? { train: countsAt(train, rule) } : {}),
    evaluated: countsAt(evaluated, rule),
  };
  if (!(own.evaluated.rows > 0 || (own.train && own.train.rows > 0))) return [];
  return [{
    name: "missing",
    is: "missing",
    ...own,
    columns: [column, missing.column],
    means: [missing.value, 1],
  }];
}

/** Returns the mean value of the column, and the column of the model's bin or what its bins and exact values add. */
function meansIn(
  { plan, edges }: NumberBins,
  basis: NumberCounts,
  bin: number,
): Pick<CountedPart, "columns" | "means" | "added"> {
  const { divided, bins: own } = plan;
  const rows = basis.rows[bin];
  if (!(rows > 0)) return {};
  const mean = basis.values[bin] / rows;
  if (!divided) return { columns: [plan.column], means: [mean] };
  const areOwn = own && own.edges.length === edges.length && divided.to - divided.from === edges.length + 1;
  return areOwn
    ? { columns: [plan.column, own.first + bin], means: [mean, 1] }
    : { columns: [plan.column], means: [mean], added: basis.added[bin] / rows };
}

/** Returns the range of the values in the field's unit. */
function rangeOf(plan: NumberPlan, ...counts: readonly (NumberCounts | undefined)[]) {
  const of = (value: number) => Number.isFinite(value) ? rounded(unitOf(plan, value), 12) : 0;
  const known = counts.filter((one) => one !== undefined);
  return {
    min: of(Math.min(...known.map(({ min }) => min))),
    max: of(Math.max(...known.map(({ max }) => max))),
  };
}

function nameOf({ from, to, bin, last, areValues }: {
  readonly from: number;
  readonly to: number;
  readonly bin: number;
  readonly last: number;
  readonly areValues: boolean;
}): string {
  const text = (value: number) => String(rounded(value, 4));
  if (last === 0) return from === to ? text(from) : `${text(from)} to ${text(to)}`;
  if (areValues) return bin === last && to > from ? `${text(from)} or more` : text(from);
  return bin === 0
    ? `below ${text(to)}`
    : bin === last
    ? `${text(from)} or more`
    : `${text(from)} to ${text(to)}`;
}
