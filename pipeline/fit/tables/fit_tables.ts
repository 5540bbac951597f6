import { exp } from "../../math/elementary.ts";
import { rowsOf } from "./boost.ts";
import { totalWeight } from "./boost_fields.ts";
import type { BoostRun, FoldedRows } from "./boost_rows.ts";
import type { TableValues } from "./coefficients.ts";
import { crossFit } from "./cross_fit.ts";
import type { SearchContext } from "./search_options.ts";
import { scoredRows, scoreFolds } from "./fold_scores.ts";
import { addTable, type ForestTables, type Table, tablesInSteps } from "./forest_tables.ts";
import type { FoundModel, FoundTable } from "./found_model.ts";
import { mergeBins } from "./merge_bins.ts";
import { createPause, type Pause, runWithPauses } from "./pauses.ts";
import { cellWeightsOf, type MeanRows, purifyInSteps } from "./purify.ts";

/** A table of a smaller coefficient is left out. */
const coefficientMin = 0.02;
/** The increase of the mean loss that merging like bins of all tables may cost, about. */
const mergeBudget = 1e-4;

/** Tables of trees, with coefficients fitted on rows that the trees were not. */
export type FittedTables = Omit<FoundModel, "stages" | "steps">;

/**
 * Adds the final trees up into purified tables, multiplies them by their coefficients and merges like bins. A curve and a pair's table are
 * then scaled apart: trees tend to say too much of the one and too little of the other.
 */
export async function fitTables(
  rows: FoldedRows,
  foldRuns: readonly BoostRun[],
  finals: readonly BoostRun[],
  context: Pick<SearchContext, "checkpoint">,
): Promise<FittedTables> {
  const { fields, labels, weights } = rows;
  const pause = createPause(context.checkpoint);
  const among = Uint32Array.from(labels.keys());
  const { start, tables } = await pureTables(finals, { fields, among, weights }, pause);
  const { coefficients, ofTable, outOfFold } = await fitOnFolds(rows, foldRuns, { intercept: start, pause });
  const kept = tables.flatMap((table) => {
    const coefficient = ofTable.get(keyOf(table)) ?? 1;
    if (coefficient < coefficientMin) return [];
    return [{ coefficient, table: { ...table, cells: table.cells.map((cell) => coefficient * cell) } }];
  });
  const scaled = kept.map(({ table }) => table);
  const logits = new Float64Array(labels.length).fill(coefficients.intercept);
  for (const table of scaled) addTable(table, fields, among, logits);
  const merged = await runWithPauses(mergeInSteps(scaled, rows, logits), pause);
  logits.fill(0);
  for (const table of merged) addTable(table, fields, among, logits);
  const intercept = fitIntercept(logits, labels, weights, coefficients.intercept);
  // Merging has left some small means.
  const pure = await runWithPauses(purifyInSteps(intercept, merged, { fields, among, weights }), pause);
  const coefficientOf = new Map(kept.map(({ table, coefficient }) => [keyOf(table), coefficient]));
  const found = pure.tables.map((table) =>
    foundTable(table, coefficientOf.get(keyOf(table)) ?? 1, worthOf(table, { fields, among, weights }))
  );
  return {
    intercept: pure.intercept,
    tables: found.sort((a, b) => b.worth - a.worth || compareFields(a, b)),
    outOfFold,
    certificate: coefficients.certificate,
  };
}

/** Adds trees up into purified tables. @param rows Those that the trees were fitted to. */
async function pureTables(runs: readonly BoostRun[], rows: MeanRows, pause: Pause): Promise<ForestTables> {
  const { start, tables } = await runWithPauses(tablesInSteps(runs, rows.fields), pause);
  const pure = await runWithPauses(purifyInSteps(start, tables, rows), pause);
  return { start: pure.intercept, tables: pure.tables };
}

const keyOf = ({ fields }: Pick<Table, "fields">) => fields.join();

function compareFields({ fields: [a, b = -1] }: FoundTable, { fields: [c, d = -1] }: FoundTable): number {
  return a - c || b - d;
}

/** Fits a coefficient per table to what the folds' tables add to the rows that each fold is scored on. */
async function fitOnFolds(
  rows: FoldedRows,
  runs: readonly BoostRun[],
  options: { readonly intercept: number; readonly pause: Pause },
) {
  const { fields, labels, weights } = rows;
  const scored = scoredRows(rows);
  const total = scored.reduce((sum, { length }) => sum + length, 0);
  const columns = new Map<string, Float64Array>();
  const places = new Uint32Array(total);
  let from = 0;
  for (const [fold, run] of runs.entries()) {
    const count = scored[fold].length;
    places.set(scored[fold], from);
    const among = rowsOf(rows, new Set(rows.folds[fold].fittedTo));
    const { tables } = await pureTables([run], { fields, among, weights }, options.pause);
    for (const table of tables) {
      const column = columns.get(keyOf(table)) ?? new Float64Array(total);
      columns.set(keyOf(table), column);
      addTable(table, fields, scored[fold], column.subarray(from, from + count));
    }
    from += count;
  }
  const values: TableValues = {
    columns: [...columns.values()],
    labels: Uint8Array.from(places, (row) => labels[row]),
    weights: weights && Float64Array.from(places, (row) => weights[row]),
  };
  const coefficients = await crossFit(values, scored.map(({ length }) => length), options);
  const { logits } = coefficients;
  const ends = scored.map((_, fold) =>
    scored.slice(0, fold + 1).reduce((sum, { length }) => sum + length, 0)
  );
  const foldLogits = ends.map((end, fold) => logits.subarray(end - scored[fold].length, end));
  const { blocks, folds } = rows;
  return {
    coefficients,
    ofTable: new Map([...columns.keys()].map((key, t) => [key, coefficients.coefficients[t]])),
    outOfFold: { blocks, folds, ...scoreFolds(rows, rows, foldLogits) },
  };
}

function* mergeInSteps(
  tables: readonly Table[],
  rows: FoldedRows,
  logits: Float64Array,
): Generator<void, Table[]> {
  const { fields, weights } = rows;
  const curvatures = Float64Array.from(logits, (logit, i) => {
    const p = 1 / (1 + exp(-logit));
    return (weights ? weights[i] : 1) * p * (1 - p);
  });
  const among = Uint32Array.from(logits.keys());
  const budget = mergeBudget * totalWeight(rows) / tables.length;
  const merged: Table[] = [];
  for (const table of tables) {
    const isNumeric = table.fields.map((field) => fields[field].isNumeric);
    merged.push(
      mergeBins(table, cellWeightsOf(table, { fields, among, weights: curvatures }), isNumeric, budget),
    );
    yield;
  }
  return merged;
}

/** Returns the intercept with which the mean probability of the rows is that of their labels, by Newton's method. */
function fitIntercept(
  logits: Float64Array,
  labels: Uint8Array,
  weights: Float64Array | undefined,
  start: number,
): number {
  let intercept = start;
  for (let step = 0; step < 50; step++) {
    let [gradient, curvature] = [0, 0];
    for (let i = 0; i < labels.length; i++) {
      const p = 1 / (1 + exp(-logits[i] - intercept));
      const weight = weights ? weights[i] : 1;
      gradient += weight * (p - labels[i]);
      curvature += weight * p * (1 - p);
    }
    const change = gradient / curvature;
    intercept -= Math.max(-1, Math.min(1, change));
    if (Math.abs(change) < 1e-12) break;
  }
  return intercept;
}

/** Returns the variance over the rows of what a table adds to the logit. */
function worthOf(table: Table, rows: MeanRows): number {
  const cellWeights = cellWeightsOf(table, rows);
  let [sum, squares, total] = [0, 0, 0];
  for (let i = 0; i < cellWeights.length; i++) {
    sum += cellWeights[i] * table.cells[i];
    squares += cellWeights[i] * table.cells[i] ** 2;
    total += cellWeights[i];
  }
  return Math.max(0, squares / total - (sum / total) ** 2);
}

function foundTable({ fields, positions, cells }: Table, coefficient: number, worth: number): FoundTable {
  return { fields, positions, cells: cells.map((cell) => cell / coefficient), coefficient, worth };
}
