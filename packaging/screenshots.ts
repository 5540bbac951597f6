/**
 * Writes the screenshots that README.md and docs/report.md show:
 *
 *     deno task screenshots [REPORT.html]
 *
 * They are of the report of a model of generated loan offers, or of a given page, in Debian's chromium.
 */
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium, type Page } from "playwright-core";
import { renderReport } from "../pipeline/report_page/render_report.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "docs/images");
const bytesMax = 150_000;

interface Screenshot {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly colorScheme: "light" | "dark";
  /** The heading at the top; without one, the top of the page. */
  readonly at?: string;
}

const screenshots: readonly Screenshot[] = [
  { name: "report", width: 1200, height: 1300, colorScheme: "light" },
  { name: "report-fields", width: 1200, height: 800, colorScheme: "light", at: "fields" },
  { name: "report-ranking", width: 1200, height: 720, colorScheme: "dark", at: "ranking" },
  { name: "report-phone", width: 390, height: 844, colorScheme: "dark" },
];

async function main(given: string | undefined): Promise<void> {
  const path = given ?? await renderStored();
  await Deno.mkdir(folder, { recursive: true });
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu"],
  });
  try {
    for (const screenshot of screenshots) {
      const { name, width, height, colorScheme, at } = screenshot;
      const page = await browser.newPage({ colorScheme, viewport: { width, height } });
      await page.goto(pathToFileURL(path).href);
      if (at !== undefined) {
        await page.evaluate(
          `document.getElementById(${JSON.stringify(at)}).scrollIntoView({ behavior: "instant" })`,
        );
      }
      const bytes = await capture(page);
      if (bytes.length > bytesMax) {
        throw new Error(`${name} has ${bytes.length} bytes, expected at most ${bytesMax}.`);
      }
      await Deno.writeFile(join(folder, `${name}.webp`), bytes);
      console.error(`docs/images/${name}.webp  ${(bytes.length / 1000).toFixed(0)} kB`);
    }
  } finally {
    await browser.close();
    if (given === undefined) await Deno.remove(path);
  }
}

/** Renders the report that tests use. */
async function renderStored(): Promise<string> {
  const { report } = JSON.parse(await Deno.readTextFile(join(root, "tests/fixtures/report/report.json")));
  const path = await Deno.makeTempFile({ suffix: ".html" });
  await Deno.writeTextFile(path, renderReport(report).html);
  return path;
}

/** Takes a screenshot as WebP, which Playwright itself does not write. */
async function capture(page: Page): Promise<Uint8Array> {
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 82 });
  return Uint8Array.fromBase64(data);
}

await main(Deno.args[0]);
