import type { Terminal } from "./terminal.ts";

/** One flag of a command. Each can also be set by the environment and by a file: see {@link readOptions}. */
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

type ValueOf<F extends Flag> = Flag extends F ? unknown
  : F["type"] extends "boolean" ? boolean
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
  /** Aborted at the first Ctrl-C or SIGTERM, with the `interrupted` failure as its reason. */
  readonly signal: AbortSignal;
}

/** What `--json` prints, where a command has anything to say to machines. */
export type Result = Readonly<Record<string, unknown>> | void;

/** One entry of the command table. */
export interface Command<F extends Flags = Flags> {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly positionals?: {
    readonly name: string;
    readonly help: string;
    readonly min: number;
    readonly max: number;
  };
  readonly flags: F;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  run(invocation: Invocation<F>): Promise<Result>;
}

/** Flags that every command has. */
export const commonFlags = {
  data: {
    type: "string",
    value: "DIR",
    default: "./data",
    help: "folder of clickwell.db (the models) and tables.db (the tables)",
  },
  models: { type: "string", value: "DIR", default: "./models", help: "folder of the models" },
  config: { type: "string", value: "FILE", help: "settings as a JSON object, by flag name" },
  json: { type: "boolean", help: "print one JSON object on standard output, at the end" },
  quiet: { type: "boolean", help: "no progress" },
  help: { type: "boolean", help: "this text" },
} as const satisfies Flags;

/**
 * Keeps the literal types of the flags, so that a command's own `options` are typed by them. The table that holds all
 * commands cannot know them; that the options fit is what `readOptions` sees to.
 */
export function command<const F extends Flags>(definition: Command<F & typeof commonFlags>): Command {
  return definition as unknown as Command;
}
