import assert from "node:assert/strict";
import { formatReport, parseReport } from "../../../pipeline/report/report_file.ts";
import { storedReport } from "../../support/stored_report.ts";
import { assertFailure } from "../../support/expected_failure.ts";

const report = storedReport();
const bytes = formatReport(report);

Deno.test("a report is read as it was written, and is below 300 kB", () => {
  assert.deepEqual(parseReport(bytes, report.model_id), report);
  assert.ok(bytes.length < 300_000);
});

Deno.test("a report of which a byte was changed, or which was cut off, is refused, and the message says what to do", () => {
  const message = new RegExp(
    `report of the model ${report.model_id}: its report.json was changed.*evaluate ${report.model_id} --report`,
  );
  for (const at of [0, 20, 75, 90, 5_000, bytes.length - 1]) {
    const changed = bytes.slice();
    changed[at] ^= 1;
    assertFailure(() => parseReport(changed, report.model_id), "artifact-corrupt", message);
  }
  assertFailure(() => parseReport(bytes.slice(0, -9), report.model_id), "artifact-corrupt", message);
  assertFailure(() => parseReport(new Uint8Array(), report.model_id), "artifact-corrupt", message);
});

Deno.test("a report is that of its model, and has the members of its version", () => {
  assertFailure(
    () => parseReport(bytes, "cw-0123456789abcdef"),
    "artifact-corrupt",
    new RegExp(`is that of ${report.model_id}`),
  );
  const other = formatReport({ ...report, trace: [{ step: 1, objective: NaN }] });
  assertFailure(
    () => parseReport(other, report.model_id),
    "artifact-corrupt",
    /report.json at trace.0.objective: expected a finite number/,
  );
});
