import { lossOf } from "./boost.ts";
import { fitCoefficients, type TableCoefficients, type TableValues, valueLogits } from "./coefficients.ts";
import type { Pause } from "./pauses.ts";

/** Weights of the penalty that are tried, in rows. */
const ridges = [10, 30, 100, 300, 1000];
/** Of many tables, or without folds to compare them on, it is this one. */
const usualRidge = 30;
const comparedTablesMax = 100;

/** Coefficients of all rows, and the logits of each fold's rows by coefficients of the others. */
export interface CrossFitted extends TableCoefficients {
  /** Shape (rows). With a single fold, by the coefficients of all rows. */
  readonly logits: Float64Array;
  /** Mean log loss of these logits. */
  readonly loss: number;
}

/**
 * Fits coefficients with the penalty whose coefficients of all folds but one suit the rows of that one best.
 *
 * @param foldRows Number of rows of each fold; they follow one another.
 * @param intercept To start from.
 */
export async function crossFit(
  values: TableValues,
  foldRows: readonly number[],
  { intercept, pause }: { readonly intercept: number; readonly pause: Pause },
): Promise<CrossFitted> {
  const tableCount = values.columns.length;
  const ones = new Float64Array(tableCount + 1).fill(1);
  ones[tableCount] = intercept;
  const every = Uint32Array.from(values.labels.keys());
  const isCompared = foldRows.length > 1 && tableCount <= comparedTablesMax;
  let fits: readonly Partial<TableCoefficients>[] = foldRows.map(() => ({}));
  let best: { ridge: number; loss: number; logits: Float64Array } | undefined;
  for (const ridge of isCompared ? ridges : [usualRidge]) {
    const logits = new Float64Array(every.length);
    const fitted: TableCoefficients[] = [];
    let from = 0;
    for (const [fold, count] of foldRows.entries()) {
      const others = foldRows.length > 1 ? withoutRows(values, from, from + count) : values;
      const { hessian } = fits[fold];
      const fit = await fitCoefficients(others, { start: joined(fits[fold]) ?? ones, ridge, pause, hessian });
      fitted.push(fit);
      logits.set(valueLogits(part(values, from, from + count), joined(fit) ?? ones), from);
      from += count;
    }
    fits = fitted;
    const loss = lossOf(every, logits, values.labels, values.weights);
    if (!best || loss < best.loss) best = { ridge, loss, logits };
  }
  if (!best) throw new Error("no penalty was tried");
  const { ridge, loss, logits } = best;
  return { ...await fitCoefficients(values, { start: ones, ridge, pause }), logits, loss };
}

function joined({ coefficients, intercept }: Partial<TableCoefficients>): Float64Array | undefined {
  return coefficients && intercept !== undefined ? Float64Array.of(...coefficients, intercept) : undefined;
}

function part({ columns, labels, weights }: TableValues, from: number, to: number): TableValues {
  return {
    columns: columns.map((column) => column.subarray(from, to)),
    labels: labels.subarray(from, to),
    weights: weights?.subarray(from, to),
  };
}

/** Gives some rows a weight of 0. */
function withoutRows({ columns, labels, weights }: TableValues, from: number, to: number): TableValues {
  const others = weights?.slice() ?? new Float64Array(labels.length).fill(1);
  return { columns, labels, weights: others.fill(0, from, to) };
}
