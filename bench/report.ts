import { median } from "./measure.ts";
import { quantity, times } from "./notation.ts";
import { type Check, judge, type Line, type Result, type Unit, type Verdict } from "./result.ts";

const headings = ["", "clickwell", "peer", "", "times better", "aim", ""] as const;

/** Formats a result for a terminal. */
export function toText(result: Result): string {
  return [
    `${result.name}: ${result.title}`,
    ...table(result.lines.map(cellsOf)).map((line) => `  ${line}`),
    ...result.checks.map(({ what, holds }) => `  ${holds ? "✓" : "✗"} ${what}`),
    ...(result.notes ?? []).map((note) => `  ${note}`),
    `  data      ${result.data}`,
    `  machine   ${result.machine}`,
    `  versions  ${versionsOf(result)}`,
    ...result.commands.map((command, i) => `  ${i === 0 ? "commands" : "        "}  ${command}`),
  ].join("\n");
}

/** Returns the page of all results, docs/benchmarks.md. */
export function toPage(results: readonly Result[]): string {
  return [
    "# Benchmarks",
    "",
    "Written by `deno task bench --write` from `bench/results`; `deno task bench NAME` repeats one.",
    "",
    "The sides of a line run in alternation in the same session, each as a separate process, after a warm-up. A value is the",
    "median of the rounds with the smallest and the largest; *times better* is the median of the rounds' ratios, each of",
    "two adjacent runs. Peak memory is the maximum that the process held (`VmHWM`). The versions of the peers are",
    "pinned in `bench/requirements.txt`.",
    ...results.flatMap(toSection),
    "",
  ].join("\n");
}

function toSection(result: Result): string[] {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    "",
    `## ${result.title}`,
    "",
    row(headings),
    row(headings.map((_, i) => i === 0 || i === 2 ? "---" : "---:")),
    ...result.lines.map((line) => row(cellsOf(line))),
    "",
    ...result.checks.map((check) => `- ${checkText(check)}`),
    ...(result.notes ?? []).map((note) => `- ${note}`),
    `- Data: ${result.data}`,
    `- Machine: ${result.machine}, ${result.date}`,
    `- Versions: ${versionsOf(result)}`,
    `- Repeat: \`deno task bench ${result.name}\`, which runs`,
    "",
    "  ```sh",
    ...result.commands.map((command) => `  ${command}`),
    "  ```",
  ];
}

function checkText({ what, holds }: Check): string {
  return holds ? what : `**Does not hold:** ${what}`;
}

function versionsOf({ versions }: Result): string {
  return Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
}

function cellsOf(line: Line): string[] {
  const { what, unit, ours, peer, aim } = line;
  const { ratio, reached } = judge(line);
  return [
    what,
    spread(ours.values, unit),
    peer?.name ?? "",
    peer ? spread(peer.values, unit) : "",
    ratio ? ratioText(ratio, line) : "",
    aim === undefined ? "" : peer ? `≥ ${times(aim, unit)}` : `≤ ${quantity(aim, unit)}`,
    reached === undefined ? "" : reached ? "reached" : "missed",
  ];
}

/** A loss is a mean of its own, and has no spread over rounds. */
function ratioText({ median, min, max }: NonNullable<Verdict["ratio"]>, { unit }: Line): string {
  const middle = times(median, unit);
  return unit === "loss" ? middle : `${middle} (${times(min, unit)}–${times(max, unit)})`;
}

function spread(values: readonly number[], unit: Unit): string {
  const middle = quantity(median(values), unit);
  if (values.length === 1) return middle;
  return `${middle} (${quantity(Math.min(...values), unit)}–${quantity(Math.max(...values), unit)})`;
}

/** Formats rows of cells as lines of aligned columns; the first row has the headings. */
function table(rows: readonly (readonly string[])[]): string[] {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) =>
    all.reduce((width, row) => Math.max(width, row[column].length), 0)
  );
  return all.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
}
