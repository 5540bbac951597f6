import { exp } from "../../math/elementary.ts";
import { totalWeight } from "./boost_fields.ts";
import type { BoostRun, FoldedRows } from "./boost_rows.ts";
import { fitOnFolds, type FoldCoefficients, keyOf, tablesIn } from "./fold_coefficients.ts";
import { addTable, type Table } from "./forest_tables.ts";
import type { FoundModel, FoundTable } from "./found_model.ts";
import { mergeBins } from "./merge_bins.ts";
import { createPause, runWithPauses } from "./pauses.ts";
import { cellWeightsOf, type MeanRows, purifyInSteps } from "./purify.ts";
import type { SearchContext } from "./search_options.ts";

/** A table of a smaller coefficient is left out. */
const coefficientMin = 0.02;
/** The increase of the mean loss that merging like bins of all tables may cost, about. */
const mergeBudget = 1e-4;

/** Tables of trees, with coefficients fitted on rows that the trees were not. */
export interface FittedTables extends Omit<FoundModel, "stages" | "steps"> {
  readonly fitted: FoldCoefficients;
}

/**
 * Adds the final trees up into tables, multiplies them by their coefficients, merges like bins and purifies them.
 *
 * @param foldRuns Per fold the runs whose mean is taken.
 */
export async function fitTables(
  rows: FoldedRows,
  foldRuns: readonly (readonly BoostRun[])[],
  finals: readonly BoostRun[],
  context: Pick<SearchContext, "checkpoint">,
): Promise<FittedTables> {
  const { fields, labels, weights } = rows;
  const pause = createPause(context.checkpoint);
  const among = Uint32Array.from(labels.keys());
  const fitted = await fitOnFolds(rows, foldRuns, pause);
  const { form, coefficients, ofTable, outOfFold } = fitted;
  const { tables } = await tablesIn(form, finals, { fields, among, weights }, pause);
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
    fitted,
  };
}

function compareFields({ fields: [a, b = -1] }: FoundTable, { fields: [c, d = -1] }: FoundTable): number {
  return a - c || b - d;
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
export function fitIntercept(
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
