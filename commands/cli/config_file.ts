import { usageInvalid } from "../../pipeline/failure.ts";
import { readGivenFile } from "./given_file.ts";
import { parseJsonOfDoubles } from "../../pipeline/exact_json.ts";

/**
 * Reads a config file: one JSON object of settings by flag name.
 *
 * @throws {Failure} `usage-invalid` if the file cannot be read or holds something else.
 */
export function readConfig(path: string): Readonly<Record<string, unknown>> {
  const text = readGivenFile(path, "the config file", {
    kind: "usage-invalid",
    remedy: "Give another one with --config.",
  });
  const value = parse(text, path);
  if (isObject(value)) return value;
  throw usageInvalid(`${path} is not a JSON object, expected settings by flag name: {"C": 0.5}`);
}

function parse(text: string, path: string): unknown {
  try {
    return parseJsonOfDoubles(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw usageInvalid(`The config file ${path} is not JSON: ${reason}.`);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
