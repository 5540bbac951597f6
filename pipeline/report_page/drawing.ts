import * as Plot from "@observablehq/plot";
import { DOMParser } from "linkedom";
import { type Markup, markup, shortenedInside } from "./markup.ts";

/** Width of a plot in its own units: that of a phone, so that its text can be read there. */
export const plotWidth = 400;

/** Plots are drawn to the nodes of this document. */
const document = new DOMParser().parseFromString("<!doctype html><html><body></body></html>", "text/html");

/** Attributes whose numbers are positions. */
const positions = /^(d|transform|points|width|height|c[xy]|r[xy]?|[xy][12]?|d[xy])$/;

/**
 * Draws a plot as SVG that needs no script, no style attribute and no style block: colours and sizes are presentation attributes and
 * classes of the page. Positions are rounded to a hundredth of a unit, which no eye sees.
 *
 * @param label What the plot shows, for those who do not see it.
 */
export function draw({ label, x, y, ...options }: Plot.PlotOptions & { readonly label: string }): Markup {
  const isNamed = typeof x?.label === "string";
  const drawn = Plot.plot({
    width: plotWidth,
    marginTop: typeof y?.label === "string" ? 30 : 12,
    marginBottom: isNamed ? 44 : 30,
    ...options,
    x: { labelArrow: "none", ...(isNamed ? { labelAnchor: "center", labelOffset: 40 } : {}), ...x },
    y: { labelArrow: "none", ...y },
    className: "plot",
    document: document as Plot.PlotOptions["document"],
  });
  if (drawn.localName !== "svg") throw new Error("a plot is one svg, without a figure around it");
  // Its viewBox gives the shape; the page gives the width.
  for (const name of ["width", "height", "font-family"]) drawn.removeAttribute(name);
  for (const style of [...drawn.querySelectorAll("style")]) style.remove();
  for (const element of [drawn, ...drawn.querySelectorAll("*")]) {
    // The plot has one label, and is one picture for those who do not see it.
    if (element !== drawn) {
      for (const name of ["aria-label", "aria-hidden"]) element.removeAttribute(name);
    }
    for (const { name, value } of [...element.attributes]) {
      if (name === "style") throw new Error(`a plot has the style attribute ${value}`);
      if (positions.test(name)) element.setAttribute(name, rounded(value));
    }
  }
  // Its label is written here, since linkedom leaves < in attributes.
  const opening = markup`<svg role="img" aria-label="${label}" `;
  return { markup: opening.markup + drawn.outerHTML.replace(/^<svg /, "").replace(/ \/>/g, "/>") };
}

function rounded(value: string): string {
  return value.replace(/-?\d+\.\d{3,}(e-?\d+)?/g, (digits) => String(Number(Number(digits).toFixed(2))));
}

/** Room for a name beside an axis. */
export const nameMargin = 146;

/** A name beside an axis. */
export function axisName(name: string): string {
  return shortenedInside(name, 18);
}
