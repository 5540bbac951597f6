import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { renderReport } from "../../../pipeline/report_page/render_report.ts";
import type { ModelReport } from "../../../pipeline/report/model_report.ts";
import { closeBrowser, hasBrowser, visit } from "../../support/browser.ts";
import {
  fullReport,
  hiddenLayersReport,
  hostileReport,
  hostileTexts,
  smallestReport,
} from "../../support/made_reports.ts";
import { inFolder } from "../../support/program.ts";

type Look = Parameters<typeof visit>[1];

/** Writes the report to a file and opens it. */
function open(report: ModelReport, look: Look): Promise<void> {
  return inFolder(async (folder) => {
    const path = join(folder, "a report.html");
    Deno.writeTextFileSync(path, renderReport(report).html);
    await visit(pathToFileURL(path).href, look);
  });
}

Deno.test.afterAll(closeBrowser);

const inBrowser = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, fn, ignore: !hasBrowser, sanitizeOps: false, sanitizeResources: false });

const evaluate = <T>(page: Page, expression: string) => page.evaluate(expression) as Promise<T>;

const reports = {
  "full": fullReport,
  "hidden layers": hiddenLayersReport,
  "smallest": smallestReport,
  "hostile": hostileReport(hostileTexts[0]),
};

inBrowser(
  "the report opens from a file: no request, no error, no script of a hostile name, and every plot has marks",
  async () => {
    for (const [name, report] of Object.entries(reports)) {
      await open(report, {
        async look(page, { urls, errors }) {
          let alerts = 0;
          page.on("dialog", () => alerts++);
          assert.deepEqual([urls.length, errors, alerts], [1, [], 0], name);
          const marks = await evaluate<number[]>(
            page,
            "[...document.querySelectorAll('svg')].map((plot) => [...plot.querySelectorAll('path, rect, circle, line')]" +
              ".filter((mark) => { const { width, height } = mark.getBoundingClientRect(); return width + height > 0 }).length)",
          );
          assert.ok(marks.length > 5 && marks.every((count) => count > 2), `${name}: ${marks}`);
        },
      });
    }
  },
);

inBrowser("the report is dark where the visitor's system is, and light in print", async () => {
  const ground = "getComputedStyle(document.body).backgroundColor";
  for (
    const [colorScheme, colour] of [["light", "rgb(245, 246, 248)"], ["dark", "rgb(14, 19, 24)"]] as const
  ) {
    await open(fullReport, {
      colorScheme,
      async look(page) {
        assert.equal(await evaluate(page, ground), colour);
        await page.emulateMedia({ media: "print", colorScheme });
        assert.equal(await evaluate(page, ground), "rgb(255, 255, 255)");
        const details = "document.querySelector('details .table').getBoundingClientRect().height";
        assert.ok(await evaluate<number>(page, details) > 0, "what is shown on request is printed");
      },
    });
  }
});

inBrowser(
  "the report does not scroll sideways on a phone of 360 pixels, and its plots can be read there",
  async () => {
    for (const [name, report] of Object.entries(reports)) {
      await open(report, {
        width: 360,
        async look(page) {
          const sizes = await evaluate<number[]>(
            page,
            "[document.documentElement.scrollWidth, Math.max(...[...document.querySelectorAll('svg')].map((plot) => plot.getBoundingClientRect().right))]",
          );
          assert.equal(sizes[0], 360, name);
          assert.ok(sizes[1] <= 360, name);
          const text = await evaluate<number>(
            page,
            "Math.min(...[...document.querySelectorAll('svg text')].map((text) => Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b) * parseFloat(getComputedStyle(text).fontSize)))",
          );
          assert.ok(text >= 9.5, `${name}: ${text} pixels`);
        },
      });
    }
  },
);

inBrowser(
  "axe finds no serious fault in the report, in light and dark, on a desk and on a phone",
  async () => {
    for (const report of [fullReport, hostileReport(hostileTexts[3])]) {
      for (
        const [colorScheme, width] of [["light", 1280], ["dark", 1280], ["light", 360], [
          "dark",
          360,
        ]] as const
      ) {
        await open(report, {
          colorScheme,
          width,
          async look(page) {
            await page.evaluate(axe.source);
            const violations = await evaluate<{ id: string; impact: string; nodes: { html: string }[] }[]>(
              page,
              "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)",
            );
            const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical")
              .map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`);
            assert.deepEqual(serious, [], `${colorScheme}, ${width}`);
          },
        });
      }
    }
  },
);
