import { boostAll, createRunsAhead, type RunsAhead } from "./boost_jobs.ts";
import { type BoostRun, type BoostTask, type FoldedRows, stopping } from "./boost_rows.ts";
import type { SearchContext } from "./search_options.ts";
import { scoreFolds } from "./fold_scores.ts";
import { mixTrees } from "./mix_trees.ts";
import { kindOf, type Pair, type Stage, type TreeKind, type TreeSteps } from "./found_model.ts";
import { streamSeed } from "./stream_seed.ts";

/**
 * Leaves of a tree that are tried: from the first on upwards as long as the loss falls, or else downwards. The fewest leaves need the most
 * trees, and most time.
 */
const leafCounts = [4, 8, 16, 32, 64];
const firstLeaves = 16;
/** Numbers of pairs that are tried, if they are below `pairShareMax` of all pairs. */
const pairCounts = [12, 25, 50, 100, 200];
const pairShareMax = 0.8;
/** More pairs are never kept, whatever they are worth: each has a coefficient to fit. */
const pairsMax = 200;
/** A simpler model is chosen if its loss is at most this much worse. */
const simplerMargin = 1.001;
/** The second mode is given up if its first loss is this much worse. */
const modeMargin = 1.003;

/**
 * Other ways of growing the best trees, which are tried one after the other and taken if the loss falls. Where rows are nearly certain, their
 * curvatures add up to little beside `growth.l2`. Few fields at a time suit those that say much the same, all fields those that act
 * together; few rows at a time suit smooth curves.
 */
const variations = [["smoothing", 0.1], ["fieldShare", 0.4], ["fieldShare", 1], ["rowShare", 0.5]] as const;
/** Of more rows, what they gain is not worth their time. */
const variedRowsMax = 40_000;

/** Trees of one kind, cross-validated. */
interface Candidate extends TreeKind {
  readonly name: Stage["name"];
  /** Per fold. */
  readonly pairs: readonly (readonly Pair[] | "all")[];
  readonly pairCount: number;
}

interface Tried extends Candidate {
  readonly runs: readonly BoostRun[];
  readonly logLoss: number;
  readonly stage: Stage;
}

/** A kind of trees that a search has chosen, and its run per fold. */
export interface ChosenTrees extends TreeKind, Pick<TreeSteps, "pairs" | "foldPairs"> {
  readonly runs: readonly BoostRun[];
}

/** What a search for trees has found. */
export interface FoundTrees {
  /** The best kind first. */
  readonly kinds: readonly ChosenTrees[];
  readonly stages: readonly Stage[];
}

/**
 * Searches for the kinds of trees with the least loss on rows that their fold was not fitted to: only curves, then more leaves and two ways
 * of dividing levels, then variations of the best, then the fewest pairs of fields that are nearly as good.
 */
export async function searchTrees(rows: FoldedRows, context: SearchContext): Promise<FoundTrees> {
  const tried: Tried[] = [];
  let stopped = false;
  const ahead = createRunsAhead();
  const run = async (candidate: Candidate, likely: readonly Candidate[] = []) => {
    const result = await crossValidate(rows, candidate, context, { runs: ahead, likely });
    tried.push(result);
    stopped = context.stopAt?.(result.stage) === true;
    return result;
  };
  const { fields, folds } = rows;
  const every = <Pairs>(pairs: Pairs) => folds.map(() => pairs);
  const pairTotal = fields.length * (fields.length - 1) / 2;
  const onlyCurves = { name: "curves", mode: "sorted", leaves: 4, pairs: every([]), pairCount: 0 } as const;
  const withPairs = (mode: Stage["mode"], leafCounts: readonly number[]) =>
    leafCounts.map((leaves): Candidate => {
      return { name: "pairs", mode, leaves, pairs: every("all"), pairCount: pairTotal };
    });
  const from = (least: number) => leafCounts.filter((count) => count >= least);
  const below = leafCounts.filter((count) => count < firstLeaves).reverse();
  const hasLevels = fields.some(({ isNumeric }) => !isNumeric);
  const isVaried = rows.labels.length <= variedRowsMax;
  /** What comes next if it turns out that nothing is better than these trees. */
  const after = (trees: Tried, mode: Stage["mode"]): readonly Candidate[] => {
    if (mode === "sorted" && trees.leaves === firstLeaves) return withPairs("sorted", below);
    if (mode === "sorted" && hasLevels) return withPairs("single", [trees.leaves]);
    return isVaried ? variationsOf(trees, variations) : prunedOf(trees, fields.length, pairTotal);
  };
  let curves = await run(onlyCurves, withPairs("sorted", from(firstLeaves).slice(0, 2)));
  let best: Tried | undefined;
  const climb = async (mode: Stage["mode"], counts: readonly number[], giveUpAbove: number) => {
    let last = giveUpAbove;
    const candidates = withPairs(mode, counts);
    for (const [i, candidate] of candidates.entries()) {
      if (stopped) return;
      const result = await run(candidate, [
        ...candidates.slice(i + 1, i + 2),
        ...best ? after(best, mode) : [],
      ]);
      if (!best || result.logLoss < best.logLoss) best = result;
      if (!(result.logLoss < last)) return;
      last = result.logLoss;
    }
  };
  await climb("sorted", from(firstLeaves), Infinity);
  if (best?.leaves === firstLeaves) {
    await climb("sorted", below, best.logLoss);
  }
  if (best && hasLevels) {
    await climb("single", from(best.leaves), best.logLoss * modeMargin);
  }
  const isStopped = () => stopped;
  if (best && isVaried) {
    const varied = await vary(best, { run, isStopped });
    if (varied !== best && !stopped) {
      const result = await run({ ...kindOf(varied), ...onlyCurves });
      if (result.logLoss < curves.logLoss) curves = result;
    }
    best = varied;
  }
  const mixed = mixTrees(rows, tried, best ? simpler(curves, best) : curves);
  const chosen = await prunePairs(rows, { mixed, curves, pairTotal, run, isStopped });
  const stages = tried.map(({ stage }) => ({
    ...stage,
    chosen: chosen.some((kind) => kind.stage === stage),
  }));
  const gains = (best ?? curves).runs.map(({ pairGain }) => pairGain);
  const kinds = chosen.map((kind): ChosenTrees => ({
    ...kindOf(kind),
    pairs: largestPairs(gains, fields.length, kind.pairCount),
    foldPairs: kind.pairs.map((own) => own === "all" ? allPairs(fields.length) : own),
    runs: kind.runs,
  }));
  return { kinds, stages };
}

interface Runner {
  /** @param likely What comes next, probably. */
  run(candidate: Candidate, likely?: readonly Candidate[]): Promise<Tried>;
  isStopped(): boolean;
}

/** Varies how trees are grown, and returns the best ones. */
async function vary(trees: Tried, { run, isStopped }: Runner): Promise<Tried> {
  let best = trees;
  for (const [i, variation] of variations.entries()) {
    const [candidate] = variationsOf(best, [variation]);
    if (isStopped() || !candidate) continue;
    const result = await run(candidate, variationsOf(best, variations.slice(i + 1)));
    if (result.logLoss < best.logLoss) best = result;
  }
  return best;
}

/** Returns trees that are varied in one way each, if they are not yet varied so. */
function variationsOf(trees: Candidate, among: readonly (typeof variations)[number][]): Candidate[] {
  const left = among.filter(([key]) => trees[key] === undefined);
  return left.map(([key, value]) => ({ ...trees, [key]: value }));
}

interface PruneOptions extends Runner {
  readonly mixed: readonly Tried[];
  readonly curves: Tried;
  readonly pairTotal: number;
}

/** Leaves pairs out of a mixture of trees, as many as the best kind of them can do without, and mixes what is left. */
async function prunePairs(rows: FoldedRows, options: PruneOptions): Promise<readonly Tried[]> {
  const { mixed, curves, run, isStopped } = options;
  const [best, ...others] = mixed.filter(({ pairCount }) => pairCount > 0)
    .sort((one, other) => one.logLoss - other.logLoss);
  if (!best) return mixed;
  const pruned = await prune(best, rows.fields.length, options);
  if (pruned === best) return mixed;
  const { pairs, pairCount } = pruned;
  const left = [curves, pruned];
  for (const kind of others) {
    if (isStopped()) break;
    left.push(await run({ ...kindOf(kind), name: "pruned", pairs, pairCount }));
  }
  return mixTrees(rows, left, simpler(curves, pruned));
}

/** Returns the simpler trees, unless the others are clearly better. */
function simpler(simple: Tried, other: Tried): Tried {
  return simple.logLoss <= other.logLoss * simplerMargin ? simple : other;
}

/** Returns the trees with the fewest pairs that are nearly as good as with all. */
async function prune(
  best: Tried,
  fieldCount: number,
  { pairTotal, run, isStopped }: PruneOptions,
): Promise<Tried> {
  let least = pairTotal <= pairsMax ? best : undefined;
  const candidates = prunedOf(best, fieldCount, pairTotal);
  for (const [i, candidate] of candidates.entries()) {
    if (isStopped() && least) break;
    const result = await run(candidate, candidates.slice(i + 1, i + 2));
    if (result.logLoss <= best.logLoss * simplerMargin) return result;
    if (!least || result.logLoss < least.logLoss) least = result;
  }
  return least ?? best;
}

/** Returns the same trees with fewer pairs, the fewest first. */
function prunedOf(trees: Tried, fieldCount: number, pairTotal: number): Candidate[] {
  return pairCounts.filter((count) => count < pairShareMax * pairTotal).map((pairCount) => ({
    ...kindOf(trees),
    name: "pruned",
    pairs: trees.runs.map(({ pairGain }) => largestPairs([pairGain], fieldCount, pairCount)),
    pairCount,
  }));
}

interface LikelyNext {
  readonly runs: RunsAhead;
  readonly likely: readonly Candidate[];
}

async function crossValidate(
  rows: FoldedRows,
  candidate: Candidate,
  context: SearchContext,
  { runs: runsAhead, likely }: LikelyNext,
): Promise<Tried> {
  const { name, mode, leaves, pairCount } = candidate;
  const { seed, threads, observe, checkpoint, kept } = context;
  const kind = kindOf(candidate);
  const tasksOf = (of: Candidate) => foldTasks(rows, { ...kindOf(of), seed, foldPairs: of.pairs });
  const tasks = tasksOf(candidate);
  const runs = await boostAll(rows, tasks, threads, {
    ...{ checkpoint, kept },
    ahead: { runs: runsAhead, likely: likely.flatMap(tasksOf) },
    observe: observe && ((trees) => observe({ stage: name, mode, leaves, pairCount, trees })),
  });
  const { logLoss, ece } = scoreFolds(rows, rows, runs.map(({ logits }) => logits));
  const trees = runs.reduce((sum, run) => sum + run.trees, 0) / runs.length;
  const stage: Stage = { name, ...kind, pairCount, logLoss, ece, trees, chosen: false };
  return { ...candidate, runs, logLoss, stage };
}

interface FoldTrees extends TreeKind {
  readonly seed: number;
  readonly foldPairs: readonly (readonly Pair[] | "all")[];
}

/** Returns a run per fold, which ends when more trees do not lower the loss of its scored rows. */
export function foldTasks(
  { folds }: FoldedRows,
  { seed, foldPairs, ...kind }: FoldTrees,
): BoostTask[] {
  return folds.map(({ fittedTo, scoredOn }, fold) => ({
    ...kindOf(kind),
    fittedTo,
    scoredOn,
    pairs: foldPairs[fold],
    ...stopping,
    seed: streamSeed(seed, fold),
  }));
}

/** Returns the pairs of most gain in all runs together, the first of equal ones. */
export function largestPairs(gains: readonly Float64Array[], fieldCount: number, count: number): Pair[] {
  const gainOf = ([a, b]: Pair) => gains.reduce((sum, gain) => sum + gain[a * fieldCount + b], 0);
  const ranked = allPairs(fieldCount).map((pair) => ({ pair, gain: gainOf(pair) }));
  ranked.sort((one, other) => other.gain - one.gain);
  return ranked.slice(0, count).map(({ pair }) => pair).sort(([a, b], [c, d]) => a - c || b - d);
}

export function allPairs(fieldCount: number): Pair[] {
  const numbers = Array.from({ length: fieldCount }, (_, i) => i);
  return numbers.flatMap((a) => numbers.slice(a + 1).map((b): Pair => [a, b]));
}
