import type { Against, Evaluation } from "../evaluate/evaluation.ts";
import { cardOf, named, type Section, tableOf } from "./card.ts";
import { type Markup, markup } from "./markup.ts";
import { decimals } from "./numbers.ts";
import { comparisonGrade, significant } from "./verdict.ts";

const metricWords = [
  { name: "log_loss", words: "log loss", isError: true },
  { name: "normalised_entropy", words: "normalised entropy", isError: true },
  { name: "auc", words: "AUC", isError: false },
  { name: "pr_auc", words: "PR-AUC", isError: false },
  { name: "brier", words: "Brier score", isError: true },
  { name: "ece", words: "calibration error", isError: true },
] as const;

/** How another model predicts the same rows. */
export function comparisonSection(evaluation: Evaluation): Section | undefined {
  const { against } = evaluation;
  if (!against) return undefined;
  return {
    id: "against",
    title: "Is it better than the other model?",
    says: markup`The model <code>${named(against.model_id)}</code> predicted the same rows.`,
    cards: cardOf({
      title: "Both models, metric by metric",
      grade: comparisonGrade(against.test),
      says: verdict(against),
      shows: comparisonTable(evaluation, against),
      how:
        "The difference is that of the other model from this one, with its interval: an interval without zero is more than chance explains. Less is better for errors, more for AUC.",
      isWide: true,
    }),
  };
}

function verdict({ test: { difference, p_value } }: Against): string {
  if (p_value === null) return "Both predict the same.";
  const size = decimals(Math.abs(difference));
  const chance = `p = ${Number(p_value.toPrecision(2))}`;
  return p_value >= significant
    ? `No difference that chance does not explain: the log losses differ by ${size} (${chance}).`
    : difference > 0
    ? `This model is better: the log loss of the other one is ${size} larger, more than chance explains (${chance}).`
    : `The other model is better: its log loss is ${size} smaller, more than chance explains (${chance}).`;
}

function comparisonTable({ metrics }: Evaluation, { metrics: others, differences }: Against): Markup {
  return tableOf({
    label: "Metrics of both models",
    head: ["metric", "this model", "the other", "difference", "from", "to", "better"],
    rows: metricWords.map(({ name, words, isError }) => {
      const { value, low, high } = differences[name];
      const isClear = low !== null && high !== null && (low > 0 || high < 0);
      return [
        words,
        decimals(metrics[name].value),
        decimals(others[name].value),
        decimals(value),
        decimals(low),
        decimals(high),
        value === null || !isClear ? "neither" : (value > 0) === isError ? "this model" : "the other",
      ];
    }),
  });
}
