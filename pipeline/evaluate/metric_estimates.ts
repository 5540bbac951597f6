import type { MetricValues } from "./ranked_rows.ts";
import { type Estimate, estimateOf } from "./resampling.ts";

export type MetricName = keyof MetricValues;
export type MetricEstimates = Readonly<Record<MetricName, Estimate>>;

/** Metrics of one prediction: of the rows, and of each resample. */
export interface Draws {
  readonly whole: MetricValues;
  readonly resampled: readonly (MetricValues | undefined)[];
}

/** @param whole Metrics of rows. @param resampled Those of resamples of the rows, or of rows that stand for them. */
export function drawsOf(whole: MetricValues | undefined, resampled: Draws["resampled"]): Draws {
  if (!whole) throw new Error("there are no rows");
  return { whole, resampled };
}

const names: readonly MetricName[] = ["log_loss", "normalised_entropy", "auc", "pr_auc", "brier", "ece"];
const unbounded: ReadonlySet<MetricName> = new Set(["log_loss", "normalised_entropy"]);

function byName(estimateOfName: (name: MetricName) => Estimate): MetricEstimates {
  const [log_loss, normalised_entropy, auc, pr_auc, brier, ece] = names.map(estimateOfName);
  return { log_loss, normalised_entropy, auc, pr_auc, brier, ece };
}

/** Returns the metrics with their intervals. */
export function estimates({ whole, resampled }: Draws): MetricEstimates {
  return byName((name) =>
    estimateOf(whole[name], resampled.map((values) => values?.[name]), {
      low: 0,
      high: unbounded.has(name) ? Infinity : 1,
    })
  );
}

/** Returns how much the metrics of others exceed a model's own, with intervals. */
export function differences(others: Draws, own: Draws): MetricEstimates {
  const minus = (a: number | null | undefined, b: number | null | undefined) =>
    typeof a === "number" && typeof b === "number" ? a - b : null;
  return byName((name) =>
    estimateOf(
      minus(others.whole[name], own.whole[name]),
      others.resampled.map((values, i) => minus(values?.[name], own.resampled[i]?.[name])),
      { low: -Infinity, high: Infinity },
    )
  );
}
