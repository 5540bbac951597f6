import { log } from "../../math/elementary.ts";
import type { IsotonicMap } from "../../model/calibration_map.ts";

/** Sums over the rows of each distinct log-odds, in ascending order; shape (distinct log-odds) each. */
export interface RankedLogits {
  readonly logits: Float64Array;
  readonly weights: Float64Array;
  readonly clicks: Float64Array;
}

/** Blocks of neighbouring log-odds with one rate each, in ascending order of both. */
export interface RateBlock {
  readonly weight: number;
  readonly clicks: number;
  /** Sum of the log-odds by weight. */
  readonly logits: number;
}

/** More points would follow the chance of single rows, and make exported scorers long. */
const pointsMax = 50;

/**
 * Finds the ascending rates with the least squared error by merging neighbours that violate the order.
 *
 * @see Ayer et al., An Empirical Distribution Function for Sampling with Incomplete Information (1955): pool adjacent violators.
 */
export function poolViolators({ logits, weights, clicks }: RankedLogits): RateBlock[] {
  const blocks: RateBlock[] = [];
  for (let i = 0; i < weights.length; i++) {
    let block = { weight: weights[i], clicks: clicks[i], logits: logits[i] * weights[i] };
    for (;;) {
      const before = blocks.at(-1);
      if (!before || before.clicks * block.weight < block.clicks * before.weight) break;
      block = merged(before, block);
      blocks.pop();
    }
    blocks.push(block);
  }
  return blocks;
}

function merged(a: RateBlock, b: RateBlock): RateBlock {
  return { weight: a.weight + b.weight, clicks: a.clicks + b.clicks, logits: a.logits + b.logits };
}

/**
 * Fits an isotonic map: a point per block, at its mean log-odds and the log-odds of its rate.
 *
 * @returns undefined if the rates do not rise.
 */
export function fitIsotonic(rows: RankedLogits): IsotonicMap | undefined {
  const blocks = withFewer(poolViolators(rows));
  if (blocks.length < 2) return undefined;
  const rates = insideRates(blocks);
  const points: { logit: number; odds: number }[] = [];
  blocks.forEach(({ logits, weight }, i) => {
    const point = { logit: logits / weight, odds: log(rates[i] / (1 - rates[i])) };
    const before = points.at(-1);
    // Rates or log-odds that differ in the last bits only would make a step of no width.
    if (!before || (point.logit > before.logit && point.odds > before.odds)) points.push(point);
  });
  if (points.length < 2) return undefined;
  return {
    method: "isotonic",
    logits: points.map(({ logit }) => logit),
    log_odds: points.map(({ odds }) => odds),
  };
}

/** Merges the neighbours whose merging costs the least squared error, until there are few enough. */
function withFewer(all: readonly RateBlock[]): RateBlock[] {
  const blocks = [...all];
  const costOf = (i: number) => {
    const [a, b] = [blocks[i], blocks[i + 1]];
    return a.weight * b.weight / (a.weight + b.weight) *
      (b.clicks / b.weight - a.clicks / a.weight) ** 2;
  };
  const costs = Array.from({ length: blocks.length - 1 }, (_, i) => costOf(i));
  while (blocks.length > pointsMax) {
    let least = 0;
    for (let i = 1; i < costs.length; i++) if (costs[i] < costs[least]) least = i;
    blocks.splice(least, 2, merged(blocks[least], blocks[least + 1]));
    costs.splice(least, 1);
    for (const i of [least - 1, least]) if (i >= 0 && i < costs.length) costs[i] = costOf(i);
  }
  return blocks;
}

/**
 * Returns the rates of the blocks. One of 0 or 1, whose log-odds are infinite, becomes that of one more row of each class, but stays
 * nearer to it than the next block's.
 */
function insideRates(blocks: readonly RateBlock[]): number[] {
  const rates = blocks.map(({ clicks, weight }) => clicks / weight);
  const last = rates.length - 1;
  const [first, end] = [blocks[0], blocks[last]];
  if (!(first.clicks > 0)) rates[0] = Math.min(1 / (first.weight + 2), rates[1] < 1 ? rates[1] / 2 : 0.25);
  if (!(end.clicks < end.weight)) {
    rates[last] = 1 - Math.min(1 / (end.weight + 2), (1 - rates[last - 1]) / 2);
  }
  return rates;
}
