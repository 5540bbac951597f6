import { existsSync, statSync } from "node:fs";
import { Failure } from "../../pipeline/failure.ts";
import { printableText } from "./printable_text.ts";

const flag = "--json-file";

/** Returns the file that the words name, before they are checked: a failure of the check belongs into it, too. */
export function jsonFileIn(words: readonly string[]): string | undefined {
  const flags = words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
  const at = flags.findLastIndex((word) => word === flag || word.startsWith(`${flag}=`));
  if (at < 0) return undefined;
  const path = flags[at] === flag ? flags[at + 1] : flags[at].slice(flag.length + 1);
  return path === undefined || path === "" || path.startsWith("--") ? undefined : path;
}

/**
 * Checks before the work begins that its result can be written, and makes the folders of the file.
 *
 * @throws {Failure} `file-unwritable`
 */
export async function requireJsonFile(path: string): Promise<void> {
  if (existsSync(path) && statSync(path).isDirectory()) {
    throw new Failure("file-unwritable", `Cannot write ${path}: it is a folder. Name a file.`);
  }
  const { requireWritable } = await import("../../pipeline/files/written_file.ts");
  requireWritable(path);
}

/**
 * Writes what `--json` prints to a file, which appears complete and replaces an earlier one.
 *
 * @throws {Failure} `file-unwritable`
 */
export async function writeJsonFile(path: string, result: Readonly<Record<string, unknown>>): Promise<void> {
  const { writeText } = await import("../../pipeline/files/written_file.ts");
  writeText(path, `${printableText(JSON.stringify(result))}\n`);
}
