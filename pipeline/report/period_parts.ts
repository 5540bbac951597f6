import type { Evaluation, EvaluationPart } from "../evaluate/evaluation.ts";
import type { MetricsByTime } from "../model/artifact_metadata.ts";

/** Returns a model's own metrics by time as parts of an evaluation: without intervals, and without those that they do not have. */
export function periodsOf(byTime: MetricsByTime | undefined): Evaluation["by_time"] {
  if (!byTime) return undefined;
  const { unit, parts } = byTime;
  const only = (value: number | null) => ({ value, low: null, high: null });
  return {
    unit,
    parts: parts.map(({ from, rows, clicks, predicted, observed, log_loss, auc }): EvaluationPart => ({
      name: from,
      rows,
      clicks,
      predicted,
      observed,
      metrics: {
        log_loss: only(log_loss),
        normalised_entropy: only(null),
        auc: only(auc),
        pr_auc: only(null),
        brier: only(null),
        ece: only(null),
      },
    })),
  };
}
