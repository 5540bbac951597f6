import * as Plot from "@observablehq/plot";
import type { Evaluation, EvaluationPart, Slice } from "../evaluate/evaluation.ts";
import { cardOf, detailsOf, named, type Section, tableOf } from "./card.ts";
import { axisName, draw, nameMargin } from "./drawing.ts";
import { type Content, type Markup, markup, shortened } from "./markup.ts";
import { count, counted, decimals, percent, percentTick } from "./numbers.ts";
import { partsGrade, worstPart } from "./verdict.ts";

type ByTime = NonNullable<Evaluation["by_time"]>;

const legend = [
  { mark: "dot observed", words: "observed click rate" },
  { mark: "line model", words: "predicted" },
] as const;

/** Whether the model stays good as time passes. */
export function timeSection(byTime: ByTime | undefined): Section | undefined {
  if (!byTime || byTime.parts.length === 0) return undefined;
  const { unit, parts } = byTime;
  return {
    id: "time",
    title: "Does it stay good over time?",
    says:
      "If the lines part more and more, the world has changed since the training: train again, on newer rows.",
    cards: [
      cardOf({
        title: `Click rate by ${unit}`,
        grade: partsGrade(parts),
        says: agreement(parts, unit),
        shows: drawRates(parts, unit),
        legend,
        more: detailsOf(
          "As numbers",
          partTable(unit, parts.map((part) => ({ ...part, name: periodName(part.name) }))),
        ),
      }),
      cardOf({
        title: `Error by ${unit}`,
        says: errorWords(parts, unit),
        shows: drawErrors(parts, unit),
        legend: [{ mark: "dot model", words: "normalised entropy, with an interval" }, {
          mark: "line dashed",
          words: "no better than the click rate of the time itself",
        }],
        how:
          "Normalised entropy is the log loss divided by that of the click rate: 1 is no better than that rate, and smaller is better.",
      }),
    ],
  };
}

function agreement(parts: readonly EvaluationPart[], noun: string): Content {
  const worst = worstPart(parts);
  if (!worst) return `Predictions agree with the click rate in every ${noun}, but for chance.`;
  const { name, predicted, observed } = worst.part;
  return markup`Furthest apart in <b>${named(name)}</b>: predicted ${percent(predicted)}, observed ${
    percent(observed)
  }.`;
}

const entropyOf = ({ metrics }: EvaluationPart) => metrics.normalised_entropy.value;

function errorWords(parts: readonly EvaluationPart[], unit: string): string {
  const known = parts.filter((part) => entropyOf(part) !== null);
  if (known.length === 0) return `No ${unit} has both labels, so that its error is not known.`;
  const worse = known.filter((part) => Number(entropyOf(part)) >= 1).length;
  return worse === 0
    ? `The model says more than the click rate in every ${unit}.`
    : `In ${
      counted(worse, unit)
    } of ${known.length} the model says no more than the click rate of that ${unit} itself.`;
}

const slicesMax = 20;
const frame = { height: 260, marginLeft: 50, marginRight: 14, marginBottom: 62 } as const;

/** Periods as positions, of which as many are named as there is room for. */
function periodAxis(parts: readonly EvaluationPart[]) {
  const step = Math.ceil(parts.length / 12);
  const shown = [...parts.keys()].filter((i) => i % step === 0);
  return {
    x: { type: "point", domain: [...parts.keys()], axis: null } as const,
    axis: Plot.axisX(shown, {
      label: null,
      tickRotate: -40,
      tickFormat: (i: number) => periodName(parts[i].name),
    }),
  };
}

/** A time without the part that is midnight. */
function periodName(name: string): string {
  return shortened(name.replace(/T00:00(:00(\.000)?)?Z?$/, "").replace(/:00(\.000)?Z$/, ""), 13);
}

function drawRates(parts: readonly EvaluationPart[], unit: string): Markup {
  const drawn = parts.map((part, i) => ({ ...part, i }));
  const { x, axis } = periodAxis(parts);
  const top = Math.max(...parts.flatMap(({ observed, predicted }) => [observed, predicted]));
  return draw({
    ...frame,
    label: `Observed and predicted click rate by ${unit}, ${parts.length} in all: ${
      [drawn[0], drawn[drawn.length - 1]].map(({ name, observed, predicted }) =>
        `${axisName(name)} ${percent(observed)} and ${percent(predicted)}`
      ).join(", ")
    }`,
    x,
    y: {
      domain: [0, top > 0 ? 1.1 * top : 1],
      label: "Click rate",
      tickFormat: percentTick,
      ticks: 5,
      grid: true,
    },
    marks: [
      axis,
      Plot.line(drawn, { x: "i", y: "predicted", stroke: "var(--model)", strokeWidth: 2.5 }),
      Plot.dot(drawn, {
        x: "i",
        y: "observed",
        ...observedDot,
      }),
    ],
  });
}

/** How the click rate of a part is drawn. */
const observedDot = {
  r: 4,
  fill: "var(--observed)",
  stroke: "var(--card)",
  title: ({ name, rows, observed, predicted }: EvaluationPart) =>
    `${axisName(name)}: observed ${percent(observed)}, predicted ${percent(predicted)}, ${count(rows)} rows`,
};

function drawErrors(parts: readonly EvaluationPart[], unit: string): Markup {
  const drawn = parts.flatMap((part, i) => {
    const { value, low, high } = part.metrics.normalised_entropy;
    return value === null ? [] : [{ i, name: part.name, value, low: low ?? value, high: high ?? value }];
  });
  const ends = [1, ...drawn.flatMap(({ low, high }) => [low, high])];
  const { x, axis } = periodAxis(parts);
  return draw({
    ...frame,
    label: `Normalised entropy by ${unit}: ${
      drawn.slice(0, 5).map(({ name, value }) => `${axisName(name)} ${decimals(value)}`).join(", ")
    }`,
    x,
    y: {
      domain: [0.98 * Math.min(...ends), 1.01 * Math.max(...ends)],
      label: "Normalised entropy",
      ticks: 5,
      grid: true,
    },
    marks: [
      axis,
      Plot.ruleY([1], { stroke: "var(--muted)", strokeDasharray: "4 4" }),
      Plot.link(drawn, {
        x1: "i",
        x2: "i",
        y1: "low",
        y2: "high",
        stroke: "var(--model)",
        strokeWidth: 2,
        strokeOpacity: 0.55,
      }),
      Plot.dot(drawn, { x: "i", y: "value", r: 4, fill: "var(--model)", stroke: "var(--card)" }),
    ],
  });
}

/** Whether the model is right about each level of some fields. */
export function slicesSection(slices: readonly Slice[]): Section | undefined {
  const some = slices.filter(({ parts }) => parts.length > 0);
  if (some.length === 0) return undefined;
  const shown = some.slice(0, slicesMax);
  return {
    id: "slices",
    title: "Is it right for everyone?",
    says: `A model can be right on average and wrong for some. These are the parts that were asked for${
      some.length > shown.length ? `, the first ${slicesMax} of ${count(some.length)}` : ""
    }.`,
    cards: shown.map(({ field, parts }) =>
      cardOf({
        title: markup`By ${named(field)}`,
        grade: partsGrade(parts),
        says: agreement(parts, "part"),
        shows: drawSlice(field, parts),
        legend,
        more: detailsOf("As numbers", partTable(field, parts)),
      })
    ),
  };
}

function drawSlice(field: string, parts: readonly EvaluationPart[]): Markup {
  const drawn = parts.map((part, i) => ({ ...part, i }));
  const top = Math.max(...parts.flatMap(({ observed, predicted }) => [observed, predicted]));
  return draw({
    label: `Observed and predicted click rate by ${axisName(field)}, ${parts.length} parts`,
    height: 56 + 20 * parts.length,
    marginLeft: nameMargin,
    marginRight: 18,
    x: {
      domain: [0, top > 0 ? 1.08 * top : 1],
      label: "Click rate",
      tickFormat: percentTick,
      ticks: 4,
      grid: true,
    },
    y: {
      type: "band",
      domain: drawn.map(({ i }) => i),
      padding: 0.15,
      label: null,
      tickSize: 0,
      tickFormat: (i: number) => axisName(parts[i].name),
    },
    marks: [
      Plot.tickX(drawn, { x: "predicted", y: "i", stroke: "var(--model)", strokeWidth: 3 }),
      Plot.dot(drawn, {
        x: "observed",
        y: "i",
        ...observedDot,
      }),
    ],
  });
}

function partTable(name: string, parts: readonly EvaluationPart[]): Markup {
  return tableOf({
    label: `Metrics by ${name}`,
    head: [
      name,
      "rows",
      "click rate",
      "predicted",
      "log loss",
      "normalised entropy",
      "AUC",
      "calibration error",
    ],
    rows: parts.map(({ name, rows, observed, predicted, metrics }) => [
      named(name),
      count(rows),
      percent(observed),
      percent(predicted),
      ...[metrics.log_loss, metrics.normalised_entropy, metrics.auc, metrics.ece].map(({ value }) =>
        value === null ? "-" : decimals(value)
      ),
    ]),
  });
}
