import { dirname, isAbsolute, join } from "node:path";
import { Failure, usageInvalid } from "../../pipeline/failure.ts";
import { nearestName } from "../../pipeline/did_you_mean.ts";
import { type Arguments, checkPositionals, splitArguments } from "./arguments.ts";
import type { Command, Flag, Flags, Invocation, Options, Origin } from "./command.ts";

/** The sources of settings other than the command line. */
export interface OptionSources {
  /** Returns the value of an environment variable. */
  environment(name: string): string | undefined;
  /** Returns the object in a config file. */
  readConfig(path: string): Readonly<Record<string, unknown>>;
  isFolder(path: string): boolean;
}

export interface CheckedOptions extends Pick<Invocation<Flags>, "origins" | "positionals"> {
  readonly options: Options<Flags>;
  /** Notes for people on settings of the config file that the environment overrides. */
  readonly notes: readonly string[];
  /** Settings of the config file that this command does not have. They may belong to another command. */
  readonly unknownSettings: { readonly path: string; readonly names: readonly string[] };
}

/** Returns the environment variable of a flag: `CLICKWELL_L1_RATIO` for `--l1-ratio`. */
export function environmentName(flagName: string): string {
  return `CLICKWELL_${flagName.toUpperCase().replaceAll("-", "_")}`;
}

/**
 * Reads a command's settings: from the flag, else the environment, else the config file, else the default. An empty variable
 * counts as unset; a list in a variable is separated by commas. With `--help`, everything else is ignored. If `--data DIR` is
 * given in any of these ways and `--models` is not, the folder `DIR/models` is that of the models, if it exists.
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
  const origins: Record<string, Origin> = {};
  const notes: string[] = [];
  for (const [name, flag] of Object.entries(command.flags)) {
    const given = settings.help && name !== "help"
      ? undefined
      : firstGiven(name, flag, { settings, sources, file });
    options[name] = given ? check(flag, given) : flag.default ?? absent(flag);
    origins[name] = given?.origin ?? "default";
    if (given?.origin === "environment") notes.push(...overrideNotes(name, flag, given, file));
  }
  if (!options.help) checkPositionals(command, positionals);
  const { data } = options;
  if (origins.models === "default" && origins.data !== "default" && typeof data === "string") {
    const models = join(data, "models");
    if (sources.isFolder(models)) options.models = models;
  }
  const names = Object.keys(file.settings).filter((name) =>
    !inFile(command.flags, name) && !initSettings.has(name)
  );
  const unknownSettings = { path: file.path, names };
  return { options: options as Options<Flags>, origins, positionals, notes, unknownSettings };
}

/**
 * Settings that `clickwell init` writes for `train`. To know them without loading `train` lets `serve` start twice as fast from
 * such a file.
 */
export const initSettings: ReadonlySet<string> = new Set([
  "schema",
  "spec",
  "table",
  "split",
  "encoding",
  "delimiter",
  "decimal-comma",
  "null",
]);

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

/** Returns whether a config file may set the flag: every flag but `--config`, `--help` and those that are flags only. */
function inFile(flags: Flags, name: string): boolean {
  return Object.hasOwn(flags, name) && name !== "config" && name !== "help" &&
    !flags[name].flagOnly;
}

interface ConfigFile {
  readonly path: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** The folder to which paths in the file are relative; default: the working directory. */
  readonly folder?: string;
}

/** @throws {Failure} `usage-invalid` for a `relativeTo` other than "file". */
function readFile(path: Arguments["settings"][string] | undefined, sources: OptionSources): ConfigFile {
  if (typeof path !== "string" || path === "") return { path: "", settings: {} };
  const { relativeTo, ...settings } = sources.readConfig(path);
  if (relativeTo === undefined) return { path, settings };
  if (relativeTo === "file") return { path, settings, folder: dirname(path) };
  throw unexpected(
    { value: relativeTo, place: `"relativeTo" in ${path}` },
    '"file", for paths relative to the folder of the file',
    "Without it, they are relative to the working directory.",
  );
}

/** Returns a setting of the config file with its paths as seen from the working directory; null if the file lacks it. */
function settingOf({ settings, folder }: ConfigFile, name: string, flag: Flag): unknown {
  const value = Object.hasOwn(settings, name) ? settings[name] : null;
  if (folder === undefined || flag.path === undefined) return value;
  return Array.isArray(value)
    ? value.map((entry) => seenFrom(folder, entry, flag.path))
    : seenFrom(folder, value, flag.path);
}

/** @param value A path in the folder, or a name with one. A dash, which is standard input, stays, and so does a URL. */
function seenFrom(folder: string, value: unknown, kind: Flag["path"]): unknown {
  if (typeof value !== "string") return value;
  const start = kind === "named" ? value.indexOf("=") + 1 : 0;
  const path = value.slice(start);
  if (path === "" || path === "-" || isAbsolute(path) || /^[a-z][a-z0-9+.-]+:\/\//.test(path)) return value;
  return value.slice(0, start) + join(folder, path);
}

function overrideNotes(name: string, flag: Flag, { value, place }: Given, file: ConfigFile): string[] {
  const setting = settingOf(file, name, flag);
  if (setting === null || String(setting) === String(value)) return [];
  return [`${place} is set and overrides "${name}" in ${file.path}`];
}

/** A value as it was written, and the name of its place in messages. */
interface Given {
  readonly value: unknown;
  readonly place: string;
  readonly origin: Origin;
}

interface AllSources {
  readonly settings: Arguments["settings"];
  readonly sources: OptionSources;
  readonly file: ConfigFile;
}

function firstGiven(name: string, flag: Flag, { settings, sources, file }: AllSources): Given | undefined {
  if (Object.hasOwn(settings, name)) return { value: settings[name], place: `--${name}`, origin: "flag" };
  if (name === "help" || flag.flagOnly) return undefined;
  const variable = environmentName(name);
  const text = sources.environment(variable);
  if (text) {
    return { value: flag.type === "list" ? text.split(",") : text, place: variable, origin: "environment" };
  }
  const value = settingOf(file, name, flag);
  return value === null ? undefined : { value, place: `"${name}" in ${file.path}`, origin: "config" };
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

function unexpected(
  { value, place }: Pick<Given, "value" | "place">,
  expected: string,
  hint?: string,
): Failure {
  return usageInvalid(`${place} is ${JSON.stringify(value)}, expected ${expected}.${hint ? ` ${hint}` : ""}`);
}
