import type { Against, Evaluation, EvaluationPart } from "../pipeline/evaluate/evaluation.ts";
import type { Baseline } from "../pipeline/evaluate/baselines.ts";
import { labelWords } from "./label_words.ts";
import type { Estimate } from "../pipeline/evaluate/resampling.ts";
import { grouped } from "../pipeline/counted.ts";

/**
 * Describes an evaluation for people.
 *
 * @param on What the rows are: `held-out rows`.
 * @param spec The model's feature spec, which names the label.
 */
export function describeEvaluation(
  modelId: string,
  evaluation: Evaluation,
  { on, spec }: { readonly on: string; readonly spec: Readonly<Record<string, unknown>> },
): string[] {
  const { rate, ones } = labelWords(spec);
  const { rows, clicks, groups, observed, predicted, metrics, perfect_ece, baselines } = evaluation;
  const { base_rate: base, strongest_field: field } = baselines;
  return [
    `${modelId} on ${grouped(rows)} ${on} of ${grouped(groups)} groups, ${grouped(clicks)} ${ones}`,
    `  observed     ${rate} ${fixed(observed)}, mean probability ${fixed(predicted)}`,
    `  log loss     ${shown(metrics.log_loss)}`,
    `  entropy      ${shown(metrics.normalised_entropy)}, normalised: 1 is no better than the ${rate}`,
    `  AUC          ${shown(metrics.auc)}`,
    `  PR-AUC       ${shown(metrics.pr_auc)}: ${fixed(observed)} is chance`,
    `  Brier score  ${shown(metrics.brier)}`,
    `  calibration  ${shown(metrics.ece)} expected error; a perfect model would show about ${
      fixed(perfect_ece)
    }`,
    `  base rate    ${fixed(base.rate)} for every row: ${baselineWords(base)}`,
    ...(field ? [`  best field   ${rate} by ${field.field} alone: ${baselineWords(field)}`] : []),
    ...(evaluation.against ? againstLines(evaluation.against) : []),
    ...gainLines(evaluation, ones),
    ...evaluation.thresholds.map(({ threshold, share, precision, recall, lift }) =>
      `  threshold    ${threshold}: ${percent(share)} of the rows, precision ${fixed(precision)}, recall ${
        fixed(recall)
      }, lift ${lift === null ? "-" : lift.toFixed(2)}`
    ),
    ...evaluation.slices.flatMap(({ field, parts }) => partTable(field, parts)),
    ...(evaluation.by_time ? partTable(evaluation.by_time.unit, evaluation.by_time.parts) : []),
  ];
}

function baselineWords({ log_loss, difference }: Baseline): string {
  return `log loss ${fixed(log_loss.value)}, ${worse(difference.value)}${interval(difference)}`;
}

function worse(difference: number | null): string {
  return difference === null ? "-" : `${fixed(Math.abs(difference))} ${difference < 0 ? "better" : "worse"}`;
}

function againstLines({ model_id, metrics, differences, test }: Against): string[] {
  const words = test.p_value === null
    ? "it predicts the same"
    : `p = ${test.p_value.toPrecision(2)}: ${
      test.p_value < 0.05 ? "more than chance explains" : "chance may explain that"
    }`;
  return [
    `  against      ${model_id}: log loss ${fixed(metrics.log_loss.value)}, ${worse(test.difference)}${
      interval(differences.log_loss)
    }; ${words}`,
    `               AUC ${shown(metrics.auc)}, calibration error ${shown(metrics.ece)}`,
  ];
}

function gainLines({ gains }: Evaluation, ones: string): string[] {
  const shown = gains.filter(({ share }) => [0.05, 0.1, 0.2, 0.5].includes(share))
    .map(({ share, recall, lift }) => `${percent(share)} have ${percent(recall)} (lift ${lift.toFixed(2)})`);
  return [`  gains        of the rows ${ones}, the best ${shown.join(", ")}`];
}

function partTable(title: string, parts: readonly EvaluationPart[]): string[] {
  const width = Math.max(title.length, ...parts.map(({ name }) => Math.min(40, name.length)));
  const rowOf = ([name, ...cells]: readonly string[]) =>
    `  ${name.slice(0, 40).padEnd(width)}${cells.map((cell) => cell.padStart(11)).join("")}`;
  return [
    rowOf([title, "rows", "observed", "predicted", "log loss", "n. entropy", "AUC", "cal. error"]),
    ...parts.map(({ name, rows, observed, predicted, metrics }) =>
      rowOf([
        name,
        grouped(rows),
        fixed(observed),
        fixed(predicted),
        ...[metrics.log_loss, metrics.normalised_entropy, metrics.auc, metrics.ece]
          .map(({ value }) => fixed(value)),
      ])
    ),
  ];
}

function shown(estimate: Estimate): string {
  return `${fixed(estimate.value)}${interval(estimate)}`;
}

function interval({ low, high }: Estimate): string {
  return low === null || high === null ? "" : ` (${fixed(low)} to ${fixed(high)})`;
}

function fixed(value: number | null): string {
  return value === null ? "-" : value.toFixed(4);
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(share < 0.1 ? 1 : 0))} %`;
}
