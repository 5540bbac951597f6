import { Failure, usageInvalid } from "../pipeline/failure.ts";

/** The port and paths on which Vertex AI expects a custom container to listen. */
export interface VertexEnvironment {
  readonly port: number;
  readonly paths: { readonly health: string; readonly predict: string };
  /** Where Vertex AI has put the files of the model, if it was given one: gs://BUCKET/PATH. */
  readonly storage: string | undefined;
}

/**
 * Reads the variables that Vertex AI sets in a container; undefined if `AIP_MODE` is not `PREDICTION`.
 *
 * @throws {Failure} `usage-invalid` for an invalid port or path.
 * @see Vertex AI, "Custom container requirements for prediction"; triton src/command_line_parser.cc.
 */
export function readVertexEnvironment(
  variable: (name: string) => string | undefined,
): VertexEnvironment | undefined {
  if (variable("AIP_MODE") !== "PREDICTION") return undefined;
  const port = variable("AIP_HTTP_PORT") || "8080";
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535) throw unexpected("AIP_HTTP_PORT", port, "a port");
  const path = (name: string, otherwise: string) => {
    const value = variable(name) || otherwise;
    if (/^\/[A-Za-z0-9._~:/-]+$/.test(value) && !/\/\/|\/:|\/\.\.?(?:\/|$)/.test(value)) return value;
    throw unexpected(name, value, "a path without escapes");
  };
  return {
    port: Number(port),
    paths: { health: path("AIP_HEALTH_ROUTE", "/ping"), predict: path("AIP_PREDICT_ROUTE", "/invocations") },
    // Set and empty for a model without an artifactUri.
    storage: variable("AIP_STORAGE_URI") || undefined,
  };
}

function unexpected(name: string, value: string, expected: string): Failure {
  return usageInvalid(`${name} is ${JSON.stringify(value.slice(0, 200))}, expected ${expected}.`);
}
