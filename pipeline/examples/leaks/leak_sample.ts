import { mixed } from "../../math/hash.ts";
import { chosenByContent, distinctiveColumns } from "./content_hash.ts";
import type { LeakColumn, LeakRows, LeakTable } from "./leak_rows.ts";
import { createRowBuffer, type SampledRows } from "./sampled_rows.ts";
import { isTimeLike } from "./time_values.ts";

/** Rows and clicks of each level of a category, by code; each row counts by its weight. */
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
  /** Counts a category's levels in the whole table, in another pass over its rows. */
  totalsOf(c: number): LevelTotals;
  /** The same for a number. @param codeOf Codes of the values to count. */
  totalsOfNumbers(c: number, codeOf: ReadonlyMap<number, number>): LevelTotals;
}

/** A table of at most this many rows is looked at as a whole. */
const sampleRowsMax = 20_000;
/** Rows of a sample, about; more if clicks are rare, fewer of a wide table. */
const usualRows = 8_000;
const sampledClicks = 400;
const sampleRowsMin = 2_000;
const sampleCellsMax = 1e6;
/** Groups of more rows than this, on average, are too few to be sampled. */
const groupRowsMax = 50;

/** Takes a sample of a table, in one pass over its rows. */
export function sampleLeaks({ columns, rowCount, walk }: LeakTable): LeakSample {
  const fitting = Math.max(sampleRowsMin, Math.floor(sampleCellsMax / Math.max(1, columns.length)));
  const isAll = rowCount <= Math.min(sampleRowsMax, fitting);
  const rows = createRowBuffer(columns.length, isAll ? rowCount : 2 * Math.min(sampleRowsMax, fitting));
  const twins = isAll ? rows : createRowBuffer(columns.length, 2 * Math.min(sampleRowsMax, fitting));
  let [seen, share, step, isByGroup] = [0, 2 ** 32, 1, true];
  let hashed: readonly number[] | undefined;
  for (const run of walk()) {
    if (seen === 0) {
      const wanted = Math.min(sampleRowsMax, fitting, Math.max(usualRows, sampledClicks / clickRateOf(run)));
      share = (wanted / rowCount) * 2 ** 32;
      step = Math.ceil(rowCount / wanted);
      isByGroup = run.groups !== undefined && hasSmallGroups(run.groups, run.rowCount);
    }
    const chosen = isAll
      ? Uint32Array.from({ length: run.rowCount }, (_, row) => row)
      : isByGroup && run.groups
      ? chosenByGroup(run.groups, share)
      : chosenByPlace(seen, run.rowCount, step);
    for (const row of chosen) if (isLabelled(run, row)) rows.add(run, row);
    if (!isAll) {
      hashed ??= distinctiveColumns(run);
      for (const row of chosenByContent(run, hashed, share)) if (isLabelled(run, row)) twins.add(run, row);
    }
    seen += run.rowCount;
  }
  const taken = rows.take();
  return {
    columns: columns.map((column, c) =>
      column.kind === "number" && isTimeLike(taken.columns[c]) ? { ...column, kind: "time" } : column
    ),
    rowCount: seen,
    rows: taken,
    hasWholeGroups: !rows.isFull() && (isAll || isByGroup),
    twins: isAll ? taken : twins.take(),
    totalsOf: (c) => countLevels(walk(), c, columns[c].levels?.length ?? 0, (code) => code),
    totalsOfNumbers: (c, codeOf) => countLevels(walk(), c, codeOf.size, (value) => codeOf.get(value)),
  };
}

function isLabelled({ labels }: LeakRows, row: number): boolean {
  return labels[row] === 0 || labels[row] === 1;
}

function clickRateOf({ labels, rowCount }: LeakRows): number {
  let clicks = 0;
  for (let row = 0; row < rowCount; row++) if (labels[row] === 1) clicks++;
  return (clicks + 1) / rowCount;
}

function hasSmallGroups(groups: ArrayLike<number>, rowCount: number): boolean {
  const distinct = new Set<number>();
  for (let row = 0; row < rowCount; row++) distinct.add(groups[row]);
  return distinct.size * groupRowsMax >= rowCount;
}

function chosenByGroup(groups: ArrayLike<number>, share: number): number[] {
  const chosen: number[] = [];
  for (let row = 0; row < groups.length; row++) if (mixed(groups[row] ^ 0x51ed270b) < share) chosen.push(row);
  return chosen;
}

/** Every row of the table at a multiple of `step`. @param before Rows before these. */
function chosenByPlace(before: number, rowCount: number, step: number): number[] {
  const chosen: number[] = [];
  for (let row = (step - before % step) % step; row < rowCount; row += step) chosen.push(row);
  return chosen;
}

function countLevels(
  runs: Iterable<LeakRows>,
  c: number,
  levelCount: number,
  codeOf: (value: number) => number | undefined,
): LevelTotals {
  const totals = { rows: new Float64Array(levelCount), clicks: new Float64Array(levelCount) };
  for (const { columns, labels, weights, rowCount } of runs) {
    const { values, offset = 0, stride = 1 } = columns[c];
    for (let i = 0, k = offset; i < rowCount; i++, k += stride) {
      const [label, code] = [labels[i], codeOf(values[k])];
      if (code === undefined || (label !== 0 && label !== 1)) continue;
      const weight = weights ? weights[i] : 1;
      totals.rows[code] += weight;
      totals.clicks[code] += weight * label;
    }
  }
  return totals;
}
