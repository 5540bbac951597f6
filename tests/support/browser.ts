import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const executablePath = "/usr/bin/chromium";

/** Whether there is a browser for tests of pages; without one, a message is logged. */
export const hasBrowser = existsSync(executablePath);
if (!hasBrowser) {
  console.log(`skipped: pages in a browser: ${executablePath} is not there (Debian: chromium).`);
}

/** What a page did that its visitor does not see. */
export interface Trail {
  /** Of every request, in the order in which they were made. */
  readonly urls: string[];
  /** Errors that the console shows: of scripts, of what the policy forbids, of what could not be loaded. */
  readonly errors: string[];
}

/** Started at the first visit: a test file has one, and ends it by {@link closeBrowser}. */
let started: Promise<Browser> | undefined;

/** Opens a page that knows of no other, and closes it after the visit. */
export async function visit(
  url: string,
  { colorScheme, width = 1280, look }: {
    readonly colorScheme?: "light" | "dark";
    /** Of the window, in CSS pixels. */
    readonly width?: number;
    readonly look: (page: Page, trail: Trail) => Promise<void>;
  },
): Promise<void> {
  started ??= chromium.launch({
    executablePath,
    args: [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ],
  });
  const context = await (await started).newContext({
    colorScheme: colorScheme ?? "light",
    viewport: { width, height: 720 },
  });
  try {
    const page = await context.newPage();
    const trail: Trail = { urls: [], errors: [] };
    page.on("request", (request) => trail.urls.push(request.url()));
    page.on("pageerror", (error) => trail.errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && trail.errors.push(message.text()));
    await page.goto(url);
    await look(page, trail);
  } finally {
    await context.close();
  }
}

export async function closeBrowser(): Promise<void> {
  await (await started)?.close();
}
