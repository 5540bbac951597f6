import * as Plot from "@observablehq/plot";
import type { FieldCurve } from "../report/model_report.ts";
import {
  type DrawnPart,
  effectBars,
  effectDomain,
  effectSummary,
  hasPrediction,
  hasRate,
  placed,
  rateTop,
  rateWords,
  summary,
} from "./curve_parts.ts";
import { draw } from "./drawing.ts";
import { type Markup, markup, shortened, shortenedInside } from "./markup.ts";
import { percentTick } from "./numbers.ts";
import { factorTick, factorTicks } from "./odds.ts";

const rowHeight = 20;
const nameWidth = 124;

/** Draws levels from top to bottom: rates on the left, what they add on the right. */
export function drawLevels({ field }: FieldCurve, parts: readonly DrawnPart[]): Markup {
  const levels = placed(parts);
  const name = shortened(field, 60);
  const frame = {
    height: 54 + rowHeight * Math.max(1, levels.length),
    marginTop: 8,
    marginBottom: 46,
  } as const;
  const y = {
    type: "band",
    domain: levels.map(({ i }) => i),
    padding: 0.15,
    label: null,
    tickSize: 0,
  } as const;
  const rates = draw({
    label: `Click rate by ${name}: ${summary(levels)}`,
    width: 260,
    ...frame,
    marginLeft: nameWidth,
    marginRight: 14,
    x: { domain: [0, rateTop(levels)], label: "Click rate", tickFormat: percentTick, ticks: 2, grid: true },
    y: { ...y, tickFormat: (i: number) => shortenedInside(levels[i].name, 15) },
    marks: [
      Plot.link(levels.filter(hasRate), {
        x1: "rateLow",
        x2: "rateHigh",
        y1: "i",
        y2: "i",
        stroke: "var(--observed)",
        strokeWidth: 2,
        strokeOpacity: 0.55,
      }),
      Plot.tickX(levels.filter(hasPrediction), {
        x: "predicted",
        y: "i",
        stroke: "var(--model)",
        strokeWidth: 3,
      }),
      Plot.dot(levels.filter(hasRate), {
        x: "observed",
        y: "i",
        r: 3.5,
        fill: "var(--observed)",
        stroke: "var(--card)",
        title: rateWords,
      }),
    ],
  });
  const [from, to] = effectDomain(levels);
  const adds = draw({
    label: `What ${name} adds: ${effectSummary(levels)}`,
    width: 140,
    ...frame,
    marginLeft: 14,
    marginRight: 14,
    x: {
      domain: [from, to],
      label: "Odds multiplied by",
      ticks: factorTicks(from, to, 3),
      tickFormat: factorTick,
      grid: true,
    },
    y: { ...y, axis: null },
    marks: effectBars(levels, "horizontal"),
    color: { type: "identity" },
  });
  return markup`<div class="beside">${rates}${adds}</div>`;
}
