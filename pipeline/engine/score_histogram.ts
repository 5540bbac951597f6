import { binCount, meanMetrics } from "../evaluate/metrics.ts";
import { createLookups } from "../export/sql_lookups.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { labelColumn, weightColumn } from "./base_rows.ts";
import type { EngineDesign } from "./engine_design.ts";
import { lossOfRow, oddsOf, scoredRows } from "./engine_passes.ts";
import { numberIn, type SqlEngine } from "./sql_engine.ts";

/** Buckets per unit of log-odds: rows of a bucket count as ties, which moves the AUC and the calibration error by less than 1e-4. */
const bucketsPerUnit = 4_000;
/** Up to this number of rows there is a bucket for each score. */
const exactRowsMax = 100_000;
/** The log-odds of the least probability that metrics distinguish, 1e-15. */
const logitMax = 34.538776394910684;

/** Rows of a range of log-odds. */
interface Bucket {
  readonly clicked: number;
  readonly notClicked: number;
  /** Σ probability. */
  readonly predicted: number;
  readonly least: number;
  readonly most: number;
}

/**
 * Computes a model's metrics on rows in an engine, by one statement. Log loss and Brier score are exact; of many rows, the AUC and the
 * calibration are those of a histogram.
 *
 * @param rowCount Rows of the parts.
 * @param coefficients Shape (columns + 1), intercept last.
 * @param baseRate Weighted click rate of the training rows.
 */
export async function metricsOnEngine(
  engine: SqlEngine,
  encoded: EngineDesign,
  parts: readonly number[],
  coefficients: Float64Array,
  { rowCount, baseRate }: { readonly rowCount: number; readonly baseRate: number },
): Promise<Metrics> {
  const { fence, number, bigint } = engine.dialect;
  const lookups = createLookups(engine.dialect, "c");
  const scored = scoredRows(engine.dialect, encoded, parts, lookups, coefficients);
  const [y, w] = [labelColumn, weightColumn];
  const tables = [
    ...lookups.tables(),
    ...oddsOf(engine.dialect, scored, `${y}, ${w}`, logitMax),
    `rows_ AS (SELECT ${y}, ${w}, ${
      rowCount <= exactRowsMax ? "z" : bigint(`floor(z * ${number(bucketsPerUnit)})`)
    } AS bucket, ` +
    `CASE WHEN z > 0 THEN 1 / (1 + e) ELSE e / (1 + e) END AS p, ` +
    `${lossOfRow} AS l FROM halves${fence})`,
  ];
  const rows = await engine.query(
    `WITH ${
      tables.join(",\n")
    }\nSELECT bucket, sum(${w} * ${y}), sum(${w} * (1 - ${y})), sum(${w} * p), sum(${w} * l), ` +
      `sum(${w} * (p - ${y}) * (p - ${y})), min(p), max(p) FROM rows_ GROUP BY bucket ORDER BY bucket`,
  );
  let [loss, squares] = [0, 0];
  const buckets = rows.map((row): Bucket => {
    const [, clicked, notClicked, predicted, ownLoss, ownSquares, least, most] = row.map(numberIn);
    loss += ownLoss;
    squares += ownSquares;
    return { clicked, notClicked, predicted, least, most };
  });
  const totalOf = (member: "clicked" | "notClicked") =>
    buckets.reduce((sum, bucket) => sum + bucket[member], 0);
  const [clicked, notClicked] = [totalOf("clicked"), totalOf("notClicked")];
  return meanMetrics({
    ...{ clicked, notClicked, loss, squares },
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

/** Returns bins of about equal weight, of whole buckets. */
function calibrationOf(buckets: readonly Bucket[], total: number): Metrics["calibration"] {
  const bins: Metrics["calibration"] = [];
  let [before, from] = [0, 0];
  buckets.forEach((bucket, i) => {
    before += bucket.clicked + bucket.notClicked;
    if (before < (total * (bins.length + 1)) / binCount && i < buckets.length - 1) return;
    const own = buckets.slice(from, i + 1);
    const sum = (member: keyof Bucket) => own.reduce((all, one) => all + one[member], 0);
    const rows = sum("clicked") + sum("notClicked");
    bins.push({
      ...{ from: own[0].least, to: own[own.length - 1].most, rows },
      predicted: sum("predicted") / rows,
      observed: sum("clicked") / rows,
    });
    from = i + 1;
  });
  return bins;
}
