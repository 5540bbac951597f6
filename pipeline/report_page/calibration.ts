import * as Plot from "@observablehq/plot";
import type { Evaluation } from "../evaluate/evaluation.ts";
import type { ReliabilityBin, ScoreBin } from "../evaluate/curves.ts";
import { cardOf, type Section } from "./card.ts";
import { draw } from "./drawing.ts";
import { type Markup, markup } from "./markup.ts";
import { count, percent, percentTick } from "./numbers.ts";
import { calibrationGrade, type Grade, gradeFrom, spreadOf, thresholds } from "./verdict.ts";

/** Whether a probability means what it says. */
export function calibrationSection(evaluation: Evaluation): Section {
  return {
    id: "calibration",
    title: "Can the probabilities be taken at their word?",
    says:
      "Of all rows with a probability of 20 %, one in five should be a click. Then a probability can be used in a calculation, such as a bid.",
    cards: [reliabilityCard(evaluation), scoresCard(evaluation)],
  };
}

const reliabilityWords: Readonly<Record<Grade, string>> = {
  good: "The probabilities are right",
  fair: "The probabilities are roughly right",
  poor: "The probabilities are off",
};

function reliabilityCard(evaluation: Evaluation): Markup {
  const { reliability, metrics, perfect_ece, level } = evaluation;
  const outside =
    reliability.filter(({ predicted, low, high }) => predicted < low || predicted > high).length;
  return cardOf({
    title: "Predicted and observed click rate",
    grade: calibrationGrade(evaluation),
    says: `${reliabilityWords[calibrationGrade(evaluation)]}: on average they miss the click rate by ${
      points(metrics.ece.value ?? 0)
    } (a perfect model: about ${points(perfect_ece)}, by chance), and ${
      outside === 0 ? "all" : `${reliability.length - outside} of ${reliability.length}`
    } groups of rows agree with the line.`,
    shows: drawReliability(reliability),
    legend: [
      { mark: "dot observed", words: `rows of similar probability, with a ${percentTick(level)} interval` },
      { mark: "line dashed", words: "perfect" },
    ],
    how:
      "Rows are sorted by probability and divided into parts of equal size. Above the line the model is too careful, below it too sure.",
  });
}

/** A distance of rates: percentage points. */
function points(distance: number): string {
  return `${Number((100 * distance).toPrecision(2))} points`;
}

function drawReliability(bins: readonly ReliabilityBin[]): Markup {
  const top = Math.min(1, 1.05 * Math.max(...bins.map(({ predicted, high }) => Math.max(predicted, high))));
  const domain = [0, top];
  const first = bins.at(0);
  const last = bins.at(-1);
  return draw({
    label: first && last
      ? `Click rate by probability, in ${bins.length} parts: from ${
        percent(first.observed)
      } at a probability of ${percent(first.predicted)} to ${percent(last.observed)} at ${
        percent(last.predicted)
      }`
      : "No rows",
    height: 360,
    marginLeft: 46,
    marginRight: 14,
    x: { domain, label: "Mean probability", tickFormat: percentTick, ticks: 5 },
    y: { domain, label: "Click rate", tickFormat: percentTick, ticks: 6, grid: true },
    marks: [
      Plot.line([[0, 0], [top, top]], { stroke: "var(--muted)", strokeDasharray: "4 4" }),
      Plot.link(bins, {
        x1: "predicted",
        x2: "predicted",
        y1: "low",
        y2: "high",
        stroke: "var(--observed)",
        strokeWidth: 2,
        strokeOpacity: 0.55,
      }),
      Plot.dot(bins, {
        x: "predicted",
        y: "observed",
        r: 4,
        fill: "var(--observed)",
        stroke: "var(--card)",
        title: ({ predicted, observed, low, high, rows }: ReliabilityBin) =>
          `probability ${percent(predicted)}, click rate ${percent(observed)} (${percent(low)} to ${
            percent(high)
          }), ${count(rows)} rows`,
      }),
    ],
  });
}

const spreadWords: Readonly<Record<Grade, string>> = {
  good: "The model tells rows apart",
  fair: "The model tells rows apart a little",
  poor: "The model gives nearly every row the same probability",
};

function scoresCard(evaluation: Evaluation): Markup {
  const ratio = spreadOf(evaluation);
  const grade = gradeFrom(ratio, thresholds.spread);
  const [high, low] = [0.1, 0.9].map((share) =>
    evaluation.gains.find((gain) => gain.share === share)?.threshold
  );
  return cardOf({
    title: "How the probabilities are distributed",
    grade,
    says: markup`${spreadWords[grade]}: a tenth of the rows has ${
      percent(high ?? null)
    } or more, and a tenth ${
      percent(low ?? null)
    } or less. The further right the clicks are from the other rows, the better.`,
    shows: drawScores(evaluation.scores),
    legend: [
      { mark: "area model", words: "clicks" },
      { mark: "area base", words: "other rows" },
    ],
    how:
      "Each of the two shapes has the same area, however rare clicks are. The scale is one of odds, so that small probabilities have room.",
  });
}

const tickProbabilities = [
  ...[
    1e-6,
    1e-5,
    1e-4,
    0.001,
    0.003,
    0.01,
    0.03,
    0.1,
    0.2,
    0.35,
    0.5,
    0.65,
    0.8,
    0.9,
    0.97,
    0.99,
    0.999,
    0.9999,
  ],
];

function drawScores(bins: readonly ScoreBin[]): Markup {
  const [clicks, others] = (["clicks", "others"] as const).map((of) =>
    bins.reduce((sum, bin) => sum + bin[of], 0)
  );
  const shares = bins.map((bin) => ({
    ...bin,
    x1: oddsOf(bin.from),
    x2: oddsOf(bin.to),
    clickShare: clicks > 0 ? bin.clicks / clicks : 0,
    otherShare: others > 0 ? bin.others / others : 0,
  }));
  // One bin of one probability gets a width that can be seen.
  const isPoint = shares.length === 1 && shares[0].x1 === shares[0].x2;
  const drawn = isPoint ? shares.map((bin) => ({ ...bin, x1: bin.x1 - 0.05, x2: bin.x2 + 0.05 })) : shares;
  const [from, to] = [drawn.at(0)?.x1 ?? 0, drawn.at(-1)?.x2 ?? 1];
  const ticks = tickProbabilities.map((p) => ({ p, x: oddsOf(p) })).filter(({ x }) => x >= from && x <= to);
  const step = Math.ceil(ticks.length / 7);
  const side = (share: "clickShare" | "otherShare", colour: string) =>
    Plot.rectY(drawn, {
      x1: "x1",
      x2: "x2",
      y: share,
      fill: colour,
      fillOpacity: 0.55,
      inset: 0,
      title: (bin: ScoreBin) =>
        `${percent(bin.from)} to ${percent(bin.to)}: ${count(bin.clicks)} clicks, ${
          count(bin.others)
        } others`,
    });
  return draw({
    label: `Distribution of the probabilities of clicks and of other rows, from ${
      percent(bins.at(0)?.from ?? null)
    } to ${percent(bins.at(-1)?.to ?? null)}`,
    height: 300,
    marginLeft: 46,
    marginRight: 14,
    x: {
      domain: [from, to],
      label: "Probability",
      ticks: ticks.filter((_, i) => i % step === 0).map(({ x }) => x),
      tickFormat: (x: number) => percentTick(1 / (1 + Math.exp(-x))),
    },
    y: { label: "Share of the clicks, of the others", tickFormat: percentTick, ticks: 5, grid: true },
    marks: [side("otherShare", "var(--base)"), side("clickShare", "var(--model)"), Plot.ruleY([0])],
  });
}

/** Log-odds of a probability, which 0 and 1 do not make infinite. */
function oddsOf(probability: number): number {
  const bounded = Math.min(1 - 1e-9, Math.max(1e-9, probability));
  return Math.log(bounded / (1 - bounded));
}
