import { shownTime } from "../pipeline/examples/time_split.ts";
import type { ArtifactMetadata, MetricsByTime } from "../pipeline/model/artifact_metadata.ts";
import { labelWords } from "./label_words.ts";

type Period = MetricsByTime["parts"][number];

/** Describes a split by time: from when on rows were held out, and in which period the model did worst. */
export function timeLines(
  { data, metrics, spec }: Pick<ArtifactMetadata, "data" | "metrics" | "spec">,
): string[] {
  const from = data.times?.held_out_from;
  const lines = from === undefined ? [] : [`held out by time, from ${shownTime(from)} on`];
  if (metrics.by_time) {
    const { unit, parts } = metrics.by_time;
    const worst = parts.filter(({ rows }) => rows >= shareMin * averageRows(parts)).reduce((worst, part) =>
      gainOf(part) < gainOf(worst) ? part : worst
    );
    lines.push(
      `by ${unit}, ${parts.length} parts from ${parts[0].from}: worst is ${
        wordsOf(worst, labelWords(spec).rate)
      }`,
    );
  }
  return lines;
}

/** Share of the average rows of a period below which its metrics say too little. */
const shareMin = 0.25;

function averageRows(parts: readonly Period[]): number {
  return parts.reduce((sum, { rows }) => sum + rows, 0) / parts.length;
}

function gainOf({ log_loss, base_log_loss }: Period): number {
  return base_log_loss - log_loss;
}

function wordsOf(
  { from, log_loss: loss, base_log_loss: base, predicted, observed, rows }: Period,
  rate: string,
): string {
  return `${from} (log loss ${loss.toFixed(4)}, base rate ${base.toFixed(4)}, mean probability ${
    predicted.toFixed(4)
  }, ${rate}: ${observed.toFixed(4)}, ${rows} rows)`;
}

/** Returns the metrics of each period as a table. */
export function periodTable({ unit, parts }: MetricsByTime): string[] {
  const rowOf = (cells: readonly string[]) =>
    cells.map((cell, i) => i === 0 ? cell.padEnd(17) : cell.padStart(11)).join("");
  return [
    rowOf([unit, "rows", "click rate", "predicted", "log loss", "base rate", "AUC"]),
    ...parts.map(({ from, rows, observed, predicted, log_loss: loss, base_log_loss: base, auc }) =>
      rowOf([
        from,
        String(rows),
        ...[observed, predicted, loss, base].map((value) => value.toFixed(4)),
        auc?.toFixed(4) ?? "-",
      ])
    ),
  ];
}
