import { createHash } from "node:crypto";
import type { ModelReport } from "../report/model_report.ts";
import { calibrationSection } from "./calibration.ts";
import { type Section, sectionOf } from "./card.ts";
import { comparisonSection } from "./comparison_section.ts";
import { slicesSection, timeSection } from "./divided.ts";
import { driversSection } from "./drivers.ts";
import { curvesSection } from "./field_curves.ts";
import { crossesSection } from "./heat.ts";
import { type Markup, markup, shortened } from "./markup.ts";
import { rankingSection } from "./ranking.ts";
import { style } from "./style.ts";
import { summaryOf } from "./summary.ts";
import { dataSection, trainingSection } from "./training_data.ts";

export interface ReportPage {
  /** A file of HTML that needs no other file, no script and no network: below 2 MB. */
  readonly html: string;
  /** SHA-256 of each style block, base64: a policy for the page allows these and nothing else. */
  readonly styleHashes: readonly string[];
}

/** Hashes of the style blocks, which are those of every report: a server need not render a page to name them. */
export const styleHashes: readonly string[] = [createHash("sha256").update(style).digest("base64")];

/** The policy under which a report is shown, as a header or in the page: its own styles, and nothing else. */
export const reportPolicy = `default-src 'none'; style-src ${
  styleHashes.map((hash) => `'sha256-${hash}'`).join(" ")
}`;

const navigation: Readonly<Record<string, string>> = {
  calibration: "Calibration",
  ranking: "Ranking",
  against: "Comparison",
  time: "Over time",
  slices: "Slices",
  drivers: "Drivers",
  fields: "Fields",
  crosses: "Combinations",
  data: "Data",
  training: "Training",
};

/**
 * Renders the report of a model for people who need not know statistics: above each plot stands what it shows and whether that is
 * good. The same report gives the same bytes.
 */
export function renderReport(report: ModelReport): ReportPage {
  const { evaluation } = report;
  const sections = [
    calibrationSection(evaluation),
    rankingSection(evaluation),
    comparisonSection(evaluation),
    timeSection(evaluation.by_time),
    slicesSection(evaluation.slices),
    driversSection(report),
    curvesSection(report.curves, report.importance),
    crossesSection(report.crosses),
    dataSection(report),
    trainingSection(report),
  ].filter((section) => section !== undefined);
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${reportPolicy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${shortened(report.columns.label, 60)}: report of ${report.model_id}</title>
<style>${{ markup: style }}</style>
</head>
<body>
<div class="page indexed">
${summaryOf(report)}${contentsOf(sections)}<main>
${sections.map(sectionOf)}</main>
<footer>Grades are rules of thumb for clicks. Written by clickwell ${report.program}.</footer>
</div>
</body>
</html>
`;
  return { html: page.markup, styleHashes };
}

function contentsOf(sections: readonly Section[]): Markup {
  return markup`<nav aria-label="Contents"><ul>${
    sections.map(({ id }) => markup`<li><a href="#${id}">${navigation[id]}</a></li>`)
  }</ul></nav>
`;
}
