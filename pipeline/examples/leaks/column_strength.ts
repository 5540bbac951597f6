import { mixed } from "../../math/hash.ts";
import type { BinnedColumn } from "./column_bins.ts";
import type { SampledRows } from "./sampled_rows.ts";

/** How well a column tells the labels apart, by what the rows of one half of the groups say about those of the other half. */
export interface Strength {
  /** 0.5 if it does not, 1 if it does. */
  readonly auc: number;
  /** Standard error of `auc`. */
  readonly error: number;
  /** Mean share of the two labels' rows that it tells wrongly; a few more of the rarer label are counted as wrong. */
  readonly missed: number;
  /** Shape (rows): the rate of the row's bin in the other half. */
  readonly rates: Float64Array;
}

/** Rows of the whole table's rate that each bin is given: a bin of few rows says little. */
const priorRows = 2;
/** Rows that are counted as wrong, and were not: of few rows, none may be wrong by chance. */
const surplusMissed = 1.5;

/** Computes how well the bins of a column tell the labels apart. A bin per row tells nothing. */
export function strengthOf({ bins, binCount }: BinnedColumn, rows: SampledRows): Strength {
  const counts = [0, 1].map(() => ({
    clicks: new Float64Array(binCount),
    others: new Float64Array(binCount),
  }));
  const { groups, labels, weights, rowCount } = rows;
  const halves = new Uint8Array(rowCount);
  const sums = [0, 0];
  for (let i = 0; i < rowCount; i++) {
    halves[i] = mixed(groups ? groups[i] : i) & 1;
    const { clicks, others } = counts[halves[i]];
    (labels[i] === 1 ? clicks : others)[bins[i]] += weights[i];
    sums[labels[i]] += weights[i];
  }
  const rate = sums[1] / (sums[0] + sums[1]);
  const scores = [1, 0].map((half) => {
    const { clicks, others } = counts[half];
    return clicks.map((count, bin) => (count + priorRows * rate) / (count + others[bin] + priorRows));
  });
  const [first, second] = [0, 1].map((half) => aucOf(scores[half], counts[half]));
  const auc = (first + second) / 2;
  const rarer = Math.min(sums[0], sums[1]);
  return {
    auc,
    error: rarer > 0 ? Math.sqrt(Math.max(auc * (1 - auc), 0.0025) / rarer) : Infinity,
    missed: missedBy(scores, counts, rate) + (rarer > 0 ? surplusMissed / rarer : 0.5),
    rates: Float64Array.from(bins, (bin, i) => scores[halves[i]][bin]),
  };
}

interface LabelCounts {
  /** Per bin. */
  readonly clicks: Float64Array;
  readonly others: Float64Array;
}

/** Returns the chance that a clicked row has a higher score than another one; rows of one score count half. */
function aucOf(scores: Float64Array, { clicks, others }: LabelCounts): number {
  const order = Uint32Array.from(scores, (_, bin) => bin).filter((bin) => clicks[bin] + others[bin] > 0)
    .sort((a, b) => scores[a] - scores[b]);
  let [pairs, clicksBelow, othersBelow] = [0, 0, 0];
  for (let from = 0, to = 0; from < order.length; from = to) {
    let [ones, zeros] = [0, 0];
    for (; to < order.length && scores[order[to]] === scores[order[from]]; to++) {
      ones += clicks[order[to]];
      zeros += others[order[to]];
    }
    pairs += ones * (othersBelow + zeros / 2);
    clicksBelow += ones;
    othersBelow += zeros;
  }
  return clicksBelow > 0 && othersBelow > 0 ? pairs / (clicksBelow * othersBelow) : 0.5;
}

/** Returns the mean share of the two labels' rows in bins on the wrong side of the rate; those of bins on it count half. */
function missedBy(scores: readonly Float64Array[], counts: readonly LabelCounts[], rate: number): number {
  let [clicks, missedClicks, others, missedOthers] = [0, 0, 0, 0];
  for (const [half, ofHalf] of counts.entries()) {
    scores[half].forEach((score, bin) => {
      const above = (1 + Math.sign(score - rate)) / 2;
      clicks += ofHalf.clicks[bin];
      others += ofHalf.others[bin];
      missedClicks += (1 - above) * ofHalf.clicks[bin];
      missedOthers += above * ofHalf.others[bin];
    });
  }
  return clicks > 0 && others > 0 ? (missedClicks / clicks + missedOthers / others) / 2 : 0.5;
}
