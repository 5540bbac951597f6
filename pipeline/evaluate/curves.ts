import { exp, log } from "../math/elementary.ts";
import { wilson } from "../math/wilson.ts";
import { slackOf } from "../encode/weight_slack.ts";
import { type RankedRows, reliabilityBins } from "./ranked_rows.ts";
import { confidenceLevel } from "./resampling.ts";

/** Rows of similar probability. `rows` is the sum of their weights. */
export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  /** Mean probability and click rate. */
  readonly predicted: number;
  readonly observed: number;
  /** Interval of the click rate. */
  readonly low: number;
  readonly high: number;
}

/** What is reached if the rows with a probability of `threshold` or more are chosen. */
export interface CurvePoint {
  readonly threshold: number;
  /** Share of the clicked rows that are chosen: the recall. */
  readonly true_positive_rate: number;
  /** Share of the other rows that are chosen. */
  readonly false_positive_rate: number;
  /** Click rate of the chosen rows. */
  readonly precision: number;
}

export interface ScoreBin {
  readonly from: number;
  readonly to: number;
  /** Weight of the clicked rows and of the others. */
  readonly clicks: number;
  readonly others: number;
}

/** What is reached if a share of the rows is chosen, those of the highest probabilities. */
export interface Gain {
  readonly share: number;
  /** The least probability that is chosen. */
  readonly threshold: number;
  readonly recall: number;
  readonly precision: number;
  /** Precision relative to the click rate of all rows. */
  readonly lift: number;
}

/** What is reached if the rows with a probability of `threshold` or more are chosen; null if that has no meaning. */
export interface ThresholdResult {
  readonly threshold: number;
  /** Share of the rows that are chosen. */
  readonly share: number;
  readonly precision: number | null;
  readonly recall: number | null;
  readonly lift: number | null;
}

const scoreBins = 40;
const pointsMax = 200;

/** Returns bins of about equal weight. Rows with the same probability share a bin. */
export function reliabilityOf(rows: RankedRows): ReliabilityBin[] {
  const { probabilities, labels, weights, groups, sums } = rows;
  const total = sumOf(weights);
  const slack = slackOf(total);
  const bins: ReliabilityBin[] = [];
  const residuals = new Float64Array(sums.weights.length);
  for (let i = 0, before = 0; i < labels.length;) {
    const from = i;
    const wanted = (total * (bins.length + 1)) / reliabilityBins - slack;
    let [weight, clicks, predicted] = [0, 0, 0];
    while (
      i < labels.length &&
      (i === from || before + weight < wanted || probabilities[i] === probabilities[i - 1])
    ) {
      weight += weights[i];
      clicks += weights[i] * labels[i];
      predicted += weights[i] * probabilities[i++];
    }
    before += weight;
    const observed = clicks / weight;
    const size = sizeOf({ from, to: i, observed, weight }, { labels, weights, groups }, residuals);
    bins.push({
      from: probabilities[from],
      to: probabilities[i - 1],
      rows: weight,
      predicted: predicted / weight,
      observed,
      ...wilson(observed, size, confidenceLevel),
    });
  }
  return bins;
}

/**
 * Returns the number of independent rows of weight 1 that would determine a bin's click rate as well: fewer than the rows if rows
 * of a group are alike.
 *
 * @param residuals All 0, shape (groups); and again when it returns.
 */
function sizeOf(
  bin: { from: number; to: number; observed: number; weight: number },
  { labels, weights, groups }: Pick<RankedRows, "labels" | "weights" | "groups">,
  residuals: Float64Array,
): number {
  const { from, to, observed, weight } = bin;
  // Reused from bin to bin, and 0 between them.
  for (let i = from; i < to; i++) residuals[groups[i]] += weights[i] * (labels[i] - observed);
  let variance = 0;
  for (let i = from; i < to; i++) {
    variance += (residuals[groups[i]] / weight) ** 2;
    residuals[groups[i]] = 0;
  }
  return variance > 0 ? Math.min(weight, observed * (1 - observed) / variance) : weight;
}

/**
 * Returns the calibration error that a perfect model is expected to show on as many rows, from chance alone: clicks of independent
 * rows deviate from the sum of their probabilities. A row counts as the number of rows that its weight says.
 */
export function perfectEce({ probabilities, weights }: RankedRows): number {
  const total = sumOf(weights);
  const slack = slackOf(total);
  let [sum, before, bin] = [0, 0, 1];
  let [variance, clicks, others] = [0, 0, 0];
  for (let i = 0; i < weights.length; i++) {
    const p = probabilities[i];
    before += weights[i];
    variance += weights[i] * p * (1 - p);
    clicks += weights[i] * p;
    others += weights[i] * (1 - p);
    const isLast = i === weights.length - 1;
    if (!isLast && (before < (total * bin) / reliabilityBins - slack || probabilities[i + 1] === p)) continue;
    while (before >= (total * bin) / reliabilityBins - slack && bin < reliabilityBins) bin++;
    // The mean deviation of a normal distribution; of few expected clicks, it cannot exceed twice their number.
    sum += Math.min(Math.sqrt(2 / Math.PI * variance), 2 * clicks, 2 * others);
    [variance, clicks, others] = [0, 0, 0];
  }
  return sum / total;
}

/** Returns at most 200 points of the ROC and of the precision-recall curve, in descending order of the threshold. */
export function curvesOf(rows: RankedRows): { roc: CurvePoint[]; pr: CurvePoint[] } {
  const totals = totalsOf(rows);
  const [roc, pr]: CurvePoint[][] = [[], []];
  let [rocAt, prAt] = [-Infinity, -Infinity];
  descend(rows, (point, isLast) => {
    const found = pointOf(point, totals);
    const { true_positive_rate, false_positive_rate } = found;
    // The first and the last point are there in any case.
    const gap = 1 / (pointsMax - 2);
    if (isLast || (true_positive_rate + false_positive_rate - rocAt) / 2 >= gap) {
      roc.push(found);
      rocAt = true_positive_rate + false_positive_rate;
    }
    if (isLast || true_positive_rate - prAt >= gap) {
      pr.push(found);
      prAt = true_positive_rate;
    }
  });
  return { roc, pr };
}

/** Returns bins of equal width in log-odds from the lowest to the highest probability: most clicks are rare. */
export function scoresOf({ probabilities, labels, weights }: RankedRows): ScoreBin[] {
  const logitOf = (p: number) => {
    const inner = Math.min(1 - 1e-9, Math.max(1e-9, p));
    return log(inner / (1 - inner));
  };
  const last = probabilities.length - 1;
  const [low, high] = [logitOf(probabilities[0]), logitOf(probabilities[last])];
  const count = low < high ? scoreBins : 1;
  const edgeOf = (bin: number) =>
    bin === 0
      ? probabilities[0]
      : bin === count
      ? probabilities[last]
      : 1 / (1 + exp(-(low + bin * (high - low) / count)));
  const bins = Array.from({ length: count }, (_, bin) => ({
    from: edgeOf(bin),
    to: edgeOf(bin + 1),
    clicks: 0,
    others: 0,
  }));
  for (let i = 0; i < labels.length; i++) {
    const share = low < high ? (logitOf(probabilities[i]) - low) / (high - low) : 0;
    const bin = bins[Math.min(count - 1, Math.floor(share * count))];
    if (labels[i] === 1) bin.clicks += weights[i];
    else bin.others += weights[i];
  }
  return bins;
}

const gainShares = [0.01, 0.02, ...Array.from({ length: 20 }, (_, i) => (i + 1) / 20)];

/** Returns what the best 1, 2, 5, 10, … 100 % reach. Of rows with the same probability, any part is chosen alike. */
export function gainsOf(rows: RankedRows): Gain[] {
  const { total, clicks } = totalsOf(rows);
  const gains: Gain[] = [];
  let [chosenBefore, clicksBefore] = [0, 0];
  descend(rows, ({ threshold, chosen, clicked }) => {
    while (gains.length < gainShares.length) {
      const share = gainShares[gains.length];
      const wanted = share * total;
      if (wanted > chosen && share < 1) break;
      if (share === 1 && chosen < total - slackOf(total)) break;
      const part = chosen > chosenBefore ? (wanted - chosenBefore) / (chosen - chosenBefore) : 1;
      const taken = clicksBefore + Math.min(1, part) * (clicked - clicksBefore);
      const precision = taken / wanted;
      gains.push({ share, threshold, recall: taken / clicks, precision, lift: precision / (clicks / total) });
    }
    [chosenBefore, clicksBefore] = [chosen, clicked];
  });
  return gains;
}

export function thresholdResult({ probabilities, labels, weights }: RankedRows, threshold: number) {
  let [total, clicks, chosen, clicked] = [0, 0, 0, 0];
  for (let i = 0; i < labels.length; i++) {
    total += weights[i];
    clicks += weights[i] * labels[i];
    if (probabilities[i] < threshold) continue;
    chosen += weights[i];
    clicked += weights[i] * labels[i];
  }
  const precision = chosen > 0 ? clicked / chosen : null;
  return {
    threshold,
    share: chosen / total,
    precision,
    recall: clicks > 0 ? clicked / clicks : null,
    lift: precision === null || clicks === 0 ? null : precision / (clicks / total),
  } satisfies ThresholdResult;
}

interface Totals {
  readonly total: number;
  readonly clicks: number;
}

function totalsOf({ labels, weights }: RankedRows): Totals {
  let [total, clicks] = [0, 0];
  for (let i = labels.length - 1; i >= 0; i--) {
    total += weights[i];
    clicks += weights[i] * labels[i];
  }
  return { total, clicks };
}

/** Weight of the rows, and of the clicked ones among them, whose probability is `threshold` or more. */
interface Chosen {
  readonly threshold: number;
  readonly chosen: number;
  readonly clicked: number;
}

/** Visits the distinct probabilities, the highest first. */
function descend(
  { probabilities, labels, weights }: RankedRows,
  visit: (point: Chosen, isLast: boolean) => void,
): void {
  let [chosen, clicked] = [0, 0];
  for (let i = labels.length - 1; i >= 0;) {
    const threshold = probabilities[i];
    for (; i >= 0 && probabilities[i] === threshold; i--) {
      chosen += weights[i];
      clicked += weights[i] * labels[i];
    }
    visit({ threshold, chosen, clicked }, i < 0);
  }
}

function pointOf({ threshold, chosen, clicked }: Chosen, { total, clicks }: Totals): CurvePoint {
  return {
    threshold,
    true_positive_rate: clicked / clicks,
    false_positive_rate: (chosen - clicked) / (total - clicks),
    precision: clicked / chosen,
  };
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}
