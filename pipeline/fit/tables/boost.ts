import { exp, log, log1p } from "../../math/elementary.ts";
import { createRandom, type Random } from "../../math/random.ts";
import { type BoostRows, type BoostRun, type BoostTask, growth, onlyScored } from "./boost_rows.ts";
import { createForestBuilder } from "./forest.ts";
import type { Pair } from "./found_model.ts";
import { createGrower, type TreeRows } from "./grow.ts";
import type { Leaf } from "./leaf.ts";
import { resampledWeights } from "./resampled_weights.ts";

/** The least share of a label by which boosting starts, if the rows have one label. */
const rateMin = 1e-6;

/**
 * Boosts trees of at most two fields per path. Each tree is grown on rows and fields drawn by coin. Yields after each tree, and
 * within it if there are many rows.
 *
 * @param onTree Called after each tree.
 * @see Friedman, Stochastic Gradient Boosting (2002).
 */
export function* boost(
  rows: BoostRows,
  task: BoostTask,
  onTree?: (tree: number) => void,
): Generator<void, BoostRun> {
  const { fields, labels } = rows;
  const { treesMax, patience, scoredOn, resample } = task;
  const { rowShare = growth.rowShare, fieldShare = growth.fieldShare } = task;
  const weights = resample ? resampledWeights(rows, resample) : rows.weights;
  const among = rowsOf(rows, new Set(task.fittedTo));
  const fitted = resample && weights ? among.filter((row) => weights[row] > 0) : among;
  const scored = scoredOn === undefined
    ? new Uint32Array(0)
    : rowsOf(rows, new Set([scoredOn, scoredOn + onlyScored]));
  const random = createRandom(task.seed);
  const pairGain = new Float64Array(fields.length ** 2);
  const allowed = allowedPairs(task.pairs, fields.length);
  const grow = createGrower(fields, { ...task, allowed, pairGain });
  const start = startOf(fitted, labels, weights);
  const logits = new Float64Array(labels.length).fill(start);
  const [gradients, curvatures] = [new Float64Array(labels.length), new Float64Array(labels.length)];
  const [order, others] = [new Uint32Array(fitted.length), new Uint32Array(fitted.length + scored.length)];
  const coins = new Uint32Array(fitted.length);
  const builder = createForestBuilder(start);
  const best = {
    trees: 0,
    loss: lossOf(scored, logits, labels, weights),
    logits: new Float64Array(scored.length).fill(start),
  };
  let trees = 0;
  while (trees < treesMax && (scoredOn === undefined || trees - best.trees < patience)) {
    const { rowCount, otherCount } = drawRows(fitted, scored, rowShare, random, { order, others, coins });
    setDerivatives(order, rowCount, { logits, labels, weights, gradients, curvatures });
    const treeRows = { order, rowCount, others, otherCount, weights, gradients, curvatures };
    const leaves = yield* grow(treeRows, drawFields(fields.length, fieldShare, random));
    addLeaves(leaves, treeRows, logits);
    builder.add(trees, leaves, growth.rate);
    trees++;
    if (scoredOn !== undefined) {
      const loss = lossOf(scored, logits, labels, weights);
      if (loss < best.loss) {
        best.trees = trees;
        best.loss = loss;
        gather(scored, logits, best.logits);
      }
    }
    onTree?.(trees);
    yield;
  }
  const count = scoredOn === undefined ? trees : best.trees;
  return { forest: builder.forest(), trees: count, logits: best.logits, pairGain };
}

/** Returns the rows of some blocks, ascending. */
export function rowsOf({ blocks }: Pick<BoostRows, "blocks">, among: ReadonlySet<number>): Uint32Array {
  const taken = new Uint8Array(256);
  for (const block of among) taken[block] = 1;
  let count = 0;
  for (let i = 0; i < blocks.length; i++) count += taken[blocks[i]];
  const rows = new Uint32Array(count);
  for (let i = 0, next = 0; i < blocks.length; i++) if (taken[blocks[i]] === 1) rows[next++] = i;
  return rows;
}

function allowedPairs(pairs: readonly Pair[] | "all", fieldCount: number): Uint8Array {
  const allowed = new Uint8Array(fieldCount ** 2);
  if (pairs === "all") return allowed.fill(1);
  for (const [a, b] of pairs) allowed[a * fieldCount + b] = allowed[b * fieldCount + a] = 1;
  return allowed;
}

/** Returns the log-odds of the labels. */
function startOf(rows: Uint32Array, labels: Uint8Array, weights: Float64Array | undefined): number {
  let [ones, total] = [0, 0];
  for (const row of rows) {
    const weight = weights ? weights[row] : 1;
    total += weight;
    ones += weight * labels[row];
  }
  const rate = Math.min(1 - rateMin, Math.max(rateMin, ones / total));
  return log(rate / (1 - rate));
}

/** Divides the rows by coin into those that a tree is grown on and the others, which the scored rows follow. @param coins Overwritten. */
function drawRows(
  fitted: Uint32Array,
  scored: Uint32Array,
  share: number,
  random: Random,
  { order, others, coins }: { order: Uint32Array; others: Uint32Array; coins: Uint32Array },
): { rowCount: number; otherCount: number } {
  const below = Math.round(share * 2 ** 32);
  let rowCount = 0;
  random.fill(coins);
  // Without branches, as in `createDivider`.
  for (let i = 0; i < fitted.length; i++) {
    const row = fitted[i];
    order[rowCount] = row;
    others[i - rowCount] = row;
    rowCount += coins[i] < below ? 1 : 0;
  }
  const otherCount = fitted.length - rowCount;
  others.set(scored, otherCount);
  return { rowCount, otherCount: otherCount + scored.length };
}

/** Offers each field by coin, and at least two of them. */
function drawFields(fieldCount: number, share: number, random: Random): number[] {
  for (;;) {
    const offered: number[] = [];
    for (let f = 0; f < fieldCount; f++) if (random.uniform() < share) offered.push(f);
    if (offered.length >= Math.min(2, fieldCount)) return offered;
  }
}

interface RowState extends Pick<TreeRows, "weights"> {
  readonly logits: Float64Array;
  readonly labels: Uint8Array;
  readonly gradients: Float64Array;
  readonly curvatures: Float64Array;
}

/** Sets the derivatives of the log loss by the logit, of the rows of a tree. */
function setDerivatives(order: Uint32Array, rowCount: number, state: RowState): void {
  const { logits, labels, weights, gradients, curvatures } = state;
  for (let i = 0; i < rowCount; i++) {
    const row = order[i];
    const p = 1 / (1 + exp(-logits[row]));
    const weight = weights ? weights[row] : 1;
    gradients[row] = weight * (p - labels[row]);
    curvatures[row] = weight * p * (1 - p);
  }
}

function addLeaves(leaves: readonly Leaf[], { order, others }: TreeRows, logits: Float64Array): void {
  for (const { start, end, otherStart, otherEnd, value } of leaves) {
    const step = growth.rate * value;
    for (let i = start; i < end; i++) logits[order[i]] += step;
    for (let i = otherStart; i < otherEnd; i++) logits[others[i]] += step;
  }
}

/** Factors of a product from 1 to 2 before its logarithm is taken. */
const factorsMax = 512;

/** Returns the mean log loss of some rows. A logarithm of the product of many rows of weight 1 takes the place of one per row. */
export function lossOf(
  rows: Uint32Array,
  logits: Float64Array,
  labels: Uint8Array,
  weights: Float64Array | undefined,
): number {
  let [loss, product, total] = [0, 1, 0];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const against = (1 - 2 * labels[row]) * logits[row];
    const odds = exp(-Math.abs(against));
    const weight = weights ? weights[row] : 1;
    loss += weight * Math.max(against, 0);
    if (weight === 1) product *= 1 + odds;
    else loss += weight * log1p(odds);
    total += weight;
    if (i % factorsMax === factorsMax - 1) {
      loss += log(product);
      product = 1;
    }
  }
  return (loss + log(product)) / total;
}

/** Returns the log loss of one row. */
export function rowLoss(logit: number, label: number): number {
  const against = label === 1 ? -logit : logit;
  return against > 0 ? against + log1p(exp(-against)) : log1p(exp(against));
}

function gather(rows: Uint32Array, from: Float64Array, to: Float64Array): void {
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]];
}
