import type { Encoder } from "../encode/encoder.ts";
import { inputsOf } from "../examples/input_columns.ts";
import { Failure } from "../failure.ts";
import { createFindings, pointerTo } from "./findings.ts";
import { createTerm } from "./terms.ts";

/**
 * Checks the values with which rows are scored in place of their own.
 *
 * @returns Notes on those that no training row has.
 * @throws {Failure} `spec-invalid` for a value that the field cannot have.
 */
export function servedValueNotes({ features, columnCount }: Encoder): string[] {
  const coefficients = new Float64Array(columnCount);
  return features.filter(({ servedAs }) => servedAs !== undefined).flatMap((feature) => {
    const { name, servedAs, ...own } = feature;
    const names = inputsOf(feature).map((input) => input.name);
    const findings = createFindings();
    createTerm({ ...own, name }, { coefficients, names })(
      servedAs,
      findings,
      names.map(() => null),
    );
    const error = findings.errors.find(({ pointer }) => pointer === pointerTo(name));
    if (error) {
      throw new Failure(
        "spec-invalid",
        `The feature spec has a servedAs that ${name} cannot have: it ${error.detail}.`,
      );
    }
    return findings.unseen.length === 0 ? [] : [
      `${name} is served as ${
        JSON.stringify(servedAs)
      }, which no training row has: it counts as an unseen level.`,
    ];
  });
}
