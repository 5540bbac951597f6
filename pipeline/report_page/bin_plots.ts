import * as Plot from "@observablehq/plot";
import type { FieldCurve } from "../report/model_report.ts";
import {
  type DrawnPart,
  effectBars,
  effectDomain,
  effectSummary,
  hasPrediction,
  hasRate,
  type Placed,
  placed,
  rateTop,
  rateWords,
  summary,
} from "./curve_parts.ts";
import { draw, plotWidth } from "./drawing.ts";
import { type Markup, markup, shortened } from "./markup.ts";
import { figure, percentTick } from "./numbers.ts";
import { factorTick, factorTicks } from "./odds.ts";

const margins = { marginLeft: 50, marginRight: 10 } as const;

/** Draws bins from left to right, then what is in none: rates above, what they add below. */
export function drawBins({ field }: FieldCurve, parts: readonly DrawnPart[]): Markup {
  const bins = placed([
    ...parts.filter(({ isLevel }) => isLevel),
    ...parts.filter(({ isLevel }) => !isLevel),
  ]);
  const ranges = bins.filter(({ isLevel }) => isLevel);
  // An empty place divides them.
  const domain = ranges.length < bins.length
    ? [...ranges.keys(), -1, ...bins.slice(ranges.length).map(({ i }) => i)]
    : [...bins.keys()];
  const x = { type: "band", domain, padding: 0.1, axis: null } as const;
  const name = shortened(field, 60);
  return markup`<div class="stack">${drawRates(bins, { x, name })}${drawEffects(bins, { x, name })}</div>`;
}

interface Frame {
  readonly x: Plot.ScaleOptions;
  readonly name: string;
}

function drawRates(bins: readonly Placed[], { x, name }: Frame): Markup {
  const top = rateTop(bins);
  const rowsMost = Math.max(1, ...bins.map(({ rows }) => rows));
  const predicted = bins.filter(hasPrediction);
  return draw({
    label: `Click rate by ${name}: ${summary(bins)}`,
    height: 200,
    ...margins,
    marginBottom: 6,
    x,
    y: { domain: [0, top], label: "Click rate", tickFormat: percentTick, ticks: 4, grid: true },
    marks: [
      Plot.barY(bins, {
        x: "i",
        y: ({ rows }: Placed) => 0.3 * top * rows / rowsMost,
        fill: "var(--rows)",
        title: rateWords,
      }),
      Plot.line(predicted.filter(({ isLevel }) => isLevel), {
        x: "i",
        y: "predicted",
        stroke: "var(--model)",
        strokeWidth: 2.5,
      }),
      Plot.tickY(predicted.filter(({ isLevel }) => !isLevel), {
        x: "i",
        y: "predicted",
        stroke: "var(--model)",
        strokeWidth: 2.5,
      }),
      Plot.link(bins.filter(hasRate), {
        x1: "i",
        x2: "i",
        y1: "rateLow",
        y2: "rateHigh",
        stroke: "var(--observed)",
        strokeWidth: 2,
        strokeOpacity: 0.55,
      }),
      Plot.dot(bins.filter(hasRate), {
        x: "i",
        y: "observed",
        r: 3.5,
        fill: "var(--observed)",
        stroke: "var(--card)",
        title: rateWords,
      }),
    ],
  });
}

function drawEffects(bins: readonly Placed[], { x, name }: Frame): Markup {
  const [from, to] = effectDomain(bins);
  return draw({
    label: `What ${name} adds: ${effectSummary(bins)}`,
    height: 160,
    ...margins,
    marginTop: 30,
    marginBottom: 24,
    x,
    y: {
      domain: [from, to],
      label: "Odds multiplied by",
      ticks: factorTicks(from, to, 4),
      tickFormat: factorTick,
      grid: true,
    },
    marks: [
      Plot.axisX(namesShown(bins), {
        label: null,
        tickSize: 0,
        tickFormat: (i: number) => binName(bins[i]),
      }),
      ...effectBars(bins, "vertical"),
    ],
    color: { type: "identity" },
  });
}

/** Picks the bins that are named below the plot, so that names do not touch. */
function namesShown(bins: readonly Placed[]): number[] {
  const others = bins.filter(({ isLevel }) => !isLevel);
  const ranges = bins.length - others.length;
  const longest = Math.max(1, ...bins.slice(0, ranges).map((bin) => binName(bin).length));
  const places = bins.length + (others.length > 0 ? 1 : 0);
  const step = Math.ceil(places * (7.2 * longest + 10) / (plotWidth - 60));
  const room = Math.max(0, others.length > 0 ? ranges - Math.ceil(step / 2) : ranges);
  return [
    ...Array.from({ length: Math.ceil(room / step) }, (_, i) => i * step),
    // There is room for one of them.
    ...others.slice(0, 1).map(({ i }) => i),
  ];
}

function binName({ name, isLevel, from, to }: DrawnPart): string {
  if (!isLevel) return shortened(name.replace(/[()]/g, ""), 9);
  if (from !== undefined) return figure(from);
  return to === undefined ? shortened(name, 9) : `< ${figure(to)}`;
}
