import { binCount as blockBins, blockCount, type CoarseRows, createRows } from "../evaluate/coarse_rows.ts";
import type { Evaluation } from "../evaluate/evaluation.ts";
import { binCount, meanMetrics } from "../evaluate/metrics.ts";
import { byStep } from "../export/sql_lookups.ts";
import { sigmoid } from "../model/activations.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { labelColumn, weightColumn } from "./base_rows.ts";
import { blockColumn } from "./engine_design.ts";
import { type PredictedRows, queryPredicted } from "./predicted_rows.ts";
import { numberIn, type SqlRows, sumIn } from "./sql_engine.ts";

/** Buckets per unit of log-odds, a power of two: rows of a bucket count as ties, which moves the AUC by less than 1e-5. */
const bucketsPerUnit = 64;
/**
 * Slots of a bucket, a power of two. The engine divides a bucket at those where a bin of about equal weight ends, so that such a bin
 * has the rows that it has in order of their scores, but for those of one slot.
 */
const slotsPerBucket = 128;
/** Parts of equal weight at whose ends a bucket is divided: a multiple of the bins of the calibration error and of those that are resampled. */
const divisionCount = binCount * blockBins / commonDivisor(binCount, blockBins);
/** Up to this number of rows there is a bucket for each score. */
const exactRowsMax = 100_000;
/** Parts of a bucket, of which one holds the mean of its log-odds: it is two or three digits, where a sum of probabilities is seventeen. */
const partsOfBucket = 256;

/** Rows of a range of log-odds. */
interface Bucket {
  /** The least log-odds of the range. */
  readonly from: number;
  readonly clicked: number;
  readonly notClicked: number;
  /** Σ probability. */
  readonly predicted: number;
}

/** Sums over rows in an engine, by their scores: what an evaluation and a model's metrics are made of. */
export interface ScoreSums extends CoarseRows {
  readonly buckets: readonly Bucket[];
  /** Counts of rows. */
  readonly counts: Pick<Evaluation, "rows" | "clicks">;
}

/**
 * Adds up rows by their scores, in two statements: a histogram, then bins of about equal weight by block of groups and label.
 *
 * @param rowCount Rows of the parts.
 * @param onStatement Called before each statement.
 */
export async function scoreSums(
  rows: PredictedRows,
  parts: readonly number[],
  rowCount: number,
  onStatement: (stage: string) => void,
): Promise<ScoreSums> {
  const { dialect } = rows.engine;
  const [y, w] = [labelColumn, weightColumn];
  onStatement("scores");
  const buckets = rowCount <= exactRowsMax ? await eachScore(rows, parts) : await histogram(rows, parts);
  const steps = binSteps(buckets, dialect.number);
  onStatement("scores by block");
  const kept = ["rows_", "weights", "predicted_", "losses", "squares"];
  const own = [
    `count(*)`,
    `sum(${w})`,
    `sum(${w} * p)`,
    `sum(${w} * l)`,
    `sum(${w} * (p - ${y}) * (p - ${y}))`,
  ];
  // Of a bin Σ probability, of a block Σ loss and Σ squared error: by both, they would be most of the result.
  const found = await queryPredicted(
    rows,
    parts,
    `SELECT bin, ${blockColumn}, ${y}, sum(rows_), CASE WHEN sum(weights) <> sum(rows_) THEN sum(weights) END, CASE WHEN ${blockColumn} IS NULL THEN sum(predicted_) END, ` +
      `CASE WHEN bin IS NULL THEN sum(losses) END, CASE WHEN bin IS NULL THEN sum(squares) END FROM (SELECT bin, ${blockColumn}, ${y}, ${
        own.map((sum, i) => `${sum} AS ${kept[i]}`).join(", ")
      } FROM (SELECT ${y}, ${w}, ${blockColumn}, p, l, ${
        byStep("z", steps)
      } AS bin FROM predicted) AS binned ` +
      `GROUP BY bin, ${blockColumn}, ${y}) AS cells GROUP BY GROUPING SETS ((bin, ${blockColumn}, ${y}), (bin), (${blockColumn}))`,
    { columns: 3 + kept.length },
  );
  return { buckets, ...coarseRowsOf(buckets, found) };
}

/** Returns a bucket for each score. */
async function eachScore(rows: PredictedRows, parts: readonly number[]): Promise<Bucket[]> {
  const [y, w] = [labelColumn, weightColumn];
  const select = `SELECT z, sum(${w} * ${y}), sum(${w} * (1 - ${y})) FROM predicted GROUP BY z`;
  const found = await queryPredicted(rows, parts, select, { columns: 3 });
  return found.map((row): Bucket => {
    const [score, clicked, notClicked] = row.map(numberIn);
    return { ...{ from: score, clicked, notClicked }, predicted: sigmoid(score) * (clicked + notClicked) };
  }).sort((a, b) => a.from - b.from);
}

/** Returns buckets of similar scores, divided where bins of equal weight end. */
async function histogram(rows: PredictedRows, parts: readonly number[]): Promise<Bucket[]> {
  const { number, bigint } = rows.engine.dialect;
  const [y, w] = [labelColumn, weightColumn];
  const slot = bigint(`floor(z * ${number(bucketsPerUnit * slotsPerBucket)})`);
  const bucket = bigint(`floor(slot / ${number(slotsPerBucket)})`);
  const place = `(sum(logits) / sum(clicked + others) * ${number(bucketsPerUnit)} - bucket) * ${
    number(partsOfBucket)
  }`;
  const tables = [
    `slots AS (SELECT slot, sum(${w} * ${y}) AS clicked, sum(${w} * (1 - ${y})) AS others, sum(${w} * z) AS logits FROM (SELECT ${y}, ${w}, z, ${slot} AS slot FROM predicted) AS placed GROUP BY slot)`,
    // The share of the rows before the slot: that in which a bin becomes full is its last.
    `ranked AS (SELECT slot, clicked, others, logits, (sum(clicked + others) OVER (ORDER BY slot) - (clicked + others)) / sum(clicked + others) OVER () AS share FROM slots)`,
    `divided AS (SELECT slot, clicked, others, logits, ${bucket} AS bucket, floor(share * ${
      number(divisionCount)
    }) AS bin FROM ranked)`,
  ];
  const found = await queryPredicted(
    rows,
    parts,
    `SELECT bucket, min(slot), sum(clicked), sum(others), ${
      bigint(`floor(${place})`)
    } FROM divided GROUP BY bucket, bin`,
    { tables, columns: 5 },
  );
  return found.map((row): Bucket => {
    const [bucket, slot, clicked, notClicked, part] = row.map(numberIn);
    const mean = (bucket + (part + 0.5) / partsOfBucket) / bucketsPerUnit;
    return {
      from: slot / (bucketsPerUnit * slotsPerBucket),
      ...{ clicked, notClicked, predicted: sigmoid(mean) * (clicked + notClicked) },
    };
  }).sort((a, b) => a.from - b.from);
}

/** Returns the bin of each bucket, by the middle of its weight, as steps of the log-odds. */
function binSteps(buckets: readonly Bucket[], number: (value: number) => string) {
  const total = buckets.reduce((sum, { clicked, notClicked }) => sum + clicked + notClicked, 0);
  const steps: { readonly bin: number; readonly value: string; readonly from: string }[] = [];
  let before = 0;
  for (const { from, clicked, notClicked } of buckets) {
    const weight = clicked + notClicked;
    const bin = Math.min(blockBins - 1, Math.floor(blockBins * (before + weight / 2) / total));
    before += weight;
    if (bin !== steps.at(-1)?.bin) steps.push({ bin, value: String(bin), from: number(from) });
  }
  return steps;
}

/** @param found Bin, block, label, count of rows, Σ weight, Σ probability of a bin, Σ loss and Σ squared error of a block. */
function coarseRowsOf(
  buckets: readonly Bucket[],
  found: SqlRows,
): CoarseRows & Pick<ScoreSums, "counts"> {
  const cells = createRows(2 * buckets.length);
  for (const { clicked, notClicked, predicted } of buckets) {
    const probability = predicted / (clicked + notClicked);
    cells.add(probability, 0, notClicked, 0);
    cells.add(probability, 1, clicked, 0);
  }
  const [weights, clicks, losses, squares] = [0, 1, 2, 3].map(() => new Float64Array(blockCount));
  const predictions = new Float64Array(blockBins);
  const counts = { rows: 0, clicks: 0 };
  const blocks: (readonly number[])[] = [];
  for (const [bin, block, label, ...sums] of found) {
    const [rowCount, weight, predicted, loss, square] = sums.map((sum, i) =>
      sumIn(i === 1 ? sum ?? sums[0] : sum)
    );
    if (block === null) predictions[numberIn(bin)] = predicted / weight;
    else if (bin === null) {
      losses[numberIn(block)] = loss;
      squares[numberIn(block)] = square;
    } else {
      blocks.push([numberIn(bin), numberIn(block), numberIn(label), weight]);
      counts.rows += rowCount;
      counts.clicks += numberIn(label) * rowCount;
      weights[numberIn(block)] += weight;
      clicks[numberIn(block)] += numberIn(label) * weight;
    }
  }
  const bins = createRows(blocks.length);
  for (const [bin, block, label, weight] of blocks.toSorted((a, b) => a[0] - b[0])) {
    bins.add(predictions[bin], label, weight, block);
  }
  const sums = { weights, clicks, losses, squares };
  return { counts, cells: { ...cells.rows(), sums }, bins: { ...bins.rows(), sums } };
}

/**
 * Returns a model's metrics. Log loss and Brier score are exact; of many rows, the AUC and the calibration are those of the histogram.
 *
 * @param baseRate Weighted click rate of the training rows.
 */
export function metricsOfScores({ buckets, cells }: ScoreSums, baseRate: number): Metrics {
  const sumOf = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
  const { weights, clicks, losses, squares } = cells.sums;
  const clicked = sumOf(clicks);
  const notClicked = sumOf(weights) - clicked;
  return meanMetrics({
    ...{ clicked, notClicked, loss: sumOf(losses), squares: sumOf(squares) },
    auc: aucOf(buckets, clicked, notClicked),
    calibration: calibrationOf(buckets, clicked + notClicked),
  }, baseRate);
}

/** Returns the AUC, with the rows of a bucket as ties; null if one of the classes is empty. */
function aucOf(buckets: readonly Bucket[], clicked: number, notClicked: number): number | null {
  if (clicked === 0 || notClicked === 0) return null;
  let wins = 0;
  let below = 0;
  for (const bucket of buckets) {
    wins += bucket.clicked * (below + bucket.notClicked / 2);
    below += bucket.notClicked;
  }
  return wins / clicked / notClicked;
}

/** Share of a weight by which sums of it may differ, of the engine and here. */
const slack = 1e-9;

/** Returns bins of about equal weight, of whole buckets. */
function calibrationOf(buckets: readonly Bucket[], total: number): Metrics["calibration"] {
  const bins: Metrics["calibration"] = [];
  const meanOf = ({ predicted, clicked, notClicked }: Bucket) => predicted / (clicked + notClicked);
  let [before, from] = [0, 0];
  buckets.forEach((bucket, i) => {
    before += bucket.clicked + bucket.notClicked;
    if (before < (1 - slack) * (total * (bins.length + 1)) / binCount && i < buckets.length - 1) return;
    const own = buckets.slice(from, i + 1);
    const sum = (member: keyof Bucket) => own.reduce((all, one) => all + one[member], 0);
    const rows = sum("clicked") + sum("notClicked");
    bins.push({
      ...{ from: meanOf(own[0]), to: meanOf(own[own.length - 1]), rows },
      predicted: sum("predicted") / rows,
      observed: sum("clicked") / rows,
    });
    from = i + 1;
  });
  return bins;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
