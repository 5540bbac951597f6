import { join } from "node:path";
import type { ModelReport } from "../../pipeline/report/model_report.ts";
import { parseReport } from "../../pipeline/report/report_file.ts";
import { root } from "./program.ts";

/**
 * Returns the report of a model of generated loan offers, as these commands made it, with the cross of credit and loan_purpose in
 * loans.json beside what features.json has:
 *
 *     clickwell generate --offers 30000 --seed 7 --out loans
 *     clickwell train --spec loans.json --leads loans/leads.parquet --offers loans/offers.parquet --clicks loans/clicks.parquet
 *     cp models/*\/report.json tests/fixtures/report/report.json
 *
 * @param modelId Puts this id in place of its own.
 */
export function storedReport(modelId?: string): ModelReport {
  const bytes = Deno.readFileSync(join(root, "tests/fixtures/report/report.json"));
  const { model_id } = JSON.parse(new TextDecoder().decode(bytes)).report;
  const report = parseReport(bytes, model_id);
  return { ...report, model_id: modelId ?? report.model_id };
}
