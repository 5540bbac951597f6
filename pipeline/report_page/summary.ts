import type { ModelReport } from "../report/model_report.ts";
import { badge, named } from "./card.ts";
import { type Content, type Markup, markup } from "./markup.ts";
import { count, counted, decimals, intervalText, percent, percentTick } from "./numbers.ts";
import {
  calibrationGrade,
  type Grade,
  gradeFrom,
  overallGrade,
  skillOf,
  suspiciousAuc,
  thresholds,
} from "./verdict.ts";

const places: Readonly<Record<ModelReport["rows"], string>> = {
  "held-out": "held-out rows, which the model did not learn from",
  training: "the rows that the model learned from",
  new: "new rows, each of which was predicted before the model learned from it",
  files: "the rows of the given files",
};

/** The head of the page: how good the model is in a sentence, and in four numbers. */
export function summaryOf(report: ModelReport): Markup {
  const { evaluation, columns, sampled_from } = report;
  const grade = overallGrade(evaluation, report.rows);
  const sample = sampled_from === undefined ? "" : `, a sample of ${count(sampled_from)} by group`;
  return markup`<header>
<p class="kind">Report of a model <span>clickwell ${report.program}</span></p>
<h1>${named(columns.label)}</h1>
<p class="model">model <code>${report.model_id}</code></p>
<div class="verdict ${grade}">
<p class="headline">${badge(grade)} ${headline(report)}</p>
<p>Measured on ${counted(evaluation.rows, "row")}${sample}: ${
    places[report.rows]
  }. A <em>click</em> is a row in which <b>${
    named(columns.label)
  }</b> has happened, whatever it is; the <em>click rate</em> is the share of such rows: here ${
    percent(evaluation.observed)
  }.${caution(report)}</p>
</div>
<ul class="tiles">${tilesOf(report)}</ul>
</header>
`;
}

/** How good, against what. */
function headline({ evaluation }: ModelReport): Content {
  const { saved, isChance } = skillOf(evaluation);
  const { strongest_field: field } = evaluation.baselines;
  const than = "than giving every row the same probability, the click rate of the training";
  if (saved <= 0) return markup`The model predicts no better ${than}.`;
  if (isChance) {
    return markup`The model predicts ${percent(saved)} better ${than}, a difference that chance may explain.`;
  }
  const alone = field?.difference.value;
  const isAbove = field?.difference.low === null ? (alone ?? 0) > 0 : (field?.difference.low ?? 0) > 0;
  return markup`The model predicts ${degree(saved)} better ${than}: its error is ${percent(saved)} smaller.${
    field && (isAbove
      ? markup` It is also better than <b>${named(field.field)}</b> alone, the field that says most.`
      : markup` The field <b>${named(field.field)}</b> alone does about as well.`)
  }`;
}

function degree(saved: number): string {
  const { good, fair } = thresholds.skill;
  return saved >= 0.2 ? "far" : saved >= good ? "clearly" : saved >= fair ? "a little" : "hardly";
}

function caution({ evaluation, rows }: ModelReport): Content {
  if (rows === "training") {
    return " On rows that it learned from a model looks better than it is: hold rows out to know how good it is.";
  }
  return (evaluation.metrics.auc.value ?? 0) >= suspiciousAuc
    ? " This is almost too good: a field may tell the outcome, and not be known yet when a prediction is needed."
    : "";
}

function tilesOf({ evaluation }: ModelReport): Markup[] {
  const { metrics, observed, predicted, clicks, rows, groups, baselines } = evaluation;
  const { saved, grade } = skillOf(evaluation);
  const auc = metrics.auc.value;
  return [
    tile({
      name: "Error saved",
      value: percent(saved),
      grade,
      words: markup`log loss ${decimals(metrics.log_loss.value)}${intervalText(metrics.log_loss)}, against ${
        decimals(baselines.base_rate.log_loss.value)
      } for the click rate alone`,
    }),
    tile({
      name: "Ranking (AUC)",
      value: auc === null ? "unknown" : auc.toFixed(3),
      grade: gradeFrom(auc ?? 0.5, thresholds.auc),
      words: markup`of a click and another row, the click has the higher probability in ${
        auc === null ? "an unknown share" : percent(auc)
      } of all pairs; 50 % is chance`,
    }),
    tile({
      name: "Predicted and observed",
      value: markup`${percent(predicted)} <small>and</small> ${percent(observed)}`,
      grade: calibrationGrade(evaluation),
      words: markup`mean probability and click rate; calibration error ${
        decimals(metrics.ece.value)
      }, of which a perfect model would show about ${decimals(evaluation.perfect_ece)}`,
    }),
    tile({
      name: "Evidence",
      value: counted(clicks, "click"),
      words: markup`in ${counted(rows, "row")} of ${counted(groups, "group")}${
        evaluation.resamples > 0
          ? markup`; intervals hold the true value in ${percentTick(evaluation.level)} of cases`
          : ""
      }`,
    }),
  ];
}

interface Tile {
  readonly name: string;
  readonly value: Content;
  readonly grade?: Grade;
  readonly words: Content;
}

function tile({ name, value, grade, words }: Tile): Markup {
  return markup`<li><h2>${name}</h2><p class="value">${value}</p><p>${grade && badge(grade)} ${words}</p></li>
`;
}
