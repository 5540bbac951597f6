import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DOMParser } from "linkedom";
import { renderReport, reportPolicy, styleHashes } from "../../../pipeline/report_page/render_report.ts";
import type { ModelReport } from "../../../pipeline/report/model_report.ts";
import {
  fullReport,
  hiddenLayersReport,
  hostileReport,
  hostileTexts,
  largestReport,
  smallestReport,
  usualReport,
} from "../../support/made_reports.ts";

const bytesMax = 2_000_000;

const reports: Readonly<Record<string, ModelReport>> = {
  "of a usual training": usualReport,
  "with slices, times, thresholds and another model": fullReport,
  "of one field, without held-out rows and without a trace": smallestReport,
  "of a model with hidden layers": hiddenLayersReport,
};

const parsed = (html: string) => new DOMParser().parseFromString(html, "text/html");

const titlesOf = (report: ModelReport) =>
  [...parsed(renderReport(report).html).querySelectorAll("h3")].map(({ textContent }) => textContent);

Deno.test("the report: above each plot or table stands what it shows, and it has words for those who do not see it", () => {
  for (const [name, report] of Object.entries(reports)) {
    const page = parsed(renderReport(report).html);
    for (const card of page.querySelectorAll("figure")) {
      const [title, says] = ["h3", "p"].map((tag) =>
        card.querySelector(`figcaption ${tag}`)?.textContent ?? ""
      );
      assert.ok(title.length > 0, name);
      assert.match(says, /\w.*[.]$/, `${name}: ${title}`);
      assert.doesNotMatch(says, /undefined|NaN|Infinity|null|object/, `${name}: ${title}`);
    }
    const plots = [...page.querySelectorAll("svg")];
    assert.ok(plots.length >= 5, name);
    for (const plot of plots) {
      assert.equal(plot.getAttribute("role"), "img");
      assert.match(plot.getAttribute("aria-label") ?? "", /\w{4}/);
      assert.match(plot.getAttribute("viewBox") ?? "", /^0 0 \d+ \d+/);
      assert.doesNotMatch(plot.outerHTML, /NaN|Infinity|undefined/, name);
    }
  }
});

Deno.test("the report has everything that an evaluation and a training have to show", () => {
  const titles = titlesOf(fullReport);
  for (
    const title of [
      "Predicted and observed click rate",
      "How the probabilities are distributed",
      "What choosing the best rows gains",
      "ROC curve: clicks found against false alarms",
      "Precision and recall",
      "Choosing rows by a threshold",
      "Both models, metric by metric",
      "Click rate by week",
      "By lender_id",
      "Importance of the fields",
      "Coefficients",
      ...fullReport.curves.map(({ field }) => field),
      "loan_purpose × credit",
      "Rows",
      "Fields",
      "What the training noted",
      "Search for the best coefficients",
      "Hyper-parameters",
    ]
  ) assert.ok(titles.includes(title), title);
});

Deno.test("the report leaves out what a model does not have, and says so where it would be missed", () => {
  const hidden = titlesOf(hiddenLayersReport);
  assert.ok(!hidden.includes("Coefficients") && !hidden.includes("Which fields act together?"));
  assert.match(renderReport(hiddenLayersReport).html, /was not measured for this model/);
  assert.ok(hidden.includes("Training, epoch by epoch"));
  const text = parsed(renderReport(smallestReport).html).body.textContent;
  assert.match(text, /The steps of this training were not recorded/);
  assert.match(text, /On rows that it learned from a model looks better than it is/);
  assert.doesNotMatch(text, /Which fields act together/);
});

Deno.test("the report says how good the model is against the click rate and the strongest field, and on which rows", () => {
  const text = (report: ModelReport) =>
    parsed(renderReport(report).html).querySelector(".verdict")?.textContent ?? "";
  assert.match(
    text(usualReport),
    /^\s*Good The model predicts far better .*: its error is 21\.2.% smaller\./,
  );
  assert.match(text(usualReport), /It is also better than lender_id alone/);
  assert.match(text(usualReport), /Measured on 5,948 rows: held-out rows/);
  assert.match(
    text({ ...usualReport, sampled_from: 90_000 }),
    /Measured on 5,948 rows, a sample of 90,000 by group/,
  );
  assert.match(text(smallestReport), /^\s*Fair/);
  const { evaluation } = usualReport;
  const chance = { value: 0.001, low: -0.001, high: 0.003 };
  const base_rate = { ...evaluation.baselines.base_rate, difference: chance };
  const weak = { ...usualReport, evaluation: { ...evaluation, baselines: { base_rate } } };
  assert.match(text(weak), /^\s*Look closer The model predicts .* a difference that chance may explain/);
});

Deno.test("the same report gives the same bytes", () => {
  assert.equal(renderReport(fullReport).html, renderReport(structuredClone(fullReport)).html);
});

Deno.test("the report has no script, no style attribute, no link to elsewhere, and a policy that allows its style block alone", () => {
  for (const [name, report] of Object.entries(reports)) {
    const { html, styleHashes: own } = renderReport(report);
    assert.doesNotMatch(html, /<script|\son\w+=|\sstyle=|<link|<iframe|<img|@import|url\(/i, name);
    const page = parsed(html);
    const targets = [...page.querySelectorAll("[href], [src]")].map((element) =>
      element.getAttribute("href")
    );
    for (const target of targets) assert.ok(page.getElementById(String(target).slice(1)), String(target));
    const blocks = [...html.matchAll(/<style[^>]*>([^]*?)<\/style>/g)].map(([, text]) => text);
    assert.deepEqual(blocks.map((text) => createHash("sha256").update(text).digest("base64")), own);
    assert.deepEqual(own, styleHashes);
    assert.equal(
      page.querySelector("meta[http-equiv]")?.getAttribute("content"),
      reportPolicy,
    );
    assert.equal(reportPolicy, `default-src 'none'; style-src 'sha256-${own[0]}'`);
  }
});

Deno.test("the report escapes all text of users: names, levels, notes", () => {
  const tagsOf = (html: string) =>
    [...parsed(html).querySelectorAll("*")].map(({ localName }) => localName).filter((name) =>
      name !== "title"
    );
  const expected = new Set(tagsOf(renderReport(fullReport).html));
  for (const text of hostileTexts) {
    const { html } = renderReport(hostileReport(text));
    assert.deepEqual(tagsOf(html).filter((tag) => !expected.has(tag)), [], text.slice(0, 40));
    assert.doesNotMatch(html, /<script|<img|(?!\n)[\p{Cc}\p{Cf}\p{Cs}]/u, text.slice(0, 40));
    assert.equal([...html.matchAll(/<\/style>/g)].length, 1);
    assert.ok(html.length < bytesMax);
  }
  const [first, , entities] = hostileTexts;
  for (const text of [first, entities]) {
    const page = parsed(renderReport(hostileReport(text)).html);
    assert.equal(page.querySelector("h1")?.textContent, text);
    const shown = [...page.querySelectorAll("svg title")].map(({ textContent }) => textContent);
    assert.ok(shown.some((title) => title.startsWith(text)), "a title in a plot");
    assert.ok(
      [...page.querySelectorAll("svg")].some((plot) => plot.getAttribute("aria-label").includes(text)),
    );
  }
});

Deno.test("the report of 2,000 columns and of many crosses is below 2 MB: what moves predictions most is drawn, the rest is listed", () => {
  const { html } = renderReport(largestReport());
  const { byteLength } = new TextEncoder().encode(html);
  assert.ok(byteLength < bytesMax, `${byteLength} bytes`);
  assert.match(html, /fields that move predictions less/);
  assert.match(html, /Not drawn, since they matter less/);
  assert.match(html, /The 200 largest of 2,000 coefficients/);
});
