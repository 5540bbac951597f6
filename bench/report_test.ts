import assert from "node:assert/strict";
import { join } from "node:path";
import { root } from "./bench.ts";
import { benchmarks } from "./benchmarks.ts";
import { quantity, times } from "./notation.ts";
import { toPage, toText } from "./report.ts";
import { bound, compare, readResults, type Result } from "./result.ts";

const ours = { name: "clickwell", samples: [{ seconds: 0.5 }, { seconds: 0.4 }, { seconds: 1.5 }] };
const peer = { name: "glum", samples: [{ seconds: 2 }, { seconds: 2 }, { seconds: 3 }] };

const result: Result = {
  name: "fit-l2",
  title: "Fit, l2",
  date: "2026-01-31",
  machine: "2 cores of a processor",
  versions: { clickwell: "0.1.0", glum: "3.4.1" },
  commands: ["clickwell train --C 1", "python bench/peer/fit.py"],
  rounds: 3,
  data: "1,000 offers",
  lines: [compare(ours, peer, { what: "fit", aim: 6 }), bound(ours, { what: "start", aim: 0.5 })],
  checks: [{ what: "equal objectives", holds: true }, { what: "equal answers", holds: false }],
  notes: ["Seconds are those of the fit."],
};

Deno.test("the report of a result shows medians, spread, ratio, aim, and whether it was reached", () => {
  const [title, headings, fit, start, ...rest] = toText(result).split("\n").map((line) => line.trim());
  assert.equal(title, "fit-l2: Fit, l2");
  assert.match(headings, /^clickwell +peer +times better +aim$/);
  assert.match(fit, /^fit +500 ms \(400 ms–1\.5 s\) +glum +2 s \(2 s–3 s\) +4× \(2×–5×\) +≥ 6× +missed$/);
  assert.match(start, /^start +500 ms \(400 ms–1\.5 s\) +≤ 500 ms +reached$/);
  assert.deepEqual(rest, [
    "✓ equal objectives",
    "✗ equal answers",
    "Seconds are those of the fit.",
    "data      1,000 offers",
    "machine   2 cores of a processor",
    "versions  clickwell 0.1.0, glum 3.4.1",
    "commands  clickwell train --C 1",
    "python bench/peer/fit.py",
  ]);
});

Deno.test("the page has a section with a table for each result, and reports what does not hold", () => {
  const page = toPage([result]);
  assert.match(page, /^## Fit, l2$/m);
  assert.match(
    page,
    /^\| fit \| 500 ms \(400 ms–1\.5 s\) \| glum \| 2 s \(2 s–3 s\) \| 4× \(2×–5×\) \| ≥ 6× \| missed \|$/m,
  );
  assert.match(page, /^- \*\*Does not hold:\*\* equal answers$/m);
  assert.match(page, /`deno task bench fit-l2`/);
  const rows = page.split("\n").filter((line) => line.startsWith("|"));
  assert.deepEqual(new Set(rows.map((row) => row.split("|").length)), new Set([9]));
});

Deno.test("docs/benchmarks.md is the page of the stored results", async () => {
  const results = await readResults(join(root, "bench/results"), Object.keys(benchmarks));
  assert.equal(await Deno.readTextFile(join(root, "docs/benchmarks.md")), toPage(results));
});

Deno.test("quantities have three digits and a unit of their size", () => {
  const cases = [
    [quantity(0.0004567, "seconds"), "0.457 ms"],
    [quantity(0.25, "seconds"), "250 ms"],
    [quantity(12.345, "seconds"), "12.3 s"],
    [quantity(3 * 2 ** 20, "bytes"), "3 MiB"],
    [quantity(143_210, "requests/s"), "143,000 /s"],
    [quantity(0.43449, "loss"), "0.4345"],
    [times(0.7064), "0.706×"],
    [times(1.00456, "loss"), "1.0046×"],
    [times(423.6), "424×"],
  ];
  for (const [found, expected] of cases) assert.equal(found, expected);
});
