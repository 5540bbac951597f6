import { createHash } from "node:crypto";
import { parseJsonOfDoubles } from "../exact_json.ts";
import { Failure } from "../failure.ts";
import type { ArtifactStore } from "../model/artifact.ts";
import { requireShape } from "../model/json_shape.ts";
import type { ModelReport } from "./model_report.ts";
import { reportShape } from "./report_shape.ts";

/** Name of the file kept beside a model that has its report. */
export const reportName = "report.json";

const digits = 64;
const opening = '{"sha256":"';
const middle = '","report":';
const closing = "}\n";

/** Digits of numbers that are drawn or read by people; edges of bins have more, since values lie on them. */
const drawnDigits = 7;

/** Returns the bytes of `report.json`: the report, and before it the SHA-256 of its text, hexadecimal. */
export function formatReport(report: ModelReport): Uint8Array<ArrayBuffer> {
  const exact = new Set(["from", "to", ...Object.keys(report.hyper_parameters)]);
  const text = JSON.stringify(
    report,
    (key, value) =>
      typeof value === "number" && !Number.isInteger(value) && !exact.has(key)
        ? Number(value.toPrecision(drawnDigits))
        : value,
  );
  return new TextEncoder().encode(opening + sha256(text) + middle + text + closing);
}

/**
 * Reads the bytes of a `report.json` and checks them: checksum, model, shape.
 *
 * @throws {Failure} `artifact-corrupt`
 */
export function parseReport(bytes: Uint8Array, modelId: string): ModelReport {
  const fail = (what: string) =>
    new Failure(
      "artifact-corrupt",
      `Cannot read the report of the model ${modelId}: ${what}. The model itself can be used; ` +
        `make a new report with clickwell evaluate ${modelId} --report FILE.html.`,
    );
  const text = reportText(bytes);
  if (text === undefined) throw fail(`its ${reportName} was changed`);
  const value: unknown = parseJsonOfDoubles(text);
  requireShape(reportShape, value, ({ path, detail }) => {
    throw fail(`${reportName} at ${path.join(".")}: ${detail}`);
  });
  if (value.model_id !== modelId) throw fail(`its ${reportName} is that of ${value.model_id}`);
  return value;
}

/** Reads the report of a model; undefined if it has none. @throws {Failure} `artifact-corrupt` if it was changed. */
export async function readReport(
  artifacts: ArtifactStore,
  modelId: string,
): Promise<ModelReport | undefined> {
  const bytes = await artifacts.readKept(modelId, reportName);
  return bytes && parseReport(bytes, modelId);
}

/** Returns the text of the report if it has the checksum before it. */
function reportText(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes);
  const at = opening.length + digits;
  const from = at + middle.length;
  if (!text.startsWith(opening) || text.slice(at, from) !== middle || !text.endsWith(closing)) {
    return undefined;
  }
  const report = text.slice(from, -closing.length);
  return text.slice(opening.length, at) === sha256(report) ? report : undefined;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
