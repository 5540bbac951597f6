import { Failure } from "../pipeline/failure.ts";
import { nearestName } from "../pipeline/spelling.ts";
import type { Terminal } from "./terminal.ts";

/** One flag of a command. The same name, upper case with `CLICKWELL_` before it, is its environment variable. */
export interface Flag {
  readonly type: "string" | "number" | "integer" | "boolean" | "list";
  /** What stands for the value in `--help`. */
  readonly value?: string;
  readonly help: string;
  readonly default?: string | number | boolean;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
}

export type Flags = Readonly<Record<string, Flag>>;

type ValueOf<F extends Flag> = F["type"] extends "boolean" ? boolean
  : F["type"] extends "list" ? readonly string[]
  : F["type"] extends "string" ? TextOf<F> | (F extends { default: string } ? never : undefined)
  : F extends { default: number } ? number
  : number | undefined;

type TextOf<F extends Flag> = F extends { choices: readonly (infer Choice)[] } ? Choice : string;

/** The checked values of a command's flags: those with a default are always there. */
export type Options<F extends Flags> = { readonly [Name in keyof F]: ValueOf<F[Name]> };

export interface Invocation<F extends Flags> {
  readonly options: Options<F>;
  readonly positionals: readonly string[];
  readonly terminal: Terminal;
  /** Aborted at the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

/** One entry of the command table. What `run` returns is what `--json` prints. */
export interface Command<F extends Flags = Flags> {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly positionals?: { readonly name: string; readonly help: string; readonly min: number; readonly max: number };
  readonly flags: F;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  run(invocation: Invocation<F>): Promise<Readonly<Record<string, unknown>> | void>;
}

/** Flags that every command has. */
export const commonFlags = {
  data: { type: "string", value: "DIR", default: "./data", help: "folder of the store, clickwell.db" },
  models: { type: "string", value: "DIR", default: "./models", help: "folder of the models" },
  config: { type: "string", value: "FILE", help: "settings as JSON, by flag name" },
  json: { type: "boolean", help: "print one JSON object on standard output, at the end" },
  quiet: { type: "boolean", help: "no progress" },
  help: { type: "boolean", help: "this text" },
} as const satisfies Flags;

/** Keeps the literal types of the flags, so that `options` is typed by them. */
export function command<const F extends Flags>(definition: Command<F & typeof commonFlags>): Command {
  return definition as unknown as Command;
}

/** Raw settings of one source (command line, environment, file) by flag name. */
type Settings = Readonly<Record<string, unknown>>;

/**
 * Reads a command's settings: flag, else environment, else config file, else default.
 *
 * @throws {Failure} `usage-invalid` for a flag that is not there, a value of another type or out of range.
 */
export function readOptions(
  target: Command,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  readConfig: (path: string) => Settings,
): { options: Options<Flags>; positionals: string[] } {
  const { settings, positionals } = splitArguments(target, args);
  const fromEnvironment: Record<string, unknown> = {};
  for (const name of Object.keys(target.flags)) {
    const text = environment[environmentName(name)];
    if (text !== undefined && text !== "") {
      fromEnvironment[name] = target.flags[name].type === "list" ? text.split(",") : text;
    }
  }
  const configPath = settings.config ?? fromEnvironment.config;
  const fromFile = typeof configPath === "string" ? readConfig(configPath) : {};
  for (const name of Object.keys(fromFile)) {
    if (!Object.hasOwn(target.flags, name)) continue;
    // A config file serves several commands: a setting of another command is no error.
  }
  const options: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(target.flags)) {
    const raw = settings[name] ?? fromEnvironment[name] ?? fromFile[name] ?? flag.default;
    options[name] = raw === undefined ? absent(flag) : check(name, flag, raw);
  }
  return { options: options as Options<Flags>, positionals };
}

function absent(flag: Flag): unknown {
  return flag.type === "boolean" ? false : flag.type === "list" ? [] : undefined;
}

export function environmentName(flagName: string): string {
  return `CLICKWELL_${flagName.toUpperCase().replaceAll("-", "_")}`;
}

function splitArguments(target: Command, args: readonly string[]): { settings: Settings; positionals: string[] } {
  const settings: Record<string, unknown> = {};
  const positionals: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const argument = args[i];
    if (argument === "-h") {
      settings.help = true;
      continue;
    }
    if (!argument.startsWith("--") || argument === "--") {
      if (argument !== "--") positionals.push(argument);
      continue;
    }
    const equals = argument.indexOf("=");
    const name = argument.slice(2, equals < 0 ? undefined : equals);
    const flag = Object.hasOwn(target.flags, name) ? target.flags[name] : undefined;
    if (!flag) throw unknownFlag(target, name);
    if (flag.type === "boolean") {
      settings[name] = equals < 0 ? true : argument.slice(equals + 1);
      continue;
    }
    const values: string[] = [];
    if (equals >= 0) values.push(argument.slice(equals + 1));
    else {
      // A list takes all the words up to the next flag, so that a shell's *.parquet works.
      while (i + 1 < args.length && !isFlag(args[i + 1]) && (values.length === 0 || flag.type === "list")) {
        values.push(args[++i]);
      }
    }
    if (values.length === 0) {
      throw new Failure("usage-invalid", `--${name} needs a value: --${name} ${flag.value ?? flag.type.toUpperCase()}`);
    }
    settings[name] = flag.type === "list" ? [...((settings[name] as string[]) ?? []), ...values] : values[0];
  }
  const { min = 0, max = 0, name = "argument" } = target.positionals ?? {};
  if (positionals.length < min) {
    throw new Failure("usage-invalid", `clickwell ${target.name} needs ${name}. See clickwell ${target.name} --help`);
  }
  if (positionals.length > max) {
    throw new Failure(
      "usage-invalid",
      `clickwell ${target.name} does not take "${positionals[max]}". See clickwell ${target.name} --help`,
    );
  }
  return { settings, positionals };
}

/** A negative number is a value, not a flag. */
function isFlag(argument: string): boolean {
  return argument.startsWith("--");
}

function unknownFlag(target: Command, name: string): Failure {
  const near = nearestName(name, Object.keys(target.flags));
  const hint = near ? ` Did you mean --${near}?` : "";
  return new Failure(
    "usage-invalid",
    `clickwell ${target.name} has no flag --${name}.${hint} See clickwell ${target.name} --help`,
  );
}

function check(name: string, flag: Flag, raw: unknown): unknown {
  const bad = (expected: string) =>
    new Failure("usage-invalid", `--${name} is ${JSON.stringify(raw)}, expected ${expected}`);
  if (flag.type === "boolean") {
    if (raw === true || raw === "true" || raw === "1") return true;
    if (raw === false || raw === "false" || raw === "0") return false;
    throw bad("true or false");
  }
  if (flag.type === "list") {
    const list = Array.isArray(raw) ? raw.map(String) : [String(raw)];
    return list;
  }
  if (flag.type === "string") {
    const text = String(raw);
    if (flag.choices && !flag.choices.includes(text)) throw bad(`one of ${flag.choices.join(", ")}`);
    return text;
  }
  const value = typeof raw === "number" ? raw : String(raw).trim() === "" ? NaN : Number(raw);
  const kind = flag.type === "integer" ? "a whole number" : "a number";
  if (!Number.isFinite(value) || (flag.type === "integer" && !Number.isSafeInteger(value))) throw bad(kind);
  const { min = -Infinity, max = Infinity } = flag;
  if (value < min || value > max) {
    throw bad(max === Infinity ? `${kind} of at least ${min}` : `${kind} from ${min} to ${max}`);
  }
  return value;
}

/** The text of `clickwell NAME --help`. */
export function helpOf(target: Command): string {
  const lines = [`clickwell ${target.name}: ${target.summary}`, ""];
  if (target.description) lines.push(target.description, "");
  const positional = target.positionals ? ` ${target.positionals.name}` : "";
  lines.push("Usage:", `  clickwell ${target.name}${positional} [flags]`, "");
  if (target.positionals) lines.push(`  ${target.positionals.name}  ${target.positionals.help}`, "");
  lines.push("Flags:");
  const rows = Object.entries(target.flags).map(([name, flag]) => {
    const value = flag.type === "boolean" ? "" : ` ${flag.value ?? flag.type.toUpperCase()}${flag.type === "list" ? "…" : ""}`;
    const choices = flag.choices ? ` (${flag.choices.join(", ")})` : "";
    const preset = flag.default === undefined ? "" : ` [${flag.default}]`;
    return [`--${name}${value}`, `${flag.help}${choices}${preset}`];
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  for (const [left, right] of rows) lines.push(`  ${left.padEnd(width)}  ${right}`);
  lines.push("", "Each flag can also be set by the environment (--C is CLICKWELL_C) or in the file that --config names.");
  lines.push("", "Examples:");
  for (const [example, meaning] of target.examples) lines.push(`  ${example}`, `      ${meaning}`);
  return lines.join("\n");
}
