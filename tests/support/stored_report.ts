import { join } from "node:path";
import type { ModelReport } from "../../pipeline/report/model_report.ts";
import { parseReport } from "../../pipeline/report/report_file.ts";
import { root } from "./program.ts";

/** Returns the report of a model of generated loan offers. @param modelId Puts this id in place of its own. */
export function storedReport(modelId?: string): ModelReport {
  const bytes = Deno.readFileSync(join(root, "tests/fixtures/report/report.json"));
  const { model_id } = JSON.parse(new TextDecoder().decode(bytes)).report;
  const report = parseReport(bytes, model_id);
  return { ...report, model_id: modelId ?? report.model_id };
}
