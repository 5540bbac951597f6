import { mixed } from "../../math/hash.ts";
import type { LeakColumn, LeakRows, LeakValues } from "./leak_rows.ts";
import { isTimeLike } from "./time_values.ts";
import { createContentHash } from "./content_hash.ts";
import { createRowBuffer, type SampledRows } from "./sampled_rows.ts";

/** Rows and clicks of each level of a category in the whole table, by code; each row counts by its weight. */
export interface LevelTotals {
  readonly rows: Float64Array;
  readonly clicks: Float64Array;
}

/** What the detector looks at. */
export interface LeakSample {
  readonly columns: readonly LeakColumn[];
  /** Rows of the table. */
  readonly rowCount: number;
  /** Rows of groups that were chosen by their hash, in the order of the table. */
  readonly rows: SampledRows;
  /** Whether `rows` has all rows of each of its groups. */
  readonly hasWholeGroups: boolean;
  /** Rows that were chosen by a hash of their values: of equal rows, all or none. */
  readonly twins: SampledRows;
  /** Per column; undefined for a number. */
  readonly totals: readonly (LevelTotals | undefined)[];
}

/** Rows of a sample, about; fewer of a wide table. */
const sampleRowsMax = 20_000;
const sampleRowsMin = 2_000;
const sampleCellsMax = 2e6;
/** Groups of more rows than this, on average, are too few to be sampled. */
const groupRowsMax = 50;
/** Categories whose levels are counted over all rows. */
const countedColumnsMax = 64;

/** Collects a sample of a table in one pass over its rows. */
export interface LeakSampler {
  /** Adds the next rows of the table. */
  add(rows: LeakRows): void;
  sample(): LeakSample;
}

/** @param rowCount Rows of the table, at least as many as will be added. */
export function createLeakSampler(columns: readonly LeakColumn[], rowCount: number): LeakSampler {
  const fitting = Math.floor(sampleCellsMax / Math.max(1, columns.length));
  const wanted = Math.min(sampleRowsMax, Math.max(sampleRowsMin, fitting));
  const isAll = rowCount <= wanted;
  const share = isAll ? 2 ** 32 : (wanted / rowCount) * 2 ** 32;
  const step = Math.ceil(rowCount / wanted);
  const rows = createRowBuffer(columns.length, isAll ? rowCount : 2 * wanted);
  const twins = isAll ? rows : createRowBuffer(columns.length, 2 * wanted);
  const totals = totalsOf(columns);
  let [seen, isByGroup] = [0, true];
  let hashOfContent: ((added: LeakRows, row: number) => number) | undefined;
  const isWanted = ({ groups }: LeakRows, row: number) =>
    isAll || (isByGroup && groups ? mixed(groups[row] ^ 0x51ed270b) < share : (seen + row) % step === 0);
  return {
    add(added) {
      if (seen === 0) isByGroup = added.groups !== undefined && hasSmallGroups(added.groups, added.rowCount);
      hashOfContent ??= createContentHash(added);
      totals.forEach((total, c) => total && countLevels(added, c, total));
      for (let row = 0; row < added.rowCount; row++) {
        if (added.labels[row] !== 0 && added.labels[row] !== 1) continue;
        if (isWanted(added, row)) rows.add(added, row);
        if (!isAll && hashOfContent(added, row) < share) twins.add(added, row);
      }
      seen += added.rowCount;
    },
    sample() {
      const taken = rows.take();
      return {
        columns: columns.map((column, c) =>
          column.kind === "number" && isTimeLike(taken.columns[c]) ? { ...column, kind: "time" } : column
        ),
        rowCount: seen,
        rows: taken,
        hasWholeGroups: !rows.isFull() && (isAll || isByGroup),
        twins: isAll ? taken : twins.take(),
        totals,
      };
    },
  };
}

function hasSmallGroups(groups: ArrayLike<number>, rowCount: number): boolean {
  const distinct = new Set<number>();
  for (let row = 0; row < rowCount; row++) distinct.add(groups[row]);
  return distinct.size * groupRowsMax >= rowCount;
}

function totalsOf(columns: readonly LeakColumn[]): (LevelTotals | undefined)[] {
  let left = countedColumnsMax;
  return columns.map(({ kind, levels }) => {
    if (kind !== "category" || levels === undefined || left-- <= 0) return undefined;
    return { rows: new Float64Array(levels.length), clicks: new Float64Array(levels.length) };
  });
}

function countLevels({ columns, labels, weights, rowCount }: LeakRows, c: number, totals: LevelTotals): void {
  const { values, offset = 0, stride = 1 } = columns[c];
  if (weights) return countWeights(columns[c], labels, weights, totals);
  const { rows, clicks } = totals;
  for (let i = 0, k = offset; i < rowCount; i++, k += stride) {
    const label = labels[i];
    if (label !== 0 && label !== 1) continue;
    rows[values[k]]++;
    clicks[values[k]] += label;
  }
}

function countWeights(
  { values, offset = 0, stride = 1 }: LeakValues,
  labels: ArrayLike<number>,
  weights: ArrayLike<number>,
  { rows, clicks }: LevelTotals,
): void {
  for (let i = 0, k = offset; i < weights.length; i++, k += stride) {
    if (labels[i] !== 0 && labels[i] !== 1) continue;
    rows[values[k]] += weights[i];
    clicks[values[k]] += weights[i] * labels[i];
  }
}
