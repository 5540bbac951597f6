import { rowsOf } from "./boost.ts";
import type { BoostRun, FoldedRows } from "./boost_rows.ts";
import type { TableValues } from "./coefficients.ts";
import { crossFit, type CrossFitted } from "./cross_fit.ts";
import { scoredRows, scoreFolds } from "./fold_scores.ts";
import { addTable, type ForestTables, type Table, tablesInSteps } from "./forest_tables.ts";
import type { OutOfFold } from "./found_model.ts";
import { type Pause, runWithPauses } from "./pauses.ts";
import { type MeanRows, purifyInSteps } from "./purify.ts";

/**
 * What a coefficient multiplies: the sum of the trees with the same fields, or that sum purified. Trees tend to say too much of what a
 * curve says alone and too little of what only a pair says, or the other way round, which the latter can undo.
 */
const forms = ["purified", "summed"] as const;
export type TableForm = typeof forms[number];

/** Coefficients of tables, and what they are worth on rows that neither they nor the trees were fitted to. */
export interface FoldCoefficients {
  readonly form: TableForm;
  readonly coefficients: CrossFitted;
  /** The coefficient of a table, by `keyOf`. */
  readonly ofTable: ReadonlyMap<string, number>;
  readonly outOfFold: OutOfFold;
  /** What the coefficients were fitted to: their tables, by `keyOf`, values of these, and the row of each value. */
  readonly keys: readonly string[];
  readonly values: TableValues;
  readonly places: Uint32Array;
}

/** Returns the name of a table's fields. */
export function keyOf({ fields }: Pick<Table, "fields">): string {
  return fields.join();
}

/** Adds trees up into tables. @param rows Those that the trees were fitted to. */
export async function tablesIn(
  form: TableForm,
  runs: readonly BoostRun[],
  rows: MeanRows,
  pause: Pause,
): Promise<ForestTables> {
  const summed = await runWithPauses(tablesInSteps(runs, rows.fields), pause);
  if (form === "summed") return summed;
  const { intercept, tables } = await runWithPauses(purifyInSteps(summed.start, summed.tables, rows), pause);
  return { start: intercept, tables };
}

/**
 * Fits a coefficient per table to what the folds' tables add to the rows that each fold is scored on, in the better form.
 *
 * @param runs Per fold the runs whose mean is taken.
 */
export async function fitOnFolds(
  rows: FoldedRows,
  runs: readonly (readonly BoostRun[])[],
  pause: Pause,
): Promise<FoldCoefficients> {
  const scored = scoredRows(rows);
  let best: Pick<FoldCoefficients, "form" | "keys" | "values" | "places" | "coefficients"> | undefined;
  for (const form of forms) {
    const { start, ...own } = await valuesIn(form, rows, runs, { scored, pause });
    const counts = scored.map(({ length }) => length);
    const coefficients = await crossFit(own.values, counts, { intercept: start, pause });
    if (!best || coefficients.loss < best.coefficients.loss) best = { form, ...own, coefficients };
  }
  if (!best) throw new Error("no form was fitted");
  const { keys, coefficients: fitted } = best;
  let from = 0;
  const foldLogits = scored.map(({ length }) => fitted.logits.subarray(from, from += length));
  const { blocks, folds } = rows;
  return {
    ...best,
    ofTable: new Map(keys.map((key, t) => [key, fitted.coefficients[t]])),
    outOfFold: { blocks, folds, ...scoreFolds(rows, rows, foldLogits) },
  };
}

interface ScoredOptions {
  /** Rows that each fold is scored on. */
  readonly scored: readonly Uint32Array[];
  readonly pause: Pause;
}

/** Returns what each table of a fold adds to the rows that it is scored on; 0 if the fold has no such table. */
async function valuesIn(
  form: TableForm,
  rows: FoldedRows,
  runs: readonly (readonly BoostRun[])[],
  { scored, pause }: ScoredOptions,
): Promise<Pick<FoldCoefficients, "values" | "keys" | "places"> & { start: number }> {
  const { fields, labels, weights } = rows;
  const total = scored.reduce((sum, { length }) => sum + length, 0);
  const columns = new Map<string, Float64Array>();
  const places = new Uint32Array(total);
  let [from, starts] = [0, 0];
  for (const [fold, own] of runs.entries()) {
    const count = scored[fold].length;
    places.set(scored[fold], from);
    const among = rowsOf(rows, new Set(rows.folds[fold].fittedTo));
    const { start, tables } = await tablesIn(form, own, { fields, among, weights }, pause);
    starts += start;
    for (const table of tables) {
      const column = columns.get(keyOf(table)) ?? new Float64Array(total);
      columns.set(keyOf(table), column);
      addTable(table, fields, scored[fold], column.subarray(from, from + count));
    }
    from += count;
  }
  const values = {
    columns: [...columns.values()],
    labels: Uint8Array.from(places, (row) => labels[row]),
    weights: weights && Float64Array.from(places, (row) => weights[row]),
  };
  return { values, keys: [...columns.keys()], places, start: starts / runs.length };
}
