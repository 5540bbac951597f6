import { Failure } from "../../pipeline/failure.ts";

/**
 * Reads the file of `--config`: one JSON object of settings by flag name.
 *
 * @throws {Failure} `usage-invalid` where it cannot be read or is something else.
 */
export function readConfig(path: string): Readonly<Record<string, unknown>> {
  const value = parse(readText(path), path);
  if (isObject(value)) return value;
  throw new Failure("usage-invalid", `${path} is no JSON object, expected settings by flag name: {"C": 0.5}`);
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    throw new Failure(
      "usage-invalid",
      `Cannot read the config file ${path}: it is not there, or may not be read. Name another with --config.`,
    );
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure("usage-invalid", `The config file ${path} is not JSON: ${reason}.`);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
