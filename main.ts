import type { Command, Result } from "./commands/cli/command.ts";
import { exitCodes, reportError } from "./commands/cli/error_report.ts";
import { jsonFileIn, requireJsonFile, writeJsonFile } from "./commands/cli/json_file.ts";
import { readConfig } from "./commands/cli/config_file.ts";
import { helpOf, overviewOf } from "./commands/cli/help.ts";
import { listenForInterruption } from "./commands/cli/signals.ts";
import { type CheckedOptions, readOptions, rejectUnknownSettings } from "./commands/cli/options.ts";
import { createTerminal } from "./commands/cli/terminal.ts";
import { Failure } from "./pipeline/failure.ts";
import { nearestName } from "./pipeline/did_you_mean.ts";

/**
 * The table of commands, those for the first steps first. The module of a command is loaded when the command is called, so that serving
 * does not load what only training needs.
 */
const commands: Readonly<Record<string, { summary: string; load: () => Promise<{ default: Command }> }>> = {
  init: {
    summary: "your own files → their schema, feature spec and settings",
    load: () => import("./commands/init.ts"),
  },
  train: { summary: "files or store → model", load: () => import("./commands/train.ts") },
  serve: { summary: "the HTTP server", load: () => import("./commands/serve.ts") },
  predict: { summary: "file → file with probabilities", load: () => import("./commands/predict.ts") },
  evaluate: {
    summary: "a model on rows with labels → metrics with intervals",
    load: () => import("./commands/evaluate.ts"),
  },
  models: { summary: "list, show, name and activate the models", load: () => import("./commands/models.ts") },
  sweep: {
    summary: "find the best hyper-parameters by cross-validation",
    load: () => import("./commands/sweep.ts"),
  },
  ingest: { summary: "parquet, CSV or NDJSON files → store", load: () => import("./commands/ingest.ts") },
  schema: {
    summary: "change the tables and the view of a store",
    load: () => import("./commands/schema.ts"),
  },
  spec: {
    summary: "check a feature spec, or print its JSON Schema",
    load: () => import("./commands/spec.ts"),
  },
  demo: {
    summary: "run everything on generated data and record every request and response",
    load: () => import("./commands/demo.ts"),
  },
  generate: {
    summary: "generate sample data of any size, as parquet",
    load: () => import("./commands/generate.ts"),
  },
  bench: { summary: "measure how fast this machine predicts", load: () => import("./commands/bench.ts") },
  healthcheck: {
    summary: "check whether a running server is ready",
    load: () => import("./commands/healthcheck.ts"),
  },
};

async function main(words: readonly string[]): Promise<number> {
  const terminal = createTerminal({ quiet: false });
  const [first = "--help", ...rest] = words;
  let json = words.includes("--json");
  const jsonFile = jsonFileIn(words);
  try {
    switch (first) {
      case "--help":
      case "-h":
      case "help":
        terminal.print(rest.length > 0 ? helpOf(await load(rest[0])) : overviewOf(summaries()));
        return exitCodes.done;
      case "--version":
      case "-V":
        terminal.print(await versionLine());
        return exitCodes.done;
    }
    // `--train` and `--serve` as the first flag mean the command of that name.
    const command = await load(first.replace(/^--/, ""));
    const { unknownSettings, notes, ...given } = readOptions(command, rest, {
      environment,
      readConfig,
      isFolder,
    });
    const { options } = given;
    if (options.help) {
      terminal.print(helpOf(command));
      return exitCodes.done;
    }
    if (unknownSettings.names.length > 0) rejectUnknownSettings(unknownSettings, await loadAll());
    json ||= options.json === true;
    if (jsonFile !== undefined) await requireJsonFile(jsonFile);
    for (const note of notes) terminal.say(`note: ${note}`);
    const result = await run(command, given);
    if (jsonFile !== undefined && result) await writeJsonFile(jsonFile, result);
    if (json && result) terminal.print(JSON.stringify(result));
    return exitCodes.done;
  } catch (error) {
    const { exitCode, stack, report, ...reported } = reportError(error);
    const result = { ...report, error: reported };
    if (json) terminal.print(JSON.stringify(result));
    // The message names a file that cannot be written.
    if (jsonFile !== undefined) await writeJsonFile(jsonFile, result).catch(() => {});
    terminal.say(`clickwell: ${reported.message}`);
    for (const { pointer, detail } of reported.errors) terminal.say(`  ${pointer}: ${detail}`);
    if (stack && environment("CLICKWELL_DEBUG")) { for (const line of stack.split("\n")) terminal.say(line); }
    return exitCode;
  }
}

async function run(
  command: Command,
  given: Pick<CheckedOptions, "options" | "origins" | "positionals">,
): Promise<Result> {
  using terminal = createTerminal({ quiet: given.options.quiet === true });
  const signal = listenForInterruption(() => Deno.exit(exitCodes.interrupted));
  return await command.run({ ...given, terminal, signal });
}

/** @throws {Failure} `usage-invalid` if there is no such command. */
async function load(name: string): Promise<Command> {
  if (Object.hasOwn(commands, name)) return (await commands[name].load()).default;
  const near = nearestName(name, Object.keys(commands));
  const hint = near ? ` Did you mean ${near}?` : "";
  throw new Failure("usage-invalid", `There is no command "${name}".${hint} See clickwell --help`);
}

function loadAll(): Promise<Command[]> {
  return Promise.all(Object.keys(commands).map(load));
}

function summaries(): [name: string, summary: string][] {
  return Object.entries(commands).map(([name, { summary }]) => [name, summary]);
}

function environment(name: string): string | undefined {
  return Deno.env.get(name);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

async function versionLine(): Promise<string> {
  const { version, commit } = await import("./pipeline/version.ts");
  return `clickwell ${version} (commit ${commit}, Deno ${Deno.version.deno}, V8 ${Deno.version.v8})`;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
