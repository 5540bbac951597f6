import { Failure, usageInvalid } from "../../pipeline/failure.ts";
import { nearestName } from "../../pipeline/did_you_mean.ts";
import { type Arguments, checkPositionals, splitArguments } from "./arguments.ts";
import type { Command, Flag, Flags, Options } from "./command.ts";

/** The sources of settings other than the command line. */
export interface OptionSources {
  /** Returns the value of an environment variable. */
  environment(name: string): string | undefined;
  /** Returns the object in a config file. */
  readConfig(path: string): Readonly<Record<string, unknown>>;
}

export interface CheckedOptions {
  readonly options: Options<Flags>;
  readonly positionals: readonly string[];
  /** Settings of the config file that this command does not have. They may belong to another command. */
  readonly unknownSettings: { readonly path: string; readonly names: readonly string[] };
}

/** Returns the environment variable of a flag: `CLICKWELL_L1_RATIO` for `--l1-ratio`. */
export function environmentName(flagName: string): string {
  return `CLICKWELL_${flagName.toUpperCase().replaceAll("-", "_")}`;
}

/**
 * Reads a command's settings: from the flag, else the environment, else the config file, else the default. An empty variable
 * counts as unset; a list in a variable is separated by commas. With `--help`, everything else is ignored.
 *
 * @throws {Failure} `usage-invalid` for an unknown flag, or a value of the wrong type or out of range.
 */
export function readOptions(
  command: Command,
  words: readonly string[],
  sources: OptionSources,
): CheckedOptions {
  const { settings, positionals } = splitArguments(command, words);
  const file = settings.help
    ? { path: "", settings: {} }
    : readFile(settings.config ?? sources.environment(environmentName("config")), sources);
  const options: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(command.flags)) {
    const given = settings.help && name !== "help"
      ? undefined
      : firstGiven(name, flag, { settings, sources, file });
    options[name] = given ? check(flag, given) : flag.default ?? absent(flag);
  }
  if (!options.help) checkPositionals(command, positionals);
  const names = Object.keys(file.settings).filter((name) => !inFile(command.flags, name));
  return { options: options as Options<Flags>, positionals, unknownSettings: { path: file.path, names } };
}

/** @throws {Failure} `usage-invalid` for a setting that no command has, so that a misspelled one is not ignored. */
export function rejectUnknownSettings(
  { path, names }: CheckedOptions["unknownSettings"],
  commands: readonly Command[],
): void {
  const known = new Set(
    commands.flatMap(({ flags }) => Object.keys(flags).filter((name) => inFile(flags, name))),
  );
  for (const name of names) {
    if (known.has(name)) continue;
    const near = nearestName(name, [...known]);
    throw usageInvalid(
      `No command has the setting ${JSON.stringify(name)} of ${path}.${
        near ? ` Did you mean "${near}"?` : ""
      }`,
    );
  }
}

/** Returns whether a config file may set the flag: every flag but `--config` and `--help`. */
function inFile(flags: Flags, name: string): boolean {
  return Object.hasOwn(flags, name) && name !== "config" && name !== "help";
}

interface ConfigFile {
  readonly path: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

function readFile(path: Arguments["settings"][string] | undefined, sources: OptionSources): ConfigFile {
  if (typeof path !== "string" || path === "") return { path: "", settings: {} };
  return { path, settings: sources.readConfig(path) };
}

/** A value as it was written, and the name of its place in messages. */
interface Given {
  readonly value: unknown;
  readonly place: string;
}

interface AllSources {
  readonly settings: Arguments["settings"];
  readonly sources: OptionSources;
  readonly file: ConfigFile;
}

function firstGiven(name: string, flag: Flag, { settings, sources, file }: AllSources): Given | undefined {
  if (Object.hasOwn(settings, name)) return { value: settings[name], place: `--${name}` };
  if (name === "help") return undefined;
  const variable = environmentName(name);
  const text = sources.environment(variable);
  if (text) return { value: flag.type === "list" ? text.split(",") : text, place: variable };
  const inFile = Object.hasOwn(file.settings, name) ? file.settings[name] : null;
  return inFile === null ? undefined : { value: inFile, place: `"${name}" in ${file.path}` };
}

function absent(flag: Flag): boolean | readonly string[] | undefined {
  return flag.type === "boolean" ? false : flag.type === "list" ? [] : undefined;
}

function check(flag: Flag, given: Given): string | number | boolean | readonly string[] {
  switch (flag.type) {
    case "boolean":
      return checkBoolean(given);
    case "list":
      return checkList(given);
    case "string":
      return checkText(flag, given);
    case "number":
    case "integer":
      return checkNumber(flag, given);
  }
}

function checkBoolean(given: Given): boolean {
  const word = String(given.value);
  if (["true", "1"].includes(word)) return true;
  if (["false", "0"].includes(word)) return false;
  throw unexpected(given, "true or false");
}

function checkList(given: Given): readonly string[] {
  const values: readonly unknown[] = Array.isArray(given.value) ? given.value : [given.value];
  return values.map((value) => {
    if (typeof value === "string" && value !== "") return value;
    throw unexpected(given, "a list of texts");
  });
}

function checkText({ choices }: Flag, given: Given): string {
  const { value } = given;
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string" || text === "") throw unexpected(given, "a text");
  if (!choices || choices.includes(text)) return text;
  const near = nearestName(text, choices);
  throw unexpected(given, `one of ${choices.join(", ")}`, near && `Did you mean ${near}?`);
}

function checkNumber({ type, min = -Infinity, max = Infinity }: Flag, given: Given): number {
  const { value } = given;
  const number = typeof value === "number"
    ? value
    : typeof value === "string" && value.trim()
    ? Number(value)
    : NaN;
  const kind = type === "integer" ? "a whole number" : "a number";
  const valid = type === "integer" ? Number.isSafeInteger(number) : Number.isFinite(number);
  if (valid && number >= min && number <= max) return number;
  const range = max < Infinity ? ` from ${min} to ${max}` : min > -Infinity ? ` of at least ${min}` : "";
  throw unexpected(given, kind + range);
}

function unexpected({ value, place }: Given, expected: string, hint?: string): Failure {
  return usageInvalid(`${place} is ${JSON.stringify(value)}, expected ${expected}.${hint ? ` ${hint}` : ""}`);
}
