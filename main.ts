import { type Command, helpOf, readOptions } from "./commands/command.ts";
import { createTerminal } from "./commands/terminal.ts";
import { Failure } from "./pipeline/failure.ts";
import { nearestName } from "./pipeline/spelling.ts";

/**
 * The command table. Each command's module is loaded when it is called: serving never waits for what only training
 * needs.
 */
const commands: Readonly<Record<string, { summary: string; load: () => Promise<{ default: Command }> }>> = {
  demo: {
    summary: "the whole path on generated data, with every request and response in a file",
    load: () => import("./commands/demo.ts"),
  },
  generate: { summary: "seeded sample data of any size, as parquet", load: () => import("./commands/generate.ts") },
  ingest: { summary: "parquet, CSV or NDJSON files → store", load: () => import("./commands/ingest.ts") },
  train: { summary: "store → model", load: () => import("./commands/train.ts") },
  models: { summary: "list, show, activate the models", load: () => import("./commands/models.ts") },
  serve: { summary: "the HTTP server", load: () => import("./commands/serve.ts") },
  healthcheck: { summary: "ask a running server whether it is ready", load: () => import("./commands/healthcheck.ts") },
};

const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

async function main(args: readonly string[]): Promise<number> {
  const [first = "--help", ...rest] = args;
  // `--train` and `--serve` as first flag mean the command of that name.
  const name = first.startsWith("--") && Object.hasOwn(commands, first.slice(2)) ? first.slice(2) : first;
  if (name === "--version" || name === "-V") return await showVersion();
  if (name === "--help" || name === "-h" || name === "help") return showHelp(rest);
  const terminal = createTerminal({ quiet: rest.includes("--quiet") });
  const interruption = new AbortController();
  const interrupt = () => interruption.abort(new Failure("interrupted", "Interrupted: nothing is half done."));
  try {
    if (!Object.hasOwn(commands, name)) throw unknownCommand(name);
    const { default: command } = await commands[name].load();
    const { options, positionals } = readOptions(command, rest, Deno.env.toObject(), readConfig);
    if (options.help) {
      console.log(helpOf(command));
      return exitCodes.done;
    }
    Deno.addSignalListener("SIGINT", interrupt);
    Deno.addSignalListener("SIGTERM", interrupt);
    const result = await command.run({ options, positionals, terminal, signal: interruption.signal } as never);
    if (options.json && result) terminal.print(JSON.stringify(result));
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    terminal.say(`clickwell: ${error.message}`);
    for (const { pointer, detail } of error.errors) terminal.say(`  ${pointer}: ${detail}`);
    if (error.kind === "interrupted") return exitCodes.interrupted;
    return error.kind === "usage-invalid" ? exitCodes.usage : exitCodes.failed;
  }
}

function unknownCommand(name: string): Failure {
  const near = nearestName(name, Object.keys(commands));
  return new Failure("usage-invalid", `There is no command "${name}".${near ? ` Did you mean ${near}?` : ""} See clickwell --help`);
}

function readConfig(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    throw new Failure("usage-invalid", `Cannot read the config file ${path}: it is not there or not readable.`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch { /* said below */ }
  throw new Failure("usage-invalid", `Cannot read the config file ${path}: expected a JSON object of settings by flag name.`);
}

async function showVersion(): Promise<number> {
  const { version, commit } = await import("./pipeline/version.ts");
  console.log(`clickwell ${version} (commit ${commit}, Deno ${Deno.version.deno}, V8 ${Deno.version.v8})`);
  return exitCodes.done;
}

async function showHelp(args: readonly string[]): Promise<number> {
  if (args[0] && Object.hasOwn(commands, args[0])) {
    console.log(helpOf((await commands[args[0]].load()).default));
    return exitCodes.done;
  }
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  console.log(
    [
      "clickwell: from a table of offers and clicks to calibrated click probabilities, served over HTTP.",
      "",
      "Usage:",
      "  clickwell COMMAND [flags]     clickwell COMMAND --help     clickwell --version",
      "",
      "Commands:",
      ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
      "",
      "Start here:",
      "  clickwell demo",
    ].join("\n"),
  );
  return exitCodes.done;
}

if (import.meta.main) {
  let code: number;
  try {
    code = await main(Deno.args);
  } catch (error) {
    // A bug of ours: say so in one line; the stack is there for those who ask for it.
    const detail = Deno.env.get("CLICKWELL_DEBUG") && error instanceof Error ? `\n${error.stack}` : "";
    const message = error instanceof Error ? error.message : String(error);
    console.error(`clickwell: a bug in clickwell: ${message}. CLICKWELL_DEBUG=1 shows where.${detail}`);
    code = exitCodes.failed;
  }
  Deno.exit(code);
}
