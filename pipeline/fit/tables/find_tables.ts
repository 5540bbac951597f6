import { boostAll } from "./boost_jobs.ts";
import { rowsOf } from "./boost.ts";
import { blocksOf, poolLevels, takeRows } from "./boost_fields.ts";
import { type BoostRun, type BoostTask, type FoldedRows, stopping } from "./boost_rows.ts";
import type { DrawBasis } from "./draw_tables.ts";
import { fitTables } from "./fit_tables.ts";
import {
  type FoundModel,
  kindOf,
  type SearchRows,
  type Stage,
  type Steps,
  type TreeSteps,
} from "./found_model.ts";
import { divideRows, holdOut, placeOf } from "./row_folds.ts";
import type { SearchContext, SearchOptions } from "./search_options.ts";
import { type ChosenTrees, foldTasks, type FoundTrees, searchTrees } from "./search_trees.ts";
import { streamSeed } from "./stream_seed.ts";

/** Up to here a search is on all rows; else on a sample of whole groups. */
const searchRowsMax = 100_000;
/** Share of more rows that is held out to find the number of trees and the coefficients. */
const heldOutShare = 0.2;
/** The final trees have more rows than those of the folds. */
const treesFactor = 1.1;
/** Final runs, at least, whose mean is taken: of each kind of trees equally many. */
const finalRuns = 4;
/** Numbers of streams of random numbers: the folds are the first. */
const streams = { final: 100, sample: 200 };

/** A model that can be made again of resampled groups. */
export interface DrawableModel extends FoundModel {
  readonly basis: DrawBasis;
}

/**
 * Finds a model of curves of one field and tables of two. Trees whose paths split on at most two fields are boosted and cross-validated to
 * choose their kind; those of all rows are added up into tables, which get a coefficient each; then like bins are merged, and what a
 * curve can say is moved from the tables into the curves. The result does not depend on the number of threads.
 *
 * @param rows Training rows as bins.
 * @throws {Failure} `examples-invalid` if a fold has no rows or one label; whatever `checkpoint` throws.
 * @see Lou et al., Accurate Intelligible Models with Pairwise Interactions (2013).
 */
export async function findTables(rows: SearchRows, options: SearchOptions): Promise<DrawableModel> {
  const { steps } = options;
  const seed = steps?.seed ?? options.seed;
  const context = { ...options, seed };
  const { fields, pooled } = poolLevels(rows);
  const isLarge = rows.labels.length > searchRowsMax;
  const folded = isLarge
    ? holdOut(rows, seed, Math.min(heldOutShare, searchRowsMax / rows.labels.length))
    : divideRows(rows, seed, foldsOf(steps));
  const { labels, weights } = rows;
  const all: FoldedRows = { fields, labels, ...weights ? { weights } : {}, ...folded };
  const { kinds, stages } = await chooseTrees(rows, all, isLarge, context, steps);
  const done: Steps = {
    seed,
    kinds: kinds.map(({ runs, ...kind }, k) => ({
      ...kind,
      foldTrees: runs.map((run) => run.trees),
      trees: steps?.kinds[k].trees ?? finalTrees(all, runs),
    })),
  };
  const finals = await boostFinal(all, done, context);
  const foldRuns = all.folds.map((_, fold) => kinds.map(({ runs }) => runs[fold]));
  const model = await fitTables(all, foldRuns, finals, context);
  const basis = { rows: { ...all, groups: rows.groups }, steps: done, model };
  const tables = model.tables.map((table) => ({
    ...table,
    positions: table.positions.map((positions, axis) => {
      const bins = pooled[table.fields[axis] ?? 0];
      return bins ? bins.map((bin) => positions[bin]) : positions;
    }),
  }));
  const { logLoss, ece } = model.outOfFold;
  const [{ pairs, trees }] = done.kinds;
  const last: Stage = {
    name: "coefficients",
    ...kindOf(done.kinds[0]),
    pairCount: pairs.length,
    logLoss,
    ece,
    trees,
    chosen: true,
  };
  const { intercept, outOfFold, certificate } = model;
  const found = { intercept, tables, outOfFold, certificate };
  return { ...found, stages: steps ? [] : [...stages, last], steps: done, basis };
}

/** Searches, or repeats the steps of a search; on many rows, the folds' runs are those of the held-out rows. */
async function chooseTrees(
  rows: SearchRows,
  all: FoldedRows,
  isLarge: boolean,
  context: SearchContext,
  steps: Steps | undefined,
): Promise<FoundTrees> {
  const searched = steps
    ? undefined
    : await searchTrees(isLarge ? sampleRows(rows, all, context.seed) : all, context);
  if (searched && !isLarge) return searched;
  const kinds = steps?.kinds ?? searched?.kinds ?? [];
  return { kinds: await boostFolds(all, kinds, context), stages: searched?.stages ?? [] };
}

/** Grows trees of each kind on each fold: as many as its steps say, or as many as suit the scored rows. */
async function boostFolds(
  rows: FoldedRows,
  kinds: readonly (TreeSteps | ChosenTrees)[],
  { seed, threads, observe, checkpoint, kept }: SearchContext,
): Promise<ChosenTrees[]> {
  const ofFolds = kinds.map((kind) => tasksOf(rows, kind, seed));
  const [{ mode, leaves, pairs: { length: pairCount } }] = kinds;
  const runs = await boostAll(rows, ofFolds.flatMap(({ tasks }) => tasks), threads, {
    ...{ checkpoint, kept },
    observe: observe && ((trees) => observe({ stage: "held-out", mode, leaves, pairCount, trees })),
  });
  const foldCount = rows.folds.length;
  return kinds.map((kind, k) => ({
    ...kindOf(kind),
    pairs: kind.pairs,
    foldPairs: ofFolds[k].foldPairs,
    runs: runs.slice(k * foldCount, (k + 1) * foldCount),
  }));
}

function tasksOf(rows: FoldedRows, kind: TreeSteps | ChosenTrees, seed: number) {
  const steps = "foldTrees" in kind ? kind : undefined;
  // The steps of more rows, or of fewer ones, may have other folds.
  const isOfFolds = steps?.foldTrees.length === rows.folds.length;
  const foldPairs = isOfFolds && steps ? steps.foldPairs : rows.folds.map(() => kind.pairs);
  const tasks = foldTasks(rows, { ...kind, seed, foldPairs }).map((task, fold): BoostTask => {
    if (!steps) return task;
    const { scoredOn: _, ...unscored } = task;
    const treesMax = isOfFolds ? steps.foldTrees[fold] : Math.round(steps.trees / treesFactor);
    return { ...unscored, treesMax };
  });
  return { foldPairs, tasks };
}

/** Returns the number of folds of a search whose steps are repeated; undefined for one without folds. */
function foldsOf(steps: Steps | undefined): number | undefined {
  const count = steps?.kinds[0].foldTrees.length ?? 0;
  return count > 1 ? count : undefined;
}

/** Draws whole groups of the rows that are not held out, and divides them into folds. */
function sampleRows(rows: SearchRows, all: FoldedRows, seed: number): FoldedRows {
  const candidates = rowsOf(all, new Set([0]));
  const sampleSeed = streamSeed(seed, streams.sample);
  const places = Float64Array.from(candidates, (row) => placeOf(rows.groups[row], sampleSeed));
  const cut = candidates.length > searchRowsMax ? places.slice().sort()[searchRowsMax] : 1;
  const drawn = candidates.filter((_, i) => places[i] < cut);
  const taken = takeRows(all, drawn);
  const folded = divideRows({
    fields: rows.fields,
    labels: taken.labels,
    groups: pick(rows.groups, drawn, new Uint32Array(new SharedArrayBuffer(4 * drawn.length))),
    ...rows.times
      ? { times: pick(rows.times, drawn, new Float64Array(new SharedArrayBuffer(8 * drawn.length))) }
      : {},
    ...rows.split ? { split: rows.split } : {},
  }, seed);
  return { ...taken, ...folded };
}

function pick<Column extends Uint32Array<SharedArrayBuffer> | Float64Array<SharedArrayBuffer>>(
  from: ArrayLike<number>,
  rows: Uint32Array,
  to: Column,
): Column {
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]];
  return to;
}

/** Returns the number of final trees: the mean of the folds', weighted by the rows they are fitted to, and somewhat more. */
function finalTrees(rows: FoldedRows, runs: readonly BoostRun[]): number {
  let [sum, total] = [0, 0];
  rows.folds.forEach(({ fittedTo }, fold) => {
    const count = rowsOf(rows, new Set(fittedTo)).length;
    sum += count * runs[fold].trees;
    total += count;
  });
  return Math.round(treesFactor * sum / total);
}

async function boostFinal(
  rows: FoldedRows,
  { kinds, seed }: Steps,
  { observe, checkpoint, kept, threads }: SearchContext,
): Promise<BoostRun[]> {
  const fittedTo = blocksOf(rows);
  const each = Array.from({ length: Math.ceil(finalRuns / kinds.length) }, () => kinds).flat();
  const tasks = each.map((kind, i): BoostTask => ({
    ...kindOf(kind),
    fittedTo,
    pairs: kind.pairs,
    treesMax: kind.trees,
    patience: stopping.patience,
    seed: streamSeed(seed, streams.final + i),
  }));
  const [{ mode, leaves, pairs }] = kinds;
  const event = {
    stage: "final",
    mode,
    leaves,
    pairCount: pairs.length,
    treesTotal: tasks.reduce((sum, { treesMax }) => sum + treesMax, 0),
  } as const;
  return await boostAll(rows, tasks, threads, {
    ...{ checkpoint, kept },
    observe: observe && ((count) => observe({ ...event, trees: count })),
  });
}
