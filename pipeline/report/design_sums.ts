import type { DesignChunk, DesignMatrix } from "../encode/design_matrix.ts";
import {
  addByCode,
  type ColumnSums,
  createColumnSums,
  createCounts,
  createNumberAdder,
  type RowValues,
} from "./column_sums.ts";
import type { NumberBins } from "./number_bins.ts";

/** Sums over rows of a design. */
export type DesignSums = ReturnType<typeof createDesignSums>;

/** Collects the sums of a design's rows: by cells, which become columns at the end, in a fraction of the time. */
export function createDesignSums(
  design: DesignMatrix,
  bins: readonly NumberBins[],
  coefficients: ArrayLike<number>,
) {
  const { groups, numericColumns, columnCount } = design;
  const sums = createColumnSums(columnCount, bins);
  const cells = groups.map(({ cellCount }) => createCounts(cellCount));
  const adders = bins.map((own, i) => ({
    at: numericColumns.indexOf(own.plan.column),
    add: createNumberAdder(sums.numbers[i], own),
    addends: addendsOf(design, own, coefficients),
  }));
  return {
    /** Adds rows from … to − 1. @param probabilities Shape (to − from). */
    add(chunk: DesignChunk, from: number, to: number, probabilities?: Float64Array): void {
      const values = rowValuesOf(chunk, from, to, probabilities);
      addTotals(sums.total, values);
      groups.forEach((_, g) => addByCode(cells[g], chunk.cells[g], from, values));
      const stride = numericColumns.length;
      for (const { at, add, addends } of adders) {
        const coded = addends.map(({ group, byCode }) => ({ codes: chunk.cells[group], byCode, from }));
        add(chunk.numeric, { from: from * stride + at, stride }, values, coded);
      }
    },
    /** Returns the sums. To be called once, after the last rows. */
    sums(): ColumnSums {
      groups.forEach(({ cellCount, fieldCount, columns }, g) => {
        for (let cell = 0, at = 0; cell < cellCount; cell++) {
          for (let field = 0; field < fieldCount; field++, at++) {
            const column = columns[at];
            if (column < 0) continue;
            sums.ones.rows[column] += cells[g].rows[cell];
            sums.ones.clicks[column] += cells[g].clicks[cell];
            sums.ones.predicted[column] += cells[g].predicted[cell];
          }
        }
      });
      return sums;
    },
  };
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
