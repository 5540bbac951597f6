import { readFileSync } from "node:fs";
import { Failure } from "../../pipeline/failure.ts";
import { type FeatureSpec, parseSpec } from "../../pipeline/examples/spec.ts";

/** Reads the feature spec of `--spec`. @throws {Failure} `file-missing`; `spec-invalid` with a pointer per bad field. */
export function readSpec(path: string): FeatureSpec {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new Failure(
      "file-missing",
      `Cannot read the feature spec ${path}: it does not exist or is not a readable file.`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Failure(
      "spec-invalid",
      `The feature spec ${path} is not JSON: ${error instanceof Error ? error.message : error}.`,
    );
  }
  return parseSpec(value, path);
}
