import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "../support/program.ts";
import { listFiles } from "../support/source_graph.ts";

/** Pages with a maximum length: additions replace something. */
const linesMax: Readonly<Record<string, number>> = { "README.md": 120, "ARCHITECTURE.md": 130 };
const decisionLinesMax = 40;

const pages = listFiles().filter((path) => path.endsWith(".md"));
const decisions = pages.filter((path) => /^docs\/decisions\/\d{4}-[\w-]+\.md$/.test(path));
const textOf = (path: string) => Deno.readTextFileSync(join(root, path));

Deno.test("docs: README.md, ARCHITECTURE.md and decisions stay short", () => {
  const limits = [...Object.entries(linesMax), ...decisions.map((path) => [path, decisionLinesMax] as const)];
  const lengths = limits.map(([path, max]) => ({ path, max, lines: textOf(path).split("\n").length - 1 }));
  assert.deepEqual(lengths.filter(({ lines, max }) => lines > max), []);
});

Deno.test("docs: decisions are numbered without a gap, and the index has each with its title", () => {
  assert.ok(decisions.length > 0);
  const index = textOf("docs/decisions/README.md");
  decisions.forEach((path, i) => {
    const number = String(i + 1).padStart(4, "0");
    const [, title, successor] = /^# \d{4}\. (.+)\n(?:\nReplaced by \[(\d{4})\])?/.exec(textOf(path)) ?? [];
    const entry = `${title}${successor === undefined ? "" : `; replaced by ${successor}`}`;
    assert.ok(basename(path).startsWith(number) && textOf(path).startsWith(`# ${number}. `), path);
    assert.ok(index.includes(`- [${number}](${basename(path)}) ${entry}\n`), `the index lacks ${path}`);
  });
});

Deno.test("docs: every page of docs/ is reached from the README", () => {
  const reached = new Set(["README.md"]);
  for (const path of reached) {
    for (const [, target] of textOf(path).matchAll(/\]\((?!\w+:|#)([^)#\s]+\.md)/g)) {
      reached.add(join(path, "..", target));
    }
  }
  assert.deepEqual(pages.filter((path) => path.startsWith("docs/") && !reached.has(path)), []);
});

Deno.test("docs: paths that a page names are there", () => {
  const path = /`((?:bench|clients|commands|docs|packaging|pipeline|server|tests)\/[\w./-]*)`/g;
  const missing = pages.filter((page) => page !== "CHANGELOG.md").flatMap((page) =>
    [...textOf(page).matchAll(path)].filter(([, named]) => !existsSync(join(root, named)))
      .map(([, named]) => `${page}: ${named}`)
  );
  assert.deepEqual(missing, []);
});

Deno.test("docs: ARCHITECTURE.md names every room", () => {
  const text = textOf("ARCHITECTURE.md");
  const rooms = ["pipeline", "server"].flatMap((floor) =>
    [...Deno.readDirSync(join(root, floor))].filter(({ isDirectory }) => isDirectory).map(({ name }) => name)
  );
  assert.deepEqual(rooms.filter((name) => !new RegExp(`\`(?:pipeline/|server/)?${name}\``).test(text)), []);
});
