import type { DesignChunk, DesignMatrix } from "../encode/design_matrix.ts";
import {
  addByCode,
  type ColumnSums,
  type Counts,
  createCounts,
  createNumberAdder,
  createNumberCounts,
  type NumberCounts,
  type RowValues,
} from "./column_sums.ts";
import type { NumberBins } from "./number_bins.ts";

/** A part of a design's columns: every `count`-th group, and every `count`-th column of numbers, from `index`. */
export interface ColumnShare {
  readonly index: number;
  readonly count: number;
}

/** Sums over rows of a share of the columns; undefined for columns of other shares. */
export interface ShareSums {
  readonly total: ColumnSums["total"];
  /** By cells, per group. */
  readonly cells: readonly (Counts | undefined)[];
  readonly numbers: readonly (NumberCounts | undefined)[];
}

/** Collects the sums of a share of a design's columns: by cells, which become columns at the end, in a fraction of the time. */
export function createShareSums(
  design: DesignMatrix,
  bins: readonly NumberBins[],
  coefficients: ArrayLike<number>,
  { index, count }: ColumnShare,
) {
  const { groups, numericColumns } = design;
  const isOwn = (at: number) => at % count === index;
  const sums: ShareSums = {
    total: { rows: 0, clicks: 0, predicted: 0 },
    cells: groups.map(({ cellCount }, g) => isOwn(g) ? createCounts(cellCount) : undefined),
    numbers: bins.map((own, i) => isOwn(i) ? createNumberCounts(own) : undefined),
  };
  const adders = bins.flatMap((own, i) => {
    const counts = sums.numbers[i];
    return counts
      ? [{
        at: numericColumns.indexOf(own.plan.column),
        add: createNumberAdder(counts, own),
        addends: addendsOf(design, own, coefficients),
      }]
      : [];
  });
  return {
    /** @returns As they are now. */
    sums,
    /** Adds rows from … to − 1. @param probabilities Shape (to − from). */
    add(chunk: DesignChunk, from: number, to: number, probabilities?: Float64Array): void {
      const values = rowValuesOf(chunk, from, to, probabilities);
      addTotals(sums.total, values);
      sums.cells.forEach((own, g) => own && addByCode(own, chunk.cells[g], from, values));
      const stride = numericColumns.length;
      for (const { at, add, addends } of adders) {
        const coded = addends.map(({ group, byCode }) => ({ codes: chunk.cells[group], byCode, from }));
        add(chunk.numeric, { from: from * stride + at, stride }, values, coded);
      }
    },
  };
}

/** Returns the sums over all columns. @param shares Of the same rows; together they have each column once. */
export function joinShares(
  { groups, columnCount }: Pick<DesignMatrix, "groups" | "columnCount">,
  shares: readonly ShareSums[],
): ColumnSums {
  const ones = createCounts(columnCount);
  groups.forEach(({ cellCount, fieldCount, columns }, g) => {
    const cells = ownOf(shares, ({ cells }) => cells[g]);
    for (let cell = 0, at = 0; cell < cellCount; cell++) {
      for (let field = 0; field < fieldCount; field++, at++) {
        const column = columns[at];
        if (column < 0) continue;
        ones.rows[column] += cells.rows[cell];
        ones.clicks[column] += cells.clicks[cell];
        ones.predicted[column] += cells.predicted[cell];
      }
    }
  });
  const [{ total, numbers }] = shares;
  return { total, ones, numbers: numbers.map((_, i) => ownOf(shares, ({ numbers }) => numbers[i])) };
}

function ownOf<Own>(shares: readonly ShareSums[], of: (share: ShareSums) => Own | undefined): Own {
  for (const share of shares) {
    const own = of(share);
    if (own) return own;
  }
  throw new Error("a column is in no share");
}

/** Returns what the cells of each group add to the log-odds by the bins and exact values of a field, if they do. */
function addendsOf(
  { groups }: DesignMatrix,
  { plan: { divided } }: NumberBins,
  coefficients: ArrayLike<number>,
): { readonly group: number; readonly byCode: Float64Array }[] {
  if (!divided) return [];
  return groups.flatMap(({ cellCount, fieldCount, columns }, group) => {
    const byCode = new Float64Array(cellCount);
    let isAny = false;
    for (let cell = 0, at = 0; cell < cellCount; cell++) {
      for (let field = 0; field < fieldCount; field++, at++) {
        const column = columns[at];
        if (column < divided.from || column >= divided.to) continue;
        byCode[cell] += coefficients[column];
        isAny = true;
      }
    }
    return isAny ? [{ group, byCode }] : [];
  });
}

function addTotals(total: ColumnSums["total"], { weights, clicks, predicted }: RowValues): void {
  for (let i = 0; i < weights.length; i++) {
    total.rows += weights[i];
    total.clicks += clicks[i];
    if (predicted) total.predicted += predicted[i];
  }
}

function rowValuesOf(
  { labels, weights }: DesignChunk,
  from: number,
  to: number,
  probabilities: Float64Array | undefined,
): RowValues {
  const own = weights ? weights.subarray(from, to) : new Float64Array(to - from).fill(1);
  const clicks = new Float64Array(to - from);
  for (let i = 0; i < clicks.length; i++) if (labels[from + i] === 1) clicks[i] = own[i];
  if (!probabilities || !weights) return { weights: own, clicks, predicted: probabilities };
  return { weights: own, clicks, predicted: probabilities.map((p, i) => p * own[i]) };
}
