import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type { ServerOptions } from "../../../server/server.ts";
import { closeBrowser, hasBrowser, type Trail, visit } from "../../support/browser.ts";
import { type RunningServer, runServer } from "../../support/running_server.ts";
import { probabilityOf, row } from "../../support/served_models.ts";

const token = "t0ken-of-the-admin";

Deno.test.afterAll(closeBrowser);

function pageTest(
  name: string,
  look: (page: Page, running: RunningServer, trail: Trail) => Promise<void>,
  options: Partial<ServerOptions> = {},
): void {
  Deno.test({
    name: `docs page: ${name}`,
    ignore: !hasBrowser,
    // All tests share one browser, and the resources of its client.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      await using running = await runServer({ drainTimeoutMs: 500, ...options });
      await visit(`${running.server.origin}/`, { look: (page, trail) => look(page, running, trail) });
    },
  });
}

function percent(probability: number): string {
  return `${(100 * probability).toFixed(1)} %`;
}

function figure(page: Page, text: string): Promise<void> {
  return page.locator(".figure", { hasText: text }).waitFor({ timeout: 5_000 });
}

pageTest(
  "/ redirects a browser there, and nothing is loaded from elsewhere or blocked",
  async (page, running, trail) => {
    await figure(page, "%");
    const { origin } = running.server;
    assert.equal(page.url(), `${origin}/docs`);
    assert.deepEqual(trail.urls.filter((url) => !url.startsWith(`${origin}/`)), []);
    assert.ok(trail.urls.includes(`${origin}/docs/style.css`));
    assert.deepEqual(trail.errors, []);
  },
);

pageTest("the form starts with a row that the model knows, and its probability", async (page, { models }) => {
  await figure(page, percent(probabilityOf(models.first)));
  assert.equal(await page.inputValue("#field-loan_purpose"), row.loan_purpose);
  assert.equal(await page.inputValue("#field-apr"), String(row.apr));
  assert.equal(
    await page.locator(".field").count(),
    Object.keys(row).length,
    "keys of the store are no fields",
  );
  const levels = await page.locator("#field-credit-levels option").evaluateAll((options) =>
    options.map((option) => option.getAttribute("value"))
  );
  assert.deepEqual(levels, ["fair", "good"]);
});

pageTest(
  "the probability follows the input: a number, nothing, an unknown category",
  async (page, { models }) => {
    const { first } = models;
    await page.fill("#field-requested", "1000");
    await figure(page, percent(probabilityOf(first, { ...row, requested: 1000 })));
    await page.fill("#field-annual_income", "");
    await figure(page, percent(probabilityOf(first, { ...row, requested: 1000, annual_income: null })));
    await page.fill("#field-lender_id", "nobody");
    await page.locator("#field-lender_id-note", { hasText: "not seen in training" }).waitFor();
  },
);

pageTest("a field that must not be empty shows an error", async (page) => {
  await figure(page, "%");
  await page.fill("#field-apr", "");
  await page.locator("#field-apr-note", { hasText: "must be a number" }).waitFor();
  assert.equal(await page.getAttribute("#field-apr", "aria-invalid"), "true");
});

pageTest(
  "a call is sent as shown, and shown as a curl command",
  async (page, { server, models }) => {
    await page.click("nav a[href='#assignModel']");
    const call = page.locator("#assignModel");
    await call.locator("textarea").fill('{"model_id":2}');
    assert.equal(
      await call.locator(".copyable code").textContent(),
      `curl -s ${server.origin}/model -H 'content-type: application/json' -d '{"model_id":2}'`,
    );
    await call.locator(".send").click();
    await call.locator(".status", { hasText: "200" }).waitFor();
    assert.match(await call.locator(".answer pre").textContent() ?? "", new RegExp(models.second.id));
    // The rest of the page follows.
    await page.locator("#model", { hasText: models.second.id }).waitFor();
    await figure(page, percent(probabilityOf(models.second)));
  },
);

pageTest("path and query parameters are filled in", async (page) => {
  await page.click("nav a[href='#modelHistory']");
  const call = page.locator("#modelHistory");
  await call.locator(".parameter", { hasText: "limit" }).locator("input").fill("1");
  assert.match(await call.locator(".copyable code").textContent() ?? "", /\/model\/history\?limit=1'?$/);
  await call.locator(".send").click();
  await call.locator(".status", { hasText: "200" }).waitFor();
});

pageTest(
  "if writes require the token, the page asks for it, sends it, and omits it from curl commands",
  async (page, _, trail) => {
    await page.click("nav a[href='#assignModel']");
    const call = page.locator("#assignModel");
    await call.locator("textarea").fill('{"model_id":2}');
    await call.locator(".send").click();
    await call.locator(".status", { hasText: "401" }).waitFor();
    await page.fill(".token input", token);
    await call.locator(".send").click();
    await call.locator(".status", { hasText: "200" }).waitFor();
    assert.ok(!(await call.innerHTML()).includes(token));
    assert.ok(!trail.urls.some((url) => url.includes(token)));
  },
  { token },
);

pageTest("every operation of the document is on it", async (page, { server }) => {
  await figure(page, "%");
  const { paths } = await (await fetch(`${server.origin}/openapi.json`)).json();
  const ids = Object.values<Record<string, { operationId: string }>>(paths)
    .flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
  for (const id of ids) {
    assert.equal(await page.locator(`details#${id}`).count(), 1, id);
    await page.evaluate(`document.getElementById("${id}").open = true`);
  }
  assert.equal(await page.locator("details.operation[open] .send").count(), ids.length);
});

for (const colorScheme of ["light", "dark"] as const) {
  Deno.test({
    name: `docs page: with a ${colorScheme} color scheme it is ${colorScheme}, with enough contrast`,
    ignore: !hasBrowser,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      await using running = await runServer({ drainTimeoutMs: 500 });
      await visit(`${running.server.origin}/docs`, {
        colorScheme,
        async look(page) {
          await figure(page, "%");
          const styleOf = async (selector: string, property: string) =>
            String(
              await page.evaluate(`getComputedStyle(document.querySelector("${selector}")).${property}`),
            );
          const ground = await styleOf("body", "backgroundColor");
          const selectors = [".brand", ".muted", ".summary", ".method.get", ".method.put", ".document"];
          const words = await Promise.all(selectors.map((selector) => styleOf(selector, "color")));
          assert.equal(luminance(ground) > 0.5, colorScheme === "light");
          // Web Content Accessibility Guidelines 2.2, criterion 1.4.3.
          assert.deepEqual(words.filter((color) => contrast(color, ground) < 4.5), []);
        },
      });
    },
  });
}

/** @param color As `rgb(r, g, b)`. Relative luminance of WCAG 2.2. */
function luminance(color: string): number {
  const [r, g, b] = (color.match(/\d+/g) ?? []).map((channel) => {
    const value = Number(channel) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

Deno.test("docs page: all files come from this server, under a policy that allows nothing else", async () => {
  await using running = await runServer({ drainTimeoutMs: 500 });
  const { origin } = running.server;
  const page = await fetch(`${origin}/docs`);
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  const html = await page.text();
  const files = [...html.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)].map(([, path]) => path);
  assert.ok(files.length >= 3);
  for (const path of ["/docs", ...files]) {
    const response = await fetch(origin + path);
    const text = await response.text();
    assert.equal(response.status, 200, path);
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(
      policy,
      /^default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';/,
    );
    assert.doesNotMatch(text, /https?:\/\/(?!www\.w3\.org\/2000\/svg)/, `${path} names another host`);
  }
});

Deno.test("GET /: programs get JSON, browsers the docs page", async () => {
  await using running = await runServer({ drainTimeoutMs: 500 });
  for (const accept of ["*/*", "application/json"]) {
    const response = await fetch(`${running.server.origin}/`, { headers: { accept } });
    assert.equal((await response.json()).name, "clickwell");
    assert.match(response.headers.get("vary") ?? "", /\baccept$/);
  }
});
