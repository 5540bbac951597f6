import { mixed } from "../../math/hash.ts";
import type { BinnedColumn } from "./column_bins.ts";
import type { SampledRows } from "./sampled_rows.ts";

/** How well a column alone tells the labels apart. */
export interface Strength {
  /** 0.5 if it does not, 1 if it does. */
  readonly auc: number;
  /** Standard error of `auc`. */
  readonly error: number;
}

/** Rows of the whole table's rate that each bin is given: a bin of few rows says little. */
const priorRows = 2;

/**
 * Computes the AUC of the click rates of a column's bins. The rates of one half of the groups score the rows of the other half, so
 * that a bin per row gives 0.5.
 */
export function strengthOf({ bins, binCount }: BinnedColumn, rows: SampledRows): Strength {
  const counts = [0, 1].map(() => ({
    clicks: new Float64Array(binCount),
    others: new Float64Array(binCount),
  }));
  const { groups, labels, weights, rowCount } = rows;
  const sums = [0, 0];
  for (let i = 0; i < rowCount; i++) {
    const { clicks, others } = counts[mixed(groups ? groups[i] : i) & 1];
    (labels[i] === 1 ? clicks : others)[bins[i]] += weights[i];
    sums[labels[i]] += weights[i];
  }
  const rate = sums[1] / (sums[0] + sums[1]);
  const aucs = [0, 1].map((half) => {
    const { clicks, others } = counts[1 - half];
    const scores = clicks.map((count, bin) => (count + priorRows * rate) / (count + others[bin] + priorRows));
    return aucOf(scores, counts[half]);
  });
  const auc = (aucs[0] + aucs[1]) / 2;
  const rarer = Math.min(sums[0], sums[1]);
  return { auc, error: rarer > 0 ? Math.sqrt(Math.max(auc * (1 - auc), 0.0025) / rarer) : Infinity };
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

/** An honest number hardly reaches it alone: normal values do at a factor of e³ in the odds per standard deviation. */
const aucMin = 0.88;
/** Columns that may reach it, and the AUC that no other may have: then the others say what honest columns of the table reach. */
const telltalesMax = 3;
const othersAucMax = 0.8;
/** AUC from which a column is a telltale if others are nearly as good, and if many are. */
const strongAucMin = 0.97;
const strongestAucMin = 0.985;

/** Whether a column tells the labels apart so well that it is hardly known before the outcome, whatever the others do. */
export function isTelltale({ auc, error }: Strength): boolean {
  return auc - error >= aucMin;
}

/** Returns the least AUC of a telltale, given all columns: where the outcome is easily told, honest columns tell it, too. */
export function telltaleAuc(strengths: readonly Strength[]): number {
  const candidates = strengths.filter(isTelltale).length;
  if (candidates > telltalesMax) return strongestAucMin;
  const others = strengths.filter((strength) => !isTelltale(strength)).map(({ auc }) => auc);
  return others.some((auc) => auc > othersAucMax) ? strongAucMin : aucMin;
}

/** Odds ratio, and difference of the shares, from which one of two values is probably a copy of the label with errors. */
const oddsRatioMin = 12;
const shareDifferenceMin = 0.55;

/** Whether a column of two values tells the labels apart as a copy of the label does, one row in five of which is wrong. */
export function isNoisyCopy({ bins }: BinnedColumn, { labels, weights, rowCount }: SampledRows): boolean {
  const first = bins[0];
  const other = bins.find((bin) => bin !== first);
  if (other === undefined || bins.some((bin) => bin !== first && bin !== other)) return false;
  // Per label: weight of the rows with the other value, and of those with the first.
  const cells = [[0, 0], [0, 0]];
  for (let i = 0; i < rowCount; i++) cells[labels[i]][bins[i] === first ? 1 : 0] += weights[i];
  const [[a, b], [c, d]] = cells;
  if (Math.min(a + b, c + d) < 50) return false;
  const difference = Math.abs(a / (a + b) - c / (c + d));
  const ratio = ((a + 1) * (d + 1)) / ((b + 1) * (c + 1));
  return difference >= shareDifferenceMin && Math.max(ratio, 1 / ratio) >= oddsRatioMin;
}
