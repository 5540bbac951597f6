import * as Plot from "@observablehq/plot";
import type { Evaluation } from "../evaluate/evaluation.ts";
import type { Gain } from "../evaluate/curves.ts";
import { cardOf, type Section, tableOf } from "./card.ts";
import { draw } from "./drawing.ts";
import type { Markup } from "./markup.ts";
import { counted, decimals, figure, intervalText, percent, percentTick, times } from "./numbers.ts";
import { gainShare, type Grade, gradeFrom, precisionShare, thresholds } from "./verdict.ts";

/** Whether clicks come first if rows are sorted by probability. */
export function rankingSection(evaluation: Evaluation): Section {
  return {
    id: "ranking",
    title: "Does it find the clicks?",
    says:
      "Sorted by probability, the clicks should come first. That decides how much is gained by showing, calling or mailing only the best.",
    cards: [
      gainsCard(evaluation),
      choiceCard(evaluation),
      rocCard(evaluation),
      prCard(evaluation),
      thresholdCard(evaluation),
    ],
  };
}

const frame = { height: 340, marginLeft: 46, marginRight: 14 } as const;
const share = (label: string) => ({ domain: [0, 1], label, tickFormat: percentTick, ticks: 5 });
const chance = Plot.line([[0, 0], [1, 1]], { stroke: "var(--muted)", strokeDasharray: "4 4" });
const modelLine = { stroke: "var(--model)", strokeWidth: 2.5 } as const;
const chanceLegend = [
  { mark: "line model", words: "model" },
  { mark: "line dashed", words: "chance" },
] as const;

function gainsCard(evaluation: Evaluation): Markup {
  const { gains } = evaluation;
  const tenth = gains.find((gain) => gain.share === 0.1);
  const half = gains.find((gain) => gain.share === 0.5);
  const drawn = [{ share: 0, recall: 0 }, ...gains];
  return cardOf({
    title: "What choosing the best rows gains",
    grade: gradeFrom(gainShare(evaluation, 0.1), thresholds.gains),
    says: tenth && half
      ? `The best tenth of the rows holds ${percent(tenth.recall)} of all clicks, ${
        times(tenth.lift)
      } as many as a random tenth; the best half holds ${percent(half.recall)}.`
      : "There are no rows to choose from.",
    shows: draw({
      ...frame,
      label: `Share of the clicks in the best rows: ${
        gains.filter(({ share }) => [0.1, 0.2, 0.5].includes(share)).map((gain) =>
          `${percent(gain.recall)} in the best ${percentTick(gain.share)}`
        ).join(", ")
      }`,
      x: share("Share of the rows chosen, best first"),
      y: { ...share("Share of all clicks"), grid: true },
      marks: [
        chance,
        Plot.areaY(drawn, { x: "share", y1: "share", y2: "recall", fill: "var(--model)", fillOpacity: 0.12 }),
        Plot.line(drawn, { x: "share", y: "recall", ...modelLine }),
        Plot.dot(gains, {
          x: "share",
          y: "recall",
          r: 3,
          fill: "var(--model)",
          title: (gain: Gain) =>
            `the best ${percentTick(gain.share)}: ${percent(gain.recall)} of the clicks, click rate ${
              percent(gain.precision)
            }, lift ${gain.lift.toFixed(2)}`,
        }),
      ],
    }),
    legend: chanceLegend,
  });
}

/** Shares of the rows in the table of gains. */
const tableShares = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1];

function choiceCard({ gains, observed }: Evaluation): Markup | undefined {
  const shown = gains.filter(({ share }) => tableShares.includes(share));
  const fifth = gains.find((gain) => gain.share === 0.2);
  if (!fifth) return undefined;
  return cardOf({
    title: "How many rows to choose",
    says: `For example: choose every row with a probability of ${
      percent(fifth.threshold)
    } or more, a fifth of all. Then ${percent(fifth.precision)} of the chosen rows are clicks, where ${
      percent(observed)
    } of all rows are, and ${percent(fifth.recall)} of all clicks are found.`,
    shows: tableOf({
      label: "Gains",
      head: ["choose the best", "probability from", "click rate", "lift", "clicks found"],
      rows: shown.map(({ share, recall, precision, lift, threshold }) => [
        percentTick(share),
        percent(threshold),
        percent(precision),
        lift.toFixed(2),
        percent(recall),
      ]),
    }),
    how: "Lift is the click rate of the chosen rows, relative to that of all.",
  });
}

const aucWords: Readonly<Record<Grade, string>> = {
  good: "Clicks clearly rank before other rows",
  fair: "Clicks rank before other rows a little more often than by chance",
  poor: "Clicks hardly rank before other rows",
};

function rocCard({ metrics: { auc }, roc }: Evaluation): Markup {
  const grade = gradeFrom(auc.value ?? 0.5, thresholds.auc);
  return cardOf({
    title: "ROC curve: clicks found against false alarms",
    grade,
    says: `${aucWords[grade]}: the area under the curve (AUC) is ${decimals(auc.value)}${
      intervalText(auc)
    }, where 0.5 is chance and 1 is perfect.`,
    shows: draw({
      ...frame,
      label: `ROC curve, area ${decimals(auc.value)}`,
      x: share("Share of the other rows chosen"),
      y: { ...share("Share of the clicks found"), grid: true },
      marks: [
        chance,
        Plot.line([{ true_positive_rate: 0, false_positive_rate: 0 }, ...roc], {
          x: "false_positive_rate",
          y: "true_positive_rate",
          ...modelLine,
        }),
      ],
    }),
    legend: chanceLegend,
    how:
      "Each point is a smallest probability from which rows are chosen. The nearer the curve is to the upper left corner, the better.",
  });
}

const precisionWords: Readonly<Record<Grade, string>> = {
  good: "Rows with high probabilities are clicks much more often than others",
  fair: "Rows with high probabilities are clicks a little more often than others",
  poor: "Rows with high probabilities are hardly clicks more often than others",
};

function prCard(evaluation: Evaluation): Markup {
  const { metrics: { pr_auc }, observed, pr } = evaluation;
  const grade = gradeFrom(precisionShare(evaluation), thresholds.precision);
  return cardOf({
    title: "Precision and recall",
    grade,
    says: `${precisionWords[grade]}: the area under the curve is ${decimals(pr_auc.value)}${
      intervalText(pr_auc)
    }, where ${decimals(observed)}, the click rate, is chance.`,
    shows: draw({
      ...frame,
      label: `Precision by recall, area ${decimals(pr_auc.value)}`,
      x: share("Recall: share of the clicks found"),
      y: { ...share("Precision: click rate of the chosen"), grid: true },
      marks: [
        Plot.ruleY([observed], { stroke: "var(--muted)", strokeDasharray: "4 4" }),
        Plot.line(pr, { x: "true_positive_rate", y: "precision", ...modelLine }),
      ],
    }),
    legend: chanceLegend,
    how:
      "To find more of the clicks (right), rows with lower probabilities are chosen, too, and fewer of the chosen ones are clicks.",
  });
}

/** What the thresholds that were asked for reach. */
function thresholdCard({ thresholds: asked, rows }: Evaluation): Markup | undefined {
  if (asked.length === 0) return undefined;
  const [first] = asked;
  return cardOf({
    title: "Choosing rows by a threshold",
    says: `With a threshold of ${first.threshold}, ${percent(first.share)} of ${
      counted(rows, "row")
    } are chosen: ${percent(first.precision)} of them are clicks, which are ${
      percent(first.recall)
    } of all clicks.`,
    shows: tableOf({
      label: "Thresholds",
      head: ["probability from", "rows chosen", "precision", "recall", "lift"],
      rows: asked.map(({ threshold, share, precision, recall, lift }) => [
        figure(threshold),
        percent(share),
        percent(precision),
        percent(recall),
        lift === null ? "unknown" : lift.toFixed(2),
      ]),
    }),
  });
}
