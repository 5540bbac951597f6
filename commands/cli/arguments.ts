import { Failure, usageInvalid } from "../../pipeline/failure.ts";
import { nearestName } from "../../pipeline/did_you_mean.ts";
import type { Command, Flag } from "./command.ts";

/** The words after a command's name, sorted but not yet checked against the types of the flags. */
export type Arguments = ReturnType<typeof splitArguments>;

/**
 * Splits the words of a command into flags and positionals. `--name value` and `--name=value` are equivalent; a list takes all
 * words up to the next flag, so that `*.parquet` works, and may be repeated; after `--` no word is a flag.
 *
 * @throws {Failure} `usage-invalid` for an unknown flag, or a flag without a value.
 */
export function splitArguments(command: Command, words: readonly string[]) {
  const settings: Record<string, string | true | string[]> = {};
  const positionals: string[] = [];
  let i = 0;
  while (i < words.length) {
    const word = words[i++];
    if (word === "--") {
      positionals.push(...words.slice(i));
      break;
    }
    if (!isFlag(word)) {
      positionals.push(word);
      continue;
    }
    const [spelling, given] = splitAtEquals(word);
    const [name, flag] = flagOf(command, spelling);
    if (flag.type === "boolean") {
      settings[name] = given ?? true;
      continue;
    }
    const values = given === undefined ? [] : [given];
    if (given === undefined) {
      const limit = flag.type === "list" ? Infinity : 1;
      while (i < words.length && values.length < limit && !isFlag(words[i])) values.push(words[i++]);
    }
    if (values.length === 0 || values.includes("")) throw valueMissing(name, flag);
    settings[name] = flag.type === "list" ? [...listOf(settings[name]), ...values] : values[0];
  }
  return { settings, positionals };
}

/** @throws {Failure} `usage-invalid` if there are too few or too many. */
export function checkPositionals(command: Command, positionals: readonly string[]): void {
  const { min = 0, max = 0, name = "argument" } = command.positionals ?? {};
  if (positionals.length < min) throw usage(command, `needs ${name}.`);
  if (positionals.length > max) throw usage(command, `does not take "${positionals[max]}".`);
}

/** A negative number and a lone dash are values. */
function isFlag(word: string): boolean {
  return /^--|^-[^\d.]/.test(word);
}

function splitAtEquals(word: string): [spelling: string, value: string | undefined] {
  const equals = word.indexOf("=");
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

function flagOf(command: Command, spelling: string): [name: string, flag: Flag] {
  const name = spelling === "-h" ? "help" : spelling.startsWith("--") ? spelling.slice(2) : "";
  if (Object.hasOwn(command.flags, name)) return [name, command.flags[name]];
  const near = nearestName(spelling.replace(/^-+/, ""), Object.keys(command.flags));
  throw usage(command, `has no flag ${spelling}.${near ? ` Did you mean --${near}?` : ""}`);
}

function listOf(value: string | true | string[] | undefined): string[] {
  return Array.isArray(value) ? value : [];
}

function valueMissing(name: string, flag: Flag): Failure {
  return usageInvalid(`--${name} needs a value: --${name} ${flag.value ?? flag.type.toUpperCase()}`);
}

function usage(command: Command, what: string): Failure {
  return usageInvalid(`clickwell ${command.name} ${what} See clickwell ${command.name} --help`);
}
