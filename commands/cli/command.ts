import type { Terminal } from "./terminal.ts";

/** A flag of a command. It can also be set by an environment variable or a config file: see {@link readOptions}. */
export interface Flag {
  readonly type: "string" | "number" | "integer" | "boolean" | "list";
  /** The placeholder of the value in `--help`. */
  readonly value?: string;
  readonly help: string;
  readonly default?: string | number | boolean;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /**
   * That the value is a path, or `NAME=PATH`. A config file with `"relativeTo": "file"` gives it relative to its own folder.
   */
  readonly path?: "whole" | "named";
  /** Whether only the flag sets it: another command has a setting of that name for the environment and config files. */
  readonly flagOnly?: boolean;
}

export type Flags = Readonly<Record<string, Flag>>;

type ValueOf<F extends Flag> = Flag extends F ? unknown
  : F["type"] extends "boolean" ? boolean
  : F["type"] extends "list" ? readonly string[]
  : F["type"] extends "string" ? TextOf<F> | (F extends { default: string } ? never : undefined)
  : F extends { default: number } ? number
  : number | undefined;

type TextOf<F extends Flag> = F extends { choices: readonly (infer Choice)[] } ? Choice : string;

/** The checked values of a command's flags. Flags with a default always have a value. */
export type Options<F extends Flags> = { readonly [Name in keyof F]: ValueOf<F[Name]> };

/** The source of a setting. */
export type Origin = "flag" | "environment" | "config" | "default";

export interface Invocation<F extends Flags> {
  readonly options: Options<F>;
  /** The source of each option. */
  readonly origins: Readonly<Record<string, Origin>>;
  readonly positionals: readonly string[];
  readonly terminal: Terminal;
  /** Aborted by the first Ctrl-C or SIGTERM; the reason is a failure `interrupted`. */
  readonly signal: AbortSignal;
}

/** The object that `--json` prints and `--json-file` writes, if any. */
export type Result = Readonly<Record<string, unknown>> | void;

/** A command of the program. */
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

/** The flags of every command. */
export const commonFlags = {
  data: {
    type: "string",
    value: "DIR",
    default: "./data",
    path: "whole",
    help: "folder of clickwell.db (the models) and tables.db (the tables)",
  },
  models: {
    type: "string",
    value: "DIR|URL",
    default: "./models",
    path: "whole",
    help:
      "folder of the models, or s3://BUCKET/PREFIX, gs://BUCKET/PREFIX; DATA/models if --data is given and that folder exists",
  },
  config: { type: "string", value: "FILE", help: "settings as a JSON object, by flag name" },
  json: { type: "boolean", help: "print the result as one JSON object on standard output" },
  "json-file": {
    type: "string",
    value: "FILE",
    path: "whole",
    flagOnly: true,
    help: "write that object to a file, which appears complete, and makes its folders",
  },
  quiet: { type: "boolean", help: "do not show progress" },
  help: { type: "boolean", help: "show this help" },
} as const satisfies Flags;

/**
 * Defines a command. `options` of its `run` is typed by the literal types of its flags; the table of commands does not know
 * these types, and `readOptions` checks the values.
 */
export function command<const F extends Flags>(definition: Command<F & typeof commonFlags>): Command {
  return definition as unknown as Command;
}
