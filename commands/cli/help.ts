import type { Command, Flag } from "./command.ts";

/** Returns the text of `clickwell NAME --help`. */
export function helpOf(command: Command): string {
  const { name, summary, description, positionals, flags, examples } = command;
  return [
    `clickwell ${name}: ${summary}`,
    "",
    ...(description ? [description, ""] : []),
    "Usage:",
    `  clickwell ${name}${positionals ? ` ${positionals.name}` : ""} [flags]`,
    "",
    ...(positionals ? [`  ${positionals.name}  ${positionals.help}`, ""] : []),
    "Flags:",
    ...columns(Object.entries(flags).map(([name, flag]) => [spelling(name, flag), meaning(flag)])),
    "",
    "Each flag can also be set by an environment variable (CLICKWELL_DATA for --data) or in the file given by --config.",
    "",
    "Examples:",
    ...examples.flatMap(([example, meaning]) => [`  ${example}`, `      ${meaning}`]),
  ].join("\n");
}

/** Returns the text of `clickwell --help`. */
export function overviewOf(summaries: readonly (readonly [name: string, summary: string])[]): string {
  return [
    "clickwell: from a table with a yes/no outcome, such as offers and clicks, to calibrated probabilities served over HTTP.",
    "",
    "Usage:",
    "  clickwell COMMAND [flags]     clickwell COMMAND --help     clickwell --version",
    "",
    "Commands:",
    ...columns(summaries),
    "",
    "Start here, with a file that has a yes/no column:",
    "  clickwell init FILE --label COLUMN --out mine",
    "  clickwell train --config mine/clickwell.json",
    "  clickwell serve --config mine/clickwell.json",
    "",
    "Or without one:",
    "  clickwell demo",
  ].join("\n");
}

function spelling(name: string, { type, value = type.toUpperCase() }: Flag): string {
  if (type === "boolean") return `--${name}`;
  return `--${name} ${value}${type === "list" ? "…" : ""}`;
}

function meaning({ help, choices, default: preset }: Flag): string {
  return help + (choices ? ` (${choices.join(", ")})` : "") + (preset === undefined ? "" : ` [${preset}]`);
}

function columns(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
