import { Failure } from "../../pipeline/failure.ts";
import { type FeatureSpec, parseSpec } from "../../pipeline/examples/spec.ts";
import { readGivenFile } from "./given_file.ts";
import { parseJsonOfDoubles } from "../../pipeline/exact_json.ts";

/** Reads the feature spec of `--spec`. @throws {Failure} `file-missing`; `spec-invalid` with a pointer per bad field. */
export function readSpec(path: string): FeatureSpec {
  const text = readGivenFile(path, "the feature spec");
  let value: unknown;
  try {
    value = parseJsonOfDoubles(text);
  } catch (error) {
    throw new Failure(
      "spec-invalid",
      `The feature spec ${path} is not JSON: ${error instanceof Error ? error.message : error}.`,
    );
  }
  return parseSpec(value, path);
}
