import * as Plot from "@observablehq/plot";
import type {
  Coefficient,
  CoefficientList,
  FieldImportance,
  Importance,
  ModelReport,
} from "../report/model_report.ts";
import { cardOf, detailsOf, named, type Section, tableOf } from "./card.ts";
import { axisName, draw, nameMargin } from "./drawing.ts";
import { type Markup, markup } from "./markup.ts";
import { count, counted, decimals, figure, percent } from "./numbers.ts";
import { changeWords, factorTick, factorTicks, odds } from "./odds.ts";
import { gradeUpTo, limits } from "./verdict.ts";

/** Bars of a plot; what is beyond them is in its table. */
const barsMax = 20;
const barHeight = 18;

/** Which fields predictions depend on. */
export function driversSection(report: ModelReport): Section {
  return {
    id: "drivers",
    title: "What drives the predictions?",
    says: "A model finds what goes together with clicks. That is not always what causes them.",
    cards: [
      report.importance ? importanceCard(report.importance) : missingImportance(report),
      coefficientsCard(report.coefficients),
    ],
  };
}

const missingImportance = ({ engine }: ModelReport): Markup =>
  cardOf({
    title: "Importance of the fields",
    says: engine
      ? `It needs rows, which stayed in ${engine.name}. How far each field moves predictions is said by its curve.`
      : "It is measured at the training, and was not measured for this model.",
    shows: undefined,
  });

function importanceCard(importance: Importance): Markup | undefined {
  if (importance.fields.length === 0) return undefined;
  const { fields, rows, seed } = importance;
  const sum = fields.reduce((sum, { log_loss }) => sum + Math.max(0, log_loss), 0);
  const [first] = fields;
  const part = sum > 0 ? first.log_loss / sum : 0;
  const idle = fields.filter(({ log_loss, low }) => low === undefined ? log_loss <= 0 : low <= 0).length;
  const isLeaning = fields.length > 1 && part > limits.leaning.good;
  return cardOf({
    title: "Importance of the fields",
    grade: sum > 0 ? fields.length > 1 ? gradeUpTo(part, limits.leaning) : undefined : "poor",
    says: sum > 0
      ? markup`The model depends most on <b>${named(first.field)}</b>, which has ${
        percent(part)
      } of the sum of all importances${isLeaning ? ": most rests on it" : ""}.${
        idle > 0
          ? ` ${counted(idle, "field")} could be left out without a loss that chance does not explain.`
          : ""
      }`
      : "No field makes the predictions better.",
    shows: drawImportance(fields.slice(0, barsMax)),
    more: fields.length > barsMax
      ? detailsOf(`All ${count(fields.length)} fields`, importanceTable(fields))
      : undefined,
    how: `How much the log loss rises if the values of the field are exchanged between rows at random (${
      counted(rows, "row")
    }, seed ${seed}). Fields that say the same share their importance.`,
  });
}

function drawImportance(fields: readonly FieldImportance[]): Markup {
  const bars = fields.map((field, i) => ({ ...field, i }));
  const ends = fields.flatMap(({ log_loss, low, high }) => [log_loss, low ?? 0, high ?? 0]);
  const [from, to] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  return draw({
    label: `Importance of fields, largest first: ${
      fields.slice(0, 5).map(({ field, log_loss }) => `${axisName(field)} ${figure(log_loss)}`).join(", ")
    }`,
    height: 50 + barHeight * fields.length,
    marginLeft: nameMargin,
    marginRight: 14,
    x: {
      label: "Rise of the log loss",
      ticks: 4,
      tickFormat: (value: number) => figure(value),
      grid: true,
      domain: from < to ? [from, to] : [0, 1],
    },
    y: { label: null, tickSize: 0, tickFormat: (i: number) => axisName(fields[i].field) },
    marks: [
      Plot.barX(bars, {
        x: "log_loss",
        y: "i",
        fill: "var(--model)",
        insetTop: 2,
        insetBottom: 2,
        title: ({ field, log_loss, low, high }: FieldImportance) =>
          `${axisName(field)}: ${figure(log_loss)}${range(low, high)}`,
      }),
      Plot.link(bars.filter(({ low, high }) => low !== undefined && high !== undefined), {
        x1: "low",
        x2: "high",
        y1: "i",
        y2: "i",
        stroke: "var(--text)",
        strokeWidth: 1.5,
      }),
      Plot.ruleX([0], { stroke: "var(--muted)" }),
    ],
  });
}

function range(low: number | undefined, high: number | undefined): string {
  return low === undefined || high === undefined ? "" : ` (${figure(low)} to ${figure(high)})`;
}

function importanceTable(fields: readonly FieldImportance[]): Markup {
  return tableOf({
    label: "Importance of all fields",
    head: ["field", "rise of the log loss", "from", "to"],
    rows: fields.map(({ field, log_loss, low, high }) => [
      named(field),
      figure(log_loss),
      low === undefined ? "-" : figure(low),
      high === undefined ? "-" : figure(high),
    ]),
  });
}

function coefficientsCard({ shown, in_all, intercept }: CoefficientList): Markup | undefined {
  if (shown.length === 0) return undefined;
  const drawn = shown.slice(0, barsMax);
  const hasIntervals = shown.some(({ low }) => low !== undefined);
  const clear = shown.filter(({ low, high }) =>
    low !== undefined && high !== undefined && (low > 0 || high < 0)
  );
  const [first] = shown;
  return cardOf({
    title: "Coefficients",
    says: markup`<b>${named(first.column)}</b> moves predictions most: it ${changeWords(first.value)}.${
      hasIntervals
        ? ` ${clear.length === shown.length ? "All" : count(clear.length)} of the ${
          shown.length < in_all ? `${count(shown.length)} largest` : counted(shown.length, "coefficient")
        } differ from zero by more than chance explains.`
        : " The model keeps no standard errors, so that there are no intervals."
    }`,
    shows: drawCoefficients(drawn),
    more: detailsOf(
      shown.length < in_all
        ? `The ${count(shown.length)} largest of ${counted(in_all, "coefficient")}, as numbers`
        : "As numbers",
      coefficientsTable(shown, intercept),
    ),
    legend: [
      { mark: "dot up", words: "more clicks" },
      { mark: "dot down", words: "fewer clicks" },
      ...(hasIntervals ? [{ mark: "line observed", words: "90 % interval" }] : []),
    ],
    how:
      "Odds are clicks per other row: a click rate of 20 % has odds of 1 to 4. A level multiplies them once; a number does for each standard deviation above its mean. × 1 changes nothing.",
  });
}

function drawCoefficients(coefficients: readonly Coefficient[]): Markup {
  const rows = coefficients.map((own, i) => ({ ...own, i }));
  const ends = coefficients.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]);
  const [from, to] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  return draw({
    label: `Largest coefficients: ${
      coefficients.slice(0, 5).map(({ column, value }) => `${axisName(column)} ${odds(value)}`).join(", ")
    }`,
    height: 50 + barHeight * coefficients.length,
    marginLeft: nameMargin,
    marginRight: 18,
    x: {
      label: "Odds of a click multiplied by",
      domain: from < to ? [from, to] : [-1, 1],
      ticks: factorTicks(from, to),
      tickFormat: factorTick,
      grid: true,
    },
    y: {
      label: null,
      type: "band",
      tickSize: 0,
      tickFormat: (i: number) => axisName(coefficients[i].column),
    },
    marks: [
      Plot.ruleX([0], { stroke: "var(--muted)" }),
      Plot.link(rows.filter(({ low, high }) => low !== undefined && high !== undefined), {
        x1: "low",
        x2: "high",
        y1: "i",
        y2: "i",
        stroke: "var(--observed)",
        strokeWidth: 2,
        strokeOpacity: 0.55,
      }),
      Plot.dot(rows, {
        x: "value",
        y: "i",
        r: 4.5,
        fill: ({ value }: Coefficient) => value < 0 ? "var(--down)" : "var(--up)",
        title: ({ column, value, low, high }: Coefficient) =>
          `${axisName(column)}: odds ${odds(value)}, log-odds ${figure(value)}${range(low, high)}`,
      }),
    ],
    color: { type: "identity" },
  });
}

function coefficientsTable(coefficients: readonly Coefficient[], intercept: number): Markup {
  return tableOf({
    label: "Coefficients",
    head: ["column", "log-odds", "from", "to", "odds"],
    rows: [
      ["intercept", decimals(intercept), "-", "-", "-"],
      ...coefficients.map(({ column, value, low, high }) => [
        named(column),
        decimals(value),
        low === undefined ? "-" : decimals(low),
        high === undefined ? "-" : decimals(high),
        odds(value),
      ]),
    ],
  });
}
